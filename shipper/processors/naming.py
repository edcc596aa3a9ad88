"""Names that are chosen for each event: `logs-%{[fields.app]:other}-%{+yyyy.MM.dd}`.

The rules are Filebeat's: the first rule that yields a name counts, and a rule yields none if its
condition does not hold or a field without a default is missing.
"""

import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Self

import msgspec
from msgspec import Struct

from shipper import __version__
from shipper.processors.conditions import Condition
from shipper.processors.dates import formatted, time_of
from shipper.processors.event import MISSING, Event, decode, find

_PLACE = re.compile(r"%\{(?:\+([^}]+)|((?:\[[^\]}]+\])+)(?::([^}]*))?)\}")
_HOST_NAME = socket.gethostname()

#: Facts that Filebeat adds to every event, where an event does not have them.
_OWN: Mapping[str, str] = {
    **dict.fromkeys(("agent.type", "@metadata.beat"), "mcp-shipper"),
    **dict.fromkeys(
        ("agent.name", "agent.hostname", "beat.name", "beat.hostname", "host.name"), _HOST_NAME
    ),
    **dict.fromkeys(("agent.version", "beat.version", "@metadata.version"), __version__),
}


class Field(Struct, frozen=True):
    """A field of the event, and the text if it is missing."""

    path: str
    default: str | None = None

    def of(self, event: Event) -> str | None:
        """The value as text; None if there is none."""
        value = find(event, self.path)
        if value is MISSING or value is None or type(value) is dict:
            return _OWN.get(self.path, self.default)
        if type(value) is list:
            return self.default
        return str(value).lower() if type(value) is bool else getattr(value, "text", str(value))


class Date(Struct, frozen=True):
    """The event's `@timestamp` in UTC, in this form."""

    pattern: str

    def of(self, event: Event) -> str:
        """The date; of the present for an event without a time, which Filebeat would add."""
        return formatted(self.pattern, time_of(find(event, "@timestamp")) or datetime.now(UTC))


class Template(Struct, frozen=True):
    """A text with places that each event fills."""

    parts: tuple[str | Field | Date, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """Raises `ValueError` for a place that cannot be read."""
        parts: list[str | Field | Date] = []
        end = 0
        for match in _PLACE.finditer(text):
            parts += [_plain(text[end : match.start()]), _place(match)]
            end = match.end()
        return cls((*(one for one in parts if one != ""), *filter(None, (_plain(text[end:]),))))

    @property
    def constant(self) -> str | None:
        """The text, if no event changes it."""
        return None if any(type(one) is not str for one in self.parts) else "".join(self._texts())

    def fill(self, event: Event) -> str | None:
        """The text; None if a field without a default is missing."""
        found = [one if isinstance(one, str) else one.of(event) for one in self.parts]
        return None if None in found else "".join(filter(None, found))

    def missing(self, event: Event) -> list[str]:
        """The fields that the event lacks."""
        return [one.path for one in self.parts if isinstance(one, Field) and one.of(event) is None]

    def _texts(self) -> Iterable[str]:
        return (one for one in self.parts if isinstance(one, str))


def _plain(text: str) -> str:
    if "%{" in text:
        raise ValueError(
            f"{text!r} is not a place in a name: write %{{[field]}}, %{{[field]:default}} or "
            "%{+yyyy.MM.dd}"
        )
    return text


def _place(match: re.Match[str]) -> Field | Date:
    pattern, path, default = match.groups()
    if pattern is not None:
        formatted(pattern, datetime.now(UTC))  # raises if it is no form
        return Date(pattern)
    dotted = ".".join(re.findall(r"\[([^\]]+)\]", path))
    return Field(dotted, default)


class Rule(Struct, frozen=True):
    """One way to a name, for the events that meet a condition."""

    template: Template
    condition: Condition | None = None
    #: Names by filled-in text; empty if the text itself is the name.
    mappings: Mapping[str, str] = {}
    #: The name if the text is not in `mappings`, or lacks a field.
    default: str = ""

    @property
    def constant(self) -> str | None:
        """The name, if every event has the same one."""
        return None if self.condition or self.mappings else self.template.constant

    def of(self, event: Event) -> str:
        """The name; empty if this rule yields none."""
        if self.condition and not self.condition.holds(event):
            return ""
        text = self.template.fill(event)
        if text and self.mappings:
            text = self.mappings.get(text)
        return text or self.default

    def may_hold(self, line: bytes) -> bool:
        """False only if it yields no name for this line."""
        return self.condition is None or b"\\" in line or self.condition.may_hold(line)


class Names(Struct, frozen=True):
    """The rules of one kind of name, in order."""

    rules: tuple[Rule, ...]
    #: Elasticsearch's names are in small letters.
    is_lower: bool = False

    @property
    def constant(self) -> str | None:
        """The name, if every event has the same one."""
        return self.rules[0].constant if self.rules else ""

    def of(self, line: bytes) -> str:
        """The name for this line; empty if no rule yields one.

        The line is decoded only if a rule needs a field of it.
        """
        event: Event | None = None
        for rule in self.rules:
            if not rule.may_hold(line):
                continue
            if (name := rule.constant) is None:
                event = _decoded(line) if event is None else event
                name = rule.of(event)
            if name:
                return name.lower() if self.is_lower else name
        return ""

    def why_not(self, line: bytes, what: str) -> str:
        """Why this line has no name of the kind `what`."""
        event = _decoded(line)
        missing = dict.fromkeys(p for rule in self.rules for p in rule.template.missing(event))
        lacks = f": it has no {', '.join(missing)}" if missing else ": no rule holds for it"
        return f"no {what} for this line{lacks}; give a default, or a rule without condition"


def _decoded(line: bytes) -> Event:
    try:
        return decode(line)
    except (msgspec.DecodeError, RecursionError):
        return {}


def names_of(text: str | None, rules: Sequence[Rule], *, is_lower: bool = False) -> Names:
    """The rules, and after them the name in a plain option."""
    last = (Rule(Template.of(text)),) if text else ()
    return Names((*rules, *last), is_lower)


def is_template(text: str | None) -> bool:
    """Whether events fill places of this name."""
    return text is not None and "%{" in text
