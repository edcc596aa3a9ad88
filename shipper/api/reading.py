"""Operations that read the record on this host: counts, alerts, and events as they are written."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from shipper.api.answers import Alert, AlertsFound, Asked, Streamed, Summary
from shipper.api.record import chosen, record_operation, recorded_in
from shipper.api.requests import GRADES
from shipper.api.tail import Tail
from shipper.catalog.derived import SEVERITIES
from shipper.config import Config

_LIMIT = 100
_DAY = timedelta(days=1)
#: The severity of an event as a word.
_WORDS = {number: word for word, number in SEVERITIES.items()}

Json = dict[str, Any]


class _Counted(msgspec.Struct, frozen=True):
    """The members of an event that are counted."""

    class Event(msgspec.Struct, frozen=True):
        outcome: str = "unknown"
        severity: int = 0

    class Mcp(msgspec.Struct, frozen=True):
        class Audit(msgspec.Struct, frozen=True):
            type: str = ""

        audit: Audit = Audit()

    event: Event = Event()
    mcp: Mcp = Mcp()


_counted = msgspec.json.Decoder(_Counted).decode


def audit_summary(context: Mapping[str, Any], config: Config) -> Summary:
    """What is recorded, and how many events there are of each kind; of the last day by default."""
    active = config.scope.active(config.catalog)
    until = context.get("until") or datetime.now(UTC).isoformat()
    since = context.get("since") or (_time(str(until)) - _DAY).isoformat(timespec="seconds")
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("type", "outcome", "severity")}
    total = 0
    for line in _found("", config, {**context, "since": since, "until": until}):
        event = _counted(line)
        total += 1
        counts["type"][event.mcp.audit.type] += 1
        counts["outcome"][event.event.outcome] += 1
        counts["severity"][_WORDS.get(event.event.severity, str(event.event.severity))] += 1
    record_operation(config, "summary", total, user=context.get("user_id"), since=since)
    return Summary(
        audit_level=config.scope.level.value,
        total_event_types=len(active),
        event_types=active,
        compliance_frameworks=config.scope.frameworks,
        real_time_monitoring=config.real_time_monitoring,
        period=Asked(since, str(until)),
        total_events=total,
        **{f"by_{name}": dict(sorted(found.items())) for name, found in counts.items()},
    )


def alerts(context: Mapping[str, Any], config: Config) -> AlertsFound:
    """The alerts that the shipper raised on this host, the oldest first, or the newest."""
    limit = int(context.get("limit") or _LIMIT)
    query = "mcp.threat.rule : *"
    if rule := context.get("rule"):
        query = f"mcp.threat.rule : {msgspec.json.encode(rule).decode()}"
    if severity := context.get("severity"):
        query += f" and event.severity >= {SEVERITIES[GRADES[GRADES.index(severity)]]}"
    lines = chosen(_found(query, config, context), limit + 1, context)
    found = [_alert(msgspec.json.decode(line)) for line in lines[:limit]]
    record_operation(config, "alerts", len(found), user=context.get("user_id"))
    return AlertsFound(found, len(found), len(lines) <= limit)


def stream_events(context: Mapping[str, Any], config: Config) -> Streamed:
    """The events written since `after`, and the `after` of the next call.

    Without `after`, no event: the next call has those that are written from now on. A segment that
    was deleted before it was read is reported, by its stream, in `missed`.
    """
    from shipper.evidence.query import query_of

    matches = query_of(str(context.get("query") or ""), config.catalog).matcher()
    tail = Tail(recorded_in(config), context.get("after"))
    read = tail.read(int(context.get("limit") or _LIMIT))
    events = [msgspec.json.decode(line) for line in read.lines if matches(line)]
    if not context.get("after"):  # each event about a later call would be found by the next one
        user, query = context.get("user_id"), context.get("query")
        record_operation(config, "stream", 0, user=user, query=query)
    return Streamed(events, read.after, read.missed)


def _found(query: str, config: Config, context: Mapping[str, Any]) -> Iterator[bytes]:
    """The lines that match the query and that of the request."""
    from shipper.evidence.query import query_of, time_of
    from shipper.evidence.search import search

    times = {name: context[name] for name in ("since", "until") if context.get(name)}
    given = {name: time_of(str(at)) for name, at in times.items()}
    asked = str(context.get("query") or "")
    query_of(asked, config.catalog)  # alone: a parenthesis in it must not end ours
    both = " and ".join(f"({one})" for one in (query, asked) if one.strip())
    return search(recorded_in(config), query_of(both, config.catalog, **given))


def _time(text: str) -> datetime:
    from shipper.evidence.query import time_of

    return time_of(text)


def _alert(event: Json) -> Alert:
    """An alert, without the frame of an event."""
    threat = event["mcp"]["threat"]
    known = threat.get("indicators", {})
    return Alert(
        id=event["event"]["id"],
        time=event["@timestamp"],
        rule=threat["rule"],
        title=event.get("rule", {}).get("name", ""),
        severity=_WORDS.get(event["event"].get("severity", 0), ""),
        risk_score=event["event"].get("risk_score"),
        technique=event.get("threat", {}).get("technique", {}).get("id"),
        group={name: value for name, value in known.items() if "." in name},
        explanation=known.get("explanation", ""),
        usual=known.get("usual", ""),
        seen=known.get("seen", ""),
        events=threat.get("event_ids", []),
    )
