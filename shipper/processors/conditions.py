"""Filebeat's conditions, which hold for an event or not.

`may_hold` checks the undecoded line, which has no backslash. If it is false, `holds` would be false
too, and the line need not be decoded. A condition on several fields holds if it holds for all of
them.
"""

import re
from collections.abc import Sequence
from operator import ge, gt, le, lt
from typing import Any, Protocol

from msgspec import Struct

from shipper.patterns import Pattern
from shipper.processors.event import MISSING, Event, find, mentions
from shipper.processors.network import Network, addresses


class Condition(Protocol):
    """A condition on an event."""

    def holds(self, event: Event) -> bool:
        """Whether the condition is true for the event."""
        ...

    def may_hold(self, line: bytes) -> bool:
        """False only if the condition is false for this line, which has no backslash."""
        ...


class Equals(Struct, frozen=True):
    """The fields have these values, of the same type: 1 is neither "1" nor 1.0 nor true."""

    fields: tuple[tuple[str, str | int | bool], ...]

    def holds(self, event: Event) -> bool:
        return all(_same(find(event, path), wanted) for path, wanted in self.fields)

    def may_hold(self, line: bytes) -> bool:
        return all(
            _in_json(wanted) in line and mentions(line, path) for path, wanted in self.fields
        )


def _same(value: Any, wanted: str | int | bool) -> bool:  # noqa: FBT001 - one value of three types
    return type(value) is type(wanted) and bool(value == wanted)


def _in_json(wanted: str | int | bool) -> bytes:  # noqa: FBT001 - as above
    return str(wanted).lower().encode() if isinstance(wanted, bool) else str(wanted).encode()


class Contains(Struct, frozen=True):
    """The fields contain these texts; of a list, one item is enough."""

    fields: tuple[tuple[str, str], ...]

    def holds(self, event: Event) -> bool:
        return all(any(text in one for one in _texts(event, path)) for path, text in self.fields)

    def may_hold(self, line: bytes) -> bool:
        return all(text.encode() in line and mentions(line, path) for path, text in self.fields)


class Regexp(Struct, frozen=True):
    """The fields match these patterns anywhere; of a list, one item is enough."""

    fields: tuple[tuple[str, Pattern], ...]

    def holds(self, event: Event) -> bool:
        return all(any(map(pattern.search, _texts(event, path))) for path, pattern in self.fields)

    def may_hold(self, line: bytes) -> bool:
        return all(mentions(line, path) for path, _ in self.fields)


def _texts(event: Event, path: str) -> Sequence[str]:
    value = find(event, path)
    if type(value) is list:
        return [item for item in value if type(item) is str]
    return (value,) if type(value) is str else ()


COMPARISONS = {"gte": ge, "gt": gt, "lte": le, "lt": lt}
_NUMERIC = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Range(Struct, frozen=True):
    """The fields are numbers, or texts that are numbers, within these bounds."""

    #: Path, one of `COMPARISONS`, bound.
    fields: tuple[tuple[str, str, float], ...]

    def holds(self, event: Event) -> bool:
        return all(
            (number := _number(find(event, path))) is not None and COMPARISONS[name](number, bound)
            for path, name, bound in self.fields
        )

    def may_hold(self, line: bytes) -> bool:
        return all(mentions(line, path) for path, _, _ in self.fields)


def _number(value: Any) -> float | None:
    if type(value) is str and _NUMERIC.fullmatch(value):
        return float(value)
    return value if type(value) is not bool and isinstance(value, int | float) else None


class InNetwork(Struct, frozen=True):
    """The fields are addresses in one of these networks; of a list, one item is enough."""

    fields: tuple[tuple[str, tuple[Network, ...]], ...]

    def holds(self, event: Event) -> bool:
        return all(
            any(network(one) for one in addresses(_texts(event, path)) for network in networks)
            for path, networks in self.fields
        )

    def may_hold(self, line: bytes) -> bool:
        return all(mentions(line, path) for path, _ in self.fields)


class HasFields(Struct, frozen=True):
    """All these fields exist, with any value, even null."""

    fields: tuple[str, ...]

    def holds(self, event: Event) -> bool:
        return all(find(event, path) is not MISSING for path in self.fields)

    def may_hold(self, line: bytes) -> bool:
        return all(mentions(line, path) for path in self.fields)


class And(Struct, frozen=True):
    """All of the conditions hold."""

    conditions: tuple[Condition, ...]

    def holds(self, event: Event) -> bool:
        return all(one.holds(event) for one in self.conditions)

    def may_hold(self, line: bytes) -> bool:
        return all(one.may_hold(line) for one in self.conditions)


class Or(Struct, frozen=True):
    """At least one of the conditions holds."""

    conditions: tuple[Condition, ...]

    def holds(self, event: Event) -> bool:
        return any(one.holds(event) for one in self.conditions)

    def may_hold(self, line: bytes) -> bool:
        return any(one.may_hold(line) for one in self.conditions)


class Not(Struct, frozen=True):
    """The condition does not hold."""

    condition: Condition

    def holds(self, event: Event) -> bool:
        return not self.condition.holds(event)

    def may_hold(self, _line: bytes) -> bool:
        """True, because `may_hold` of the condition cannot show that it certainly holds."""
        return True
