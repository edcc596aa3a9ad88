"""Records the scenarios of this folder again: real segments, each with the alerts that it raises.

    python examples/attacks/make.py

Each scenario is a list of events with their times. They are recorded by an `AuditHandler`, so the
lines are what an application writes. Streams get new ids each time.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from shipper import (
    AuditHandler,
    create_authentication_event,
    create_compliance_event,
    create_policy_violation_event,
    create_security_threat_event,
    create_tool_execution_event,
)
from shipper.record.event import Event, create_event

HERE = Path(__file__).parent
START_S = datetime(2026, 9, 1, 8, tzinfo=UTC).timestamp()
MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86_400.0

Timed = tuple[float, Event]


def call(user: str, tool: str, **arguments: object) -> Event:
    """A call of a tool that worked."""
    return create_tool_execution_event(
        user, tool, arguments, "done", 12.5, client_id="desk", source_ip="10.1.0.7"
    )


def sign_in(user: str | None, address: str, *, success: bool) -> Event:
    """A sign-in, or a failed one."""
    reason = None if success else "unknown token"
    return create_authentication_event(
        user, "desk", None, success=success, failure_reason=reason, source_ip=address
    )


def decided(user: str, tool: str, decision: str) -> Event:
    """A decision of a policy about a tool."""
    fields = {"gen_ai.tool.name": tool, "policy_engine": "opa", "decision": decision}
    return create_event(
        "mcp_authorization_decisions", fields, user_id=user, client_id="desk", success=None
    )


def multiple_authentication_failures() -> Iterator[Timed]:
    """Guessed tokens from one address."""
    for n in range(12):
        yield n * 9.0, sign_in(None, "203.0.113.66", success=False)


def credential_spraying() -> Iterator[Timed]:
    """One secret, tried for many users; few enough failures of each."""
    for n in range(6):
        yield n * 50.0, sign_in(f"user-{n}", "203.0.113.67", success=False)


def privilege_escalation_attempts() -> Iterator[Timed]:
    """A user tries tools that are not theirs."""
    for n, tool in enumerate(("delete_user", "grant_role", "read_secret", "export_all")):
        yield n * 40.0, decided("mallory", tool, "deny")


def denied_then_granted() -> Iterator[Timed]:
    """A user is denied a tool, over more than the time of the rule about denials, then has it."""
    for n in range(3):
        yield n * 290.0, decided("mallory", "transfer", "deny")
    yield 598.0, decided("mallory", "transfer", "allow")


def unusual_tool_execution_patterns() -> Iterator[Timed]:
    """After three weeks of the same work, a user calls a tool that they never called."""
    for day in range(21):
        yield day * DAY_S, call("amara", "read_file", path=f"/plans/{day}.md")
    yield 21 * DAY_S, call("amara", "delete_customer", id=4711)


def unusual_call_rate() -> Iterator[Timed]:
    """A user who reads a customer now and then reads very many within an hour."""
    for hour in range(22):
        yield hour * HOUR_S, call("bjorn", "read_customer", id=hour)
    for n in range(110):
        yield 22 * HOUR_S + n * 30.0, call("bjorn", "read_customer", id=1000 + n)


def identical_calls() -> Iterator[Timed]:
    """An agent in a loop orders the same thing."""
    for n in range(15):
        yield n * 3.0, call("chen", "create_order", article="A-1", count=1)


def policy_violation_spikes() -> Iterator[Timed]:
    """A client probes a content filter."""
    for n in range(14):
        yield (
            n * 20.0,
            create_policy_violation_event(
                "dalia", "content", "medium", "blocked by the filter", client_id="probe"
            ),
        )


def high_confidence_threats() -> Iterator[Timed]:
    """A detector is sure."""
    yield (
        0.0,
        create_security_threat_event(
            "mallory", "prompt_injection", 0.97, {"pattern": "ignore all"}, blocked=True
        ),
    )


def record_refused() -> Iterator[Timed]:
    """The shipper finds that a segment does not continue what it has signed."""
    details = {"stream": "01a1", "sequence": 812, "reason": "event 812 is not the one signed"}
    yield 0.0, create_compliance_event("checkpoint-refused", details=details, success=False)


def record_incomplete() -> Iterator[Timed]:
    """A disk was full, and events were lost."""
    yield 0.0, create_compliance_event("records-lost", records=17, success=False)


def user_authentication_failures() -> Iterator[Timed]:
    """Guesses about one user, each from another address."""
    for n in range(8):
        yield n * 30.0, sign_in("amara", f"203.0.113.{100 + n}", success=False)


def wrong_audience() -> Iterator[Timed]:
    """A token of another server is tried; few enough times to be no series of failures."""
    for n in range(4):
        yield (
            n * 20.0,
            create_authentication_event(
                *("mallory", "desk", None),
                success=False,
                failure_reason="wrong_audience",
                source_ip="203.0.113.70",
            ),
        )


def session_taken_over() -> Iterator[Timed]:
    """A second user goes on in the session of the first."""
    for n in range(3):
        fields = {"mcp.violation.type": "session_principal_changed", "mcp.session.id": "s-1"}
        yield n * 15.0, create_event("mcp_policy_violations", fields, user_id="mallory")


def tool_redefined() -> Iterator[Timed]:
    """A server gives a tool another description; two clients see it."""
    for n, user in enumerate(("amara", "bjorn")):
        fields = {
            "mcp.violation.type": "tool_redefined",
            "gen_ai.tool.name": "read_file",
            "mcp.tool.definition.hash": "b" * 64,
            "mcp.tool.definition.previous": "a" * 64,
        }
        yield n * 300.0, create_event("mcp_policy_violations", fields, user_id=user)


def approved_too_quickly() -> Iterator[Timed]:
    """A client accepts every question for its user."""
    for n in range(3):
        fields = {"event.action": "elicitation", "mcp.elicitation.action": "accept"}
        event = create_event("mcp_prompt_request", fields, user_id="chen", duration_ms=40.0)
        yield n * 60.0, event


def deep_delegation() -> Iterator[Timed]:
    """Agents call each other in a circle, with tokens that name them all."""
    for n in range(3):
        fields = {
            "gen_ai.tool.name": "read_file",
            "decision": "allow",
            "mcp.auth.delegation.actors": [f"agent-{at % 2}" for at in range(8)],
            "mcp.auth.delegation.truncated": True,
        }
        yield n * 2.0, create_event("mcp_authorization_decisions", fields, user_id="dalia")


def unusual_hours() -> Iterator[Timed]:
    """After three weeks of work in the morning, a user calls the same tool at night."""
    for day in range(21):
        yield day * DAY_S, call("amara", "read_file", path=f"/plans/{day}.md")
    yield 20 * DAY_S + 18 * HOUR_S, call("amara", "read_file", path="/plans/20.md")


def retention_or_key_changed() -> Iterator[Timed]:
    """Somebody shortens the retention of tool calls."""
    details = {"days": {"mcp_tool_execution": {"before": 365, "after": 7}}}
    yield 0.0, create_compliance_event("retention-shortened", details=details)


def sequence_gap() -> Iterator[Timed]:
    """Calls, of which `main` takes a line out afterwards."""
    for n in range(6):
        yield n * 10.0, call("emeka", "read_file", path=f"/{n}")


def checkpoint_overdue() -> Iterator[Timed]:
    """A stream is signed each minute, and then not for an hour."""
    for minute in (*range(6), 66):
        yield minute * MINUTE_S, create_compliance_event("checkpoint", records=3)


def quiet() -> Iterator[Timed]:
    """A month of four people's usual work, with the mistakes that people make."""
    rng = random.Random(7)
    work = {
        "amara": ("read_file", "write_file"),
        "bjorn": ("read_customer", "update_customer"),
        "chen": ("search_docs", "read_file"),
        "dalia": ("create_ticket", "list_tickets"),
    }
    for day in range(30):
        for at, user in enumerate(work):
            begin_s = day * DAY_S + at * HOUR_S + rng.random() * HOUR_S
            if rng.random() < 0.1:
                yield begin_s - 30, sign_in(user, f"10.1.0.{at}", success=False)
            yield begin_s, sign_in(user, f"10.1.0.{at}", success=True)
            for n, tool in enumerate(work[user]):
                yield begin_s + 60 * (n + 1), decided(user, tool, "allow")
                yield begin_s + 60 * (n + 1) + 1, call(user, tool, id=rng.randrange(1000))
        if rng.random() < 0.2:
            yield day * DAY_S + 7 * HOUR_S, decided("chen", "write_file", "deny")
        if rng.random() < 0.1:
            yield (
                day * DAY_S + 8 * HOUR_S,
                create_policy_violation_event("dalia", "content", "low", "masked", "redacted"),
            )


SCENARIOS: tuple[Callable[[], Iterator[Timed]], ...] = (
    multiple_authentication_failures,
    credential_spraying,
    privilege_escalation_attempts,
    denied_then_granted,
    unusual_tool_execution_patterns,
    unusual_call_rate,
    identical_calls,
    policy_violation_spikes,
    high_confidence_threats,
    record_refused,
    record_incomplete,
    user_authentication_failures,
    wrong_audience,
    session_taken_over,
    tool_redefined,
    approved_too_quickly,
    deep_delegation,
    unusual_hours,
    retention_or_key_changed,
    sequence_gap,
    checkpoint_overdue,
    quiet,
)
#: Fields that only the record itself writes.
_CHECKPOINT = {"mcp.audit.checkpoint.stream": "01a1", "mcp.audit.checkpoint.state": "open"}


def record(events: Iterable[Timed], folder: Path) -> None:
    """Record events with their times, as one stream."""
    service = {"name": "desk", "version": "1.0"}
    with tempfile.TemporaryDirectory() as scratch:
        handler = AuditHandler(Path(scratch), audit_level="enterprise", service=service)
        for at_s, event in sorted(events, key=lambda one: one[0]):
            with patch("time.time", lambda at_s=at_s: START_S + at_s):
                if event.fields.get("operation") == "checkpoint":
                    handler.record_self_audit(event, _CHECKPOINT)
                else:
                    handler.record(event, time.time())
        handler.close()
        segments = sorted(Path(scratch).glob("*.jsonl"))
        lines = [line for path in segments for line in path.read_bytes().splitlines(keepends=True)]
    if folder.name == "sequence_gap":
        del lines[3]
    (folder / "events.jsonl").write_bytes(b"".join(lines))


def main() -> None:
    """Record every scenario."""
    for scenario in SCENARIOS:
        folder = HERE / scenario.__name__
        folder.mkdir(exist_ok=True)
        record(scenario(), folder)


if __name__ == "__main__":
    main()
