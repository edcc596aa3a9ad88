"""The alerts among the lines of audit streams, for outputs that only send these."""

import re
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from shipper.lines import Lines

#: Severities by the number that an event has.
Severity = Literal["low", "medium", "high", "critical"]
_NUMBERS: dict[str, int] = {"low": 21, "medium": 47, "high": 73, "critical": 99}
_ALERT = re.compile(rb'"dataset":"mcp\.threats"')


def alerts_in(lines: Lines, least: Severity) -> Iterator[tuple[int, dict[str, Any]]]:
    """The alerts of at least that severity, each with the index of its line.

    Lines of other files than audit streams could forge one, and are left out.
    """
    at = 0
    found = iter(lines)
    for count, is_sealed in [(one.count, not one.key) for one in lines.origins] or [
        (len(lines), True)
    ]:
        for line in (next(found) for _ in range(count)):
            if is_sealed and _ALERT.search(line) and (event := _alert(line, _NUMBERS[least])):
                yield at, event
            at += 1


def _alert(line: bytes, least: int) -> dict[str, Any] | None:
    event: dict[str, Any] = msgspec.json.decode(line)
    is_alert = event.get("mcp", {}).get("threat", {}).get("rule")
    is_severe = event.get("event", {}).get("severity", 0) >= least
    return event if is_alert and is_severe else None


def in_words(event: dict[str, Any]) -> str:
    """The alert as a person reads it."""
    threat = event["mcp"]["threat"]
    known = threat.get("indicators", {})
    about = {key: value for key, value in known.items() if "." in key}
    whom = ", ".join(f"{key} {value}" for key, value in about.items())
    usual, seen = known.get("usual", ""), known.get("seen", "")
    title = event.get("rule", {}).get("name", threat["rule"])
    text = f"{title}{f' ({whom})' if whom else ''}: {known.get('explanation', '')}"
    return f"{text} Usual: {usual}. Seen: {seen}." if seen else text
