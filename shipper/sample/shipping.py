"""What the shipper of the sample records about itself, and who reads the record."""

from collections.abc import Iterator

from shipper.record.event import Event, create_compliance_event

_DAY_S, _HOUR_S = 86_400, 3_600
_WEEK_DAYS = 7
_SIGNED_EVERY_S = 6 * _HOUR_S
_AUDITOR, _OPERATOR, _ANALYST = "nadia", "ops", "sam"

_At = Iterator[tuple[float, Event]]


def shipping(start_s: float, days: int) -> _At:
    """The shipper signs, is restarted each week, and sometimes cannot deliver a line.

    The record is verified each night, and read by an analyst and an auditor.
    """
    for day in range(days):
        at_s = start_s + day * _DAY_S
        for n in range(_DAY_S // _SIGNED_EVERY_S):
            yield at_s + (n + 1) * _SIGNED_EVERY_S - 1, create_compliance_event("checkpoint")
        words = {"words": {"intact": 4}}
        yield at_s + 3 * _HOUR_S, create_compliance_event("verify", None, words, 1000, _OPERATOR)
        if day % 3 == 1:
            asked = {"query": "event.outcome: failure"}
            yield at_s + 10 * _HOUR_S, create_compliance_event("search", None, asked, 60, _ANALYST)
        if day % _WEEK_DAYS == 0:
            yield from _week(at_s + _HOUR_S, day)
    yield from _audit(start_s + (days - 1) * _DAY_S + 9 * _HOUR_S)


def _week(at_s: float, day: int) -> _At:
    if day:
        details = {"unacknowledged_bytes": {"elasticsearch": 0}}
        yield at_s, create_compliance_event("shipper-stop", None, details, None, _OPERATOR)
    outputs = {"outputs": ["elasticsearch"]}
    yield at_s + 2, create_compliance_event("shipper-start", None, outputs, None, _OPERATOR)
    lines = {"output": "elasticsearch", "reason": "400 document_parsing_exception"}
    left_out = 1 + day % 3
    yield (
        at_s + 9 * _HOUR_S,
        create_compliance_event("lines-quarantined", None, lines, left_out, success=False),
    )


def _audit(at_s: float) -> _At:
    """The auditor makes a report, reveals one person, and takes the proofs along."""
    report = {"frameworks": ["sox", "gdpr", "hipaa"]}
    yield at_s, create_compliance_event("report", None, report, 30_000, _AUDITOR)
    why = {"authority": "case 2026-114"}
    yield at_s + 600, create_compliance_event("reveal", None, why, None, _AUDITOR)
    yield at_s + 900, create_compliance_event("export", None, {"what": "tiles"}, None, _AUDITOR)
