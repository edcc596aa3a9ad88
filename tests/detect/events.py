"""Lines of audit streams, made by the handler's own writer of lines."""

from datetime import UTC, datetime

import msgspec

START_S = 1_790_000_000.0


def line(sequence, dataset, at_s=0.0, *, stream="s1", **fields):
    """A sealed line as far as rules look at it."""
    when = datetime.fromtimestamp(START_S + at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    event = {
        "@timestamp": when,
        "data_stream": {"dataset": dataset, "namespace": "default", "type": "logs"},
        "mcp": {"audit": {"stream": {"id": stream}}},
        "event": {
            "dataset": dataset,
            "id": f"{stream}-{sequence}",
            "kind": "event",
            "sequence": sequence,
        },
    }
    for path, value in fields.items():
        node = event
        *parts, last = path.split("__")
        for part in parts:
            node = node.setdefault(part, {})
        node[last] = value
    return msgspec.json.encode(event)


def failed_login(sequence, at_s, address="203.0.113.9", **fields):
    return line(sequence, "mcp.auth", at_s, event__outcome="failure", source__ip=address, **fields)


def call(sequence, at_s, user, tool, **fields):
    return line(sequence, "mcp.tools", at_s, user__id=user, gen_ai__tool__name=tool, **fields)
