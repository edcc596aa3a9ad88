"""A month of invented audit events, written by the real audit handler.

They are for exploring dashboards and trying rules: three services, a dozen people with office hours
and habits, failures, costs, and one incident. In it, stolen tokens are tried, one works, an
administrator's tool is denied, files are exported, and a detector notices. The shipper's self-audit
is included.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import time
from typing import Any

from shipper.record.event import (
    Event,
    create_authentication_event,
    create_compliance_event,
    create_event,
    create_prompt_request_event,
    create_rate_limiting_event,
    create_resource_access_event,
    create_security_threat_event,
    create_token_usage_event,
    create_tool_execution_event,
)
from shipper.record.handler import AuditHandler
from shipper.sample.people import (
    ADMIN,
    AGENT,
    ATTACKER_IP,
    CLIENTS,
    ERRORS,
    GUARDED,
    SERVICES,
    SHIPPER,
    USERS,
    VICTIM,
    Service,
)
from shipper.sample.shipping import shipping

_DAY_S = 86_400
_HOUR_S = 3_600
_SESSIONS_A_DAY = 46
_SATURDAY = 5
_SEGMENT_BYTES = 4 << 20
#: Exports that succeed before the next ones are blocked.
_NOTICED_AFTER = 20
_RATE = "requests-per-minute"

#: How many of the day's sessions start in each hour, UTC, in relation to the others.
_BY_HOUR = (0, 0, 0, 0, 0, 1, 3, 8, 12, 12, 11, 7, 9, 11, 11, 9, 6, 3, 2, 1, 1, 0.5, 0.5, 0.3)

At = Iterator[tuple[float, Event]]


@dataclass(frozen=True, slots=True)
class _Session:
    """One person's work with one client."""

    service: Service
    user: str
    common: Mapping[str, Any]
    client: Mapping[str, object]


def write_sample(
    directory: Path, days: int = 30, seed: int = 1, *, end_s: float | None = None
) -> int:
    """Write segments with `days` of events up to now (or `end_s`); return the number of events.

    The same seed gives the same events, except for what the handler adds: ids, hashes, host,
    process.
    """
    random = Random(seed)  # noqa: S311 - a story, not a secret
    end_s = time() if end_s is None else end_s
    story = (one for one in _story(random, end_s, days) if one[0] <= end_s)
    events = sorted(story, key=lambda one: one[:2])
    with ExitStack() as stack:
        names = (*(row.name for row in SERVICES), SHIPPER)
        handlers = [stack.enter_context(closing(_handler(directory, name))) for name in names]
        for time_s, which, event in events:
            handlers[which].record(event, time_s, own=event is _LOST)
        return sum(handler.counts.recorded for handler in handlers)


def _handler(directory: Path, service_name: str) -> AuditHandler:
    return AuditHandler(
        directory,
        audit_level="enterprise",
        compliance_frameworks=("sox", "gdpr", "hipaa"),
        service={"name": service_name, "version": "3.1.4", "environment": "sample"},
        max_bytes=_SEGMENT_BYTES,
    )


_LOST = create_compliance_event("records-lost", records=17, success=False)


def _story(random: Random, end_s: float, days: int) -> Iterator[tuple[float, int, Event]]:
    for day in range(days):
        start_s = end_s - (days - day) * _DAY_S
        for session, begin_s in _sessions(random, start_s):
            which = SERVICES.index(session.service)
            yield from ((at_s, which, event) for at_s, event in _work(random, session, begin_s))
    incident_s = end_s - min(days, 3) * _DAY_S / 2
    yield from ((at_s, 1, event) for at_s, event in _incident(random, incident_s))
    yield end_s - days * _DAY_S / 3, 2, _LOST
    yield from (
        (at_s, len(SERVICES), event) for at_s, event in shipping(end_s - days * _DAY_S, days)
    )


def _sessions(random: Random, start_s: float) -> Iterator[tuple[_Session, float]]:
    """The sessions of one day: fewer at the weekend, few at night."""
    hours = [start_s - start_s % _HOUR_S + n * _HOUR_S for n in range(24)]
    weights = [_busy(hour_s) for hour_s in hours]
    mean = _SESSIONS_A_DAY * sum(weights) / sum(_BY_HOUR)
    for _ in range(max(1, round(random.gauss(mean, mean / 8)))):
        [hour_s] = random.choices(hours, weights)
        begin_s = hour_s + random.random() * _HOUR_S
        # The sample starts at any minute: what is left of its first hour comes a day later.
        yield _session(random), begin_s if begin_s >= start_s else begin_s + _DAY_S


def _busy(hour_s: float) -> float:
    """How busy the hour is that begins then, by its own day: a sample starts at any time of day."""
    begins = datetime.fromtimestamp(hour_s, UTC)
    return _BY_HOUR[begins.hour] * (0.12 if begins.weekday() >= _SATURDAY else 1)


def _session(random: Random) -> _Session:
    user = random.choices((*USERS, ADMIN), (*range(12, 2, -1), 2))[0]
    name, version = random.choices(CLIENTS, (6, 4, 2))[0]
    common = {
        "client_id": name,
        "session_id": f"{random.getrandbits(64):016x}",
        "source_ip": f"10.20.{len(user)}.{sum(map(ord, user)) % 250}",
    }
    client = {
        "mcp.client.name": name,
        "mcp.client.version": version,
        "mcp.protocol.version": "2025-11-25",
        "network.transport": "tcp",
    }
    return _Session(random.choices(SERVICES, (5, 4, 3))[0], user, common, client)


def _work(random: Random, session: _Session, begin_s: float) -> At:
    """One session from login to its last call."""
    yield begin_s, _login(random, session)
    at_s = begin_s
    for _ in range(random.randint(6, 45)):
        at_s += random.expovariate(1 / 40)
        yield from _step(random, session, at_s)


def _step(random: Random, session: _Session, at_s: float) -> At:
    [kind] = random.choices((_call, _read, _prompt, _token, _limit, _break), _OFTEN)
    yield from kind(random, session, at_s)


def _chance(random: Random, share: float) -> bool:
    return random.random() < share


def _login(random: Random, session: _Session) -> Event:
    success = _chance(random, 0.96)
    reason = None if success else random.choice(("expired", "unknown", "malformed"))
    return create_authentication_event(
        session.user if success else None,
        session.common["client_id"],
        "authorization_code",
        success=success,
        failure_reason=reason,
        session_id=session.common["session_id"],
        source_ip=session.common["source_ip"],
        mcp_endpoint="initialize",
    )


def _asked(random: Random, session: _Session) -> Mapping[str, object]:
    """What an agent passes on with a call: its ids, which Elastic's packages record too."""
    if session.common["client_id"] != AGENT:
        return {}
    return {
        "gen_ai.tool.call.id": f"toolu_{random.getrandbits(80):020x}",
        "gen_ai.conversation.id": session.common["session_id"],
        "trace.id": f"{random.getrandbits(128):032x}",
    }


def _call(random: Random, session: _Session, at_s: float) -> At:
    tool = random.choices(session.service.tools, range(len(session.service.tools), 0, -1))[0]
    if tool.name in GUARDED:
        decision = _decision(random, session)
        yield at_s - 0.01, _decided(session, tool.name, decision)
        if decision == "deny":
            return
    success: bool | None = _chance(random, 1 - tool.failing)
    fields: dict[str, object] = {
        **session.client,
        **_asked(random, session),
        "tool_name": tool.name,
        "arguments": tool.arguments,
        "cost": round(tool.cost * random.uniform(0.5, 2), 5) or None,
        "mcp.tool.is_error": not success,
    }
    if success:
        fields["result"] = tool.result
    else:
        success = None if _chance(random, 0.1) else False
        fields["error.type"] = random.choice(ERRORS)
        fields["error.message"] = "the request to the backend failed"
    duration_ms = random.lognormvariate(math.log(tool.median_ms), 0.6)
    yield (
        at_s,
        create_event(
            "mcp_tool_execution",
            fields,
            user_id=session.user,
            duration_ms=duration_ms,
            success=success,
            **session.common,
        ),
    )


def _decision(random: Random, session: _Session) -> str:
    if session.user == ADMIN:
        return "allow"
    return random.choices(("allow", "ask", "deny"), (88, 7, 5))[0]


def _decided(session: _Session, tool: str, decision: str) -> Event:
    fields = {
        **session.client,
        "tool_name": tool,
        "decision": decision,
        "policy_engine": "opa",
        "confidence": 1.0,
        "rule": f"{session.service.name}-write",
        "approval_required": decision == "ask",
        "approver": ADMIN if decision == "ask" else None,
        "required_scopes": [f"{session.service.name}:write"],
    }
    common = {**session.common, "mcp_endpoint": "tools/call"}
    return create_event("mcp_authorization_decisions", fields, user_id=session.user, **common)


def _read(random: Random, session: _Session, at_s: float) -> At:
    uri = random.choice(session.service.resources)
    yield (
        at_s,
        create_resource_access_event(
            session.user,
            uri.partition(":")[0],
            uri,
            "read",
            round(random.lognormvariate(9, 1.4)),
            success=_chance(random, 0.98),
            duration_ms=random.lognormvariate(3, 0.5),
            mcp_endpoint="resources/read",
            **session.common,
        ),
    )


def _prompt(random: Random, session: _Session, at_s: float) -> At:
    name = random.choice(("weekly-report", "review", "translate"))
    arguments = {"language": random.choice(("en", "de", "fr"))}
    common = {**session.common, "mcp_endpoint": "prompts/get"}
    yield at_s, create_prompt_request_event(session.user, name, arguments, **common)


def _token(random: Random, session: _Session, at_s: float) -> At:
    scopes = [f"{session.service.name}:read"]
    common: dict[str, Any] = {key: session.common[key] for key in ("session_id", "source_ip")}
    grant = random.choice(("refresh_token", "authorization_code"))
    client = session.common["client_id"]
    yield at_s, create_token_usage_event(session.user, client, "bearer", grant, scopes, **common)


def _limit(random: Random, session: _Session, at_s: float) -> At:
    wait_s = round(random.uniform(1, 30), 1)
    yield (
        at_s,
        create_rate_limiting_event(
            session.user, _RATE, 60, 60.0, 0, wait_s, mcp_endpoint="tools/call", **session.common
        ),
    )


def _break(random: Random, session: _Session, at_s: float) -> At:
    kind, severity, action = random.choice(_VIOLATIONS)
    yield at_s, _violation(session.user, kind, severity, action, session.common)


def _violation(
    user: str, kind: str, severity: str, action: str, common: Mapping[str, Any]
) -> Event:
    fields = {
        "violation_type": kind,
        "action_taken": action,
        "details": "seen by the gateway",
        "rule": kind.replace("_", "-"),
    }
    if kind == "unapproved_server":
        fields["gateway_build"] = "2026.11"  # not in the catalog: dropped, and counted
    named = {**common, "severity": severity}
    return create_event("mcp_policy_violations", fields, user_id=user, **named)


_VIOLATIONS = (
    ("invalid_request", "low", "blocked"),
    ("payload_too_large", "low", "blocked"),
    ("personal_data_in_arguments", "medium", "redacted"),
    ("unsupported_protocol_version", "low", "blocked"),
    ("unapproved_server", "high", "alerted"),
)
#: Of a hundred steps: calls, reads, prompts, tokens, limits, violations.
_OFTEN = (66, 22, 5, 5, 1.2, 0.8)


def _incident(random: Random, start_s: float) -> At:
    """From guessed tokens to exported files, in a few hours at night."""
    start_s += 2 * _HOUR_S - start_s % _DAY_S  # two in the morning, UTC
    stolen = {
        "client_id": "report-bot",
        "source_ip": ATTACKER_IP,
        "session_id": "b4d5e55104bad1de",
    }
    at_s = start_s
    for _ in range(140):
        at_s += random.expovariate(1 / 4)
        yield at_s, _guess(None, "unknown")
    yield at_s + 5, _guess(VICTIM, None)
    session = _Session(SERVICES[1], VICTIM, stolen, {"mcp.client.name": "report-bot"})
    for n in range(12):
        yield at_s + 30 + n * 9, _decided(session, "delete_customer", "deny")
    for n in range(25):
        action = "alerted" if n < _NOTICED_AFTER else "blocked"
        yield at_s + 200 + n * 6, _violation(VICTIM, "bulk_export", "high", action, stolen)
    for n in range(60):
        yield at_s + 201 + n * 4, _export(random, stolen)
    yield from _noticed(at_s + 420, stolen)


def _guess(user: str | None, reason: str | None) -> Event:
    return create_authentication_event(
        user,
        "report-bot",
        "client_credentials",
        success=reason is None,
        failure_reason=reason,
        source_ip=ATTACKER_IP,
        mcp_endpoint="initialize",
    )


def _export(random: Random, stolen: Mapping[str, Any]) -> Event:
    tool, arguments = "export_customers", {"format": "csv", "password": "hunter2-and-more"}
    duration_ms = random.lognormvariate(8, 0.3)
    return create_tool_execution_event(
        VICTIM, tool, arguments, "2,311 rows", duration_ms, 0.02, **stolen
    )


def _noticed(at_s: float, stolen: Mapping[str, Any]) -> At:
    seen = (
        ("token_theft", 0.93, False, "MCP01"),
        ("data_exfiltration", 0.97, True, "MCP10"),
        ("scope_creep", 0.71, True, "MCP02"),
        ("prompt_injection", 0.84, True, "MCP06"),
    )
    for n, (kind, confidence, blocked, technique) in enumerate(seen):
        fields = {
            "threat_type": kind,
            "confidence": confidence,
            "blocked": blocked,
            "indicators": {"address": ATTACKER_IP, "exports": 60},
            "technique": technique,
            "threat.framework": "OWASP MCP Top 10",
            "rule": kind.replace("_", "-"),
        }
        threat = create_event("mcp_security_threats", fields, user_id=VICTIM, **stolen)
        yield at_s + n * 45, threat
    quiet = create_security_threat_event("jonas", "tool_poisoning", 0.42, {"tool": "summarise"})
    yield at_s + 900, quiet
