"""Events of an agent, in the shape that Elastic's package for Claude Code gives them."""

import json
from datetime import datetime, timedelta

INDEX = "logs-claude_code.events.otel-default"
MAPPINGS = {
    "properties": {
        "@timestamp": {"type": "date"},
        "claude_code.events.decision": {"type": "keyword"},
        "data_stream.dataset": {"type": "keyword"},
        "event": {
            "properties": {"action": {"type": "keyword"}, "outcome": {"type": "keyword"}},
        },
        "gen_ai": {
            "properties": {
                "tool.call.id": {"type": "keyword"},
                "tool.name": {"type": "keyword"},
            },
        },
        "trace.id": {"type": "keyword"},
        "user.id": {"type": "keyword"},
    }
}


def index_agents(client, directory):
    """Index what an agent would have recorded of the calls in these segments."""
    client.options(ignore_status=404).indices.delete(index=INDEX)
    client.indices.create(index=INDEX, mappings=MAPPINGS)
    files = sorted(directory.glob("*.jsonl"))
    lines = (line for path in files for line in path.read_bytes().splitlines())
    rows = [one for event in agent_events(map(json.loads, lines)) for one in ({"index": {}}, event)]
    for n in range(0, len(rows), 10_000):
        client.bulk(index=INDEX, operations=rows[n : n + 10_000])
    client.indices.refresh(index=INDEX)


def agent_events(recorded):
    """What the agent recorded of the calls that our events know: prompt, decision and result.

    Every tenth call was rejected by the user, so no server saw it.
    """
    for n, event in enumerate(one for one in recorded if _call_of(one)):
        call = _call_of(event)
        if n % 5 == 0:
            yield _event(event, "user_prompt", -4, {})
        yield _event(event, "tool_decision", -1, call)
        yield _event(event, "tool_result", 1, call)
        if n % 10 == 0:
            rejected = {**call, "call": {"id": f"{call['call']['id']}-rejected"}}
            decision = _event(event, "tool_decision", 2, rejected)
            yield decision | {"claude_code": {"events": {"decision": "reject"}}}


def _call_of(event):
    tool = event.get("gen_ai", {}).get("tool", {})
    has_id = "id" in tool.get("call", {})
    return {"name": tool["name"], "call": {"id": tool["call"]["id"]}} if has_id else {}


def _event(event, action, after_s, tool):
    at = datetime.fromisoformat(event["@timestamp"]) + timedelta(seconds=after_s)
    return {
        "@timestamp": at.isoformat(),
        "data_stream": {"type": "logs", "dataset": "claude_code.events.otel"},
        "event": {"action": action, "kind": "event", "outcome": "unknown"},
        "user": {"id": "a1b2c3d4"},
        "trace": event.get("trace", {}),
        **({"gen_ai": {"tool": tool}} if tool else {}),
    }
