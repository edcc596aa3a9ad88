"""Filebeat's conditions: a question about an event, answered yes or no.

`may_hold` asks the line itself, which has no backslash: where it says no, `holds` would say no,
and nothing has to be decoded. A condition about several fields holds if all of them agree.
"""

import re
from collections.abc import Sequence
from operator import ge, gt, le, lt
from typing import Any, Protocol

from msgspec import Struct

from shipper.processors.event import MISSING, Event, find, mentions
from shipper.processors.network import Network, addresses


class Condition(Protocol):
    """A question about an event."""

    def holds(self, event: Event) -> bool:
        """Whether it is so."""
        ...

    def may_hold(self, line: bytes) -> bool:
        """False only if it cannot hold for the event of this line, which has no backslash."""
        ...


class Equals(Struct, frozen=True):
    """Fields have these values, of just this type: 1 is neither "1" nor 1.0 nor true."""

    fields: tuple[tuple[str, str | int | bool], ...]

    def holds(self, event: Event) -> bool:
        """Whether each field has its value."""
        return all(_same(find(event, path), wanted) for path, wanted in self.fields)

    def may_hold(self, line: bytes) -> bool:
        """Whether names and values are in the line."""
        return all(_spelt(wanted) in line and mentions(line, path) for path, wanted in self.fields)


def _same(value: Any, wanted: str | int | bool) -> bool:  # noqa: FBT001 - one value of three types
    return type(value) is type(wanted) and bool(value == wanted)


def _spelt(wanted: str | int | bool) -> bytes:  # noqa: FBT001 - as above
    return str(wanted).lower().encode() if isinstance(wanted, bool) else str(wanted).encode()


class Contains(Struct, frozen=True):
    """Texts, or one of a list of texts, hold these texts."""

    fields: tuple[tuple[str, str], ...]

    def holds(self, event: Event) -> bool:
        """Whether each field holds its text."""
        return all(any(text in one for one in _texts(event, path)) for path, text in self.fields)

    def may_hold(self, line: bytes) -> bool:
        """Whether names and texts are in the line."""
        return all(text.encode() in line and mentions(line, path) for path, text in self.fields)


class Regexp(Struct, frozen=True):
    """Patterns are found somewhere in texts, or in one of a list of texts."""

    fields: tuple[tuple[str, re.Pattern[str]], ...]

    def holds(self, event: Event) -> bool:
        """Whether each pattern is found in its field."""
        return all(any(map(look.search, _texts(event, path))) for path, look in self.fields)

    def may_hold(self, line: bytes) -> bool:
        """Whether the names are in the line."""
        return all(mentions(line, path) for path, _ in self.fields)


def _texts(event: Event, path: str) -> Sequence[str]:
    value = find(event, path)
    if type(value) is list:
        return [item for item in value if type(item) is str]
    return (value,) if type(value) is str else ()


COMPARISONS = {"gte": ge, "gt": gt, "lte": le, "lt": lt}
_NUMERIC = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Range(Struct, frozen=True):
    """Numbers, or texts that are numbers, lie within bounds."""

    #: Path, one of `COMPARISONS`, bound.
    fields: tuple[tuple[str, str, float], ...]

    def holds(self, event: Event) -> bool:
        """Whether every field lies within its bounds."""
        return all(
            (number := _number(find(event, path))) is not None and COMPARISONS[name](number, bound)
            for path, name, bound in self.fields
        )

    def may_hold(self, line: bytes) -> bool:
        """Whether the names are in the line."""
        return all(mentions(line, path) for path, _, _ in self.fields)


def _number(value: Any) -> float | None:
    if type(value) is str and _NUMERIC.fullmatch(value):
        return float(value)
    return value if type(value) is not bool and isinstance(value, int | float) else None


class InNetwork(Struct, frozen=True):
    """Addresses, or one of a list of them, lie in one of the networks of their field."""

    fields: tuple[tuple[str, tuple[Network, ...]], ...]

    def holds(self, event: Event) -> bool:
        """Whether each field has an address in one of its networks."""
        return all(
            any(network(one) for one in addresses(_texts(event, path)) for network in networks)
            for path, networks in self.fields
        )

    def may_hold(self, line: bytes) -> bool:
        """Whether the names are in the line."""
        return all(mentions(line, path) for path, _ in self.fields)


class HasFields(Struct, frozen=True):
    """All the fields are there, with whatever value."""

    fields: tuple[str, ...]

    def holds(self, event: Event) -> bool:
        """Whether they are."""
        return all(find(event, path) is not MISSING for path in self.fields)

    def may_hold(self, line: bytes) -> bool:
        """Whether their names are in the line."""
        return all(mentions(line, path) for path in self.fields)


class And(Struct, frozen=True):
    """All of the conditions hold."""

    conditions: tuple[Condition, ...]

    def holds(self, event: Event) -> bool:
        """Whether all hold."""
        return all(one.holds(event) for one in self.conditions)

    def may_hold(self, line: bytes) -> bool:
        """Whether all may hold."""
        return all(one.may_hold(line) for one in self.conditions)


class Or(Struct, frozen=True):
    """One of the conditions holds."""

    conditions: tuple[Condition, ...]

    def holds(self, event: Event) -> bool:
        """Whether one holds."""
        return any(one.holds(event) for one in self.conditions)

    def may_hold(self, line: bytes) -> bool:
        """Whether one may hold."""
        return any(one.may_hold(line) for one in self.conditions)


class Not(Struct, frozen=True):
    """The condition does not hold."""

    condition: Condition

    def holds(self, event: Event) -> bool:
        """Whether it does not."""
        return not self.condition.holds(event)

    def may_hold(self, _line: bytes) -> bool:
        """Nothing in the line tells that a condition must hold."""
        return True
