r"""Filebeat's conditions, which hold for an event or not.

`may_hold` checks undecoded lines, in which no character is written as `\u…`. If it is false,
`holds` would be false for each of them, and they need not be decoded. A condition on several fields
holds if it holds for all of them.
"""

import re
from collections.abc import Iterator, Sequence
from operator import ge, gt, le, lt
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import force_setattr

from shipper.patterns import Pattern
from shipper.processors.event import MISSING, Event, find, literals, parts
from shipper.processors.network import Network, addresses


class Condition(Protocol):
    """A condition on an event."""

    def holds(self, event: Event) -> bool:
        """Whether the condition is true for the event."""
        ...

    def may_hold(self, lines: bytes) -> bool:
        """False only if the condition is false for each of these lines."""
        ...


class _OfFields(Struct, frozen=True, kw_only=True):
    """A condition that cannot hold for a line without certain bytes."""

    _wanted: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        force_setattr(self, "_wanted", tuple(dict.fromkeys(self._literals())))

    def _literals(self) -> Iterator[bytes]:
        raise NotImplementedError

    def may_hold(self, lines: bytes) -> bool:
        for wanted in self._wanted:  # noqa: SIM110 - runs for every line, and `all` takes double
            if lines.rfind(wanted) < 0:  # `in` takes double
                return False
        return True


class Equals(_OfFields, frozen=True):
    """The fields have these values, of the same type: 1 is neither "1" nor 1.0 nor true."""

    fields: tuple[tuple[str, str | int | bool], ...]

    def holds(self, event: Event) -> bool:
        return all(_same(find(event, path), wanted) for path, wanted in self.fields)

    def _literals(self) -> Iterator[bytes]:
        for path, wanted in self.fields:
            yield from literals(str(wanted).lower() if isinstance(wanted, bool) else str(wanted))
            yield from parts(path)


def _same(value: Any, wanted: str | int | bool) -> bool:  # noqa: FBT001 - one value of three types
    return type(value) is type(wanted) and bool(value == wanted)


class Contains(_OfFields, frozen=True):
    """The fields contain these texts; of a list, one item is enough."""

    fields: tuple[tuple[str, str], ...]

    def holds(self, event: Event) -> bool:
        return all(any(text in one for one in _texts(event, path)) for path, text in self.fields)

    def _literals(self) -> Iterator[bytes]:
        for path, text in self.fields:
            yield from (*literals(text), *parts(path))


class Regexp(_OfFields, frozen=True):
    """The fields match these patterns anywhere; of a list, one item is enough."""

    fields: tuple[tuple[str, Pattern], ...]

    def holds(self, event: Event) -> bool:
        return all(any(map(pattern.search, _texts(event, path))) for path, pattern in self.fields)

    def _literals(self) -> Iterator[bytes]:
        return (part for path, _ in self.fields for part in parts(path))


def _texts(event: Event, path: str) -> Sequence[str]:
    value = find(event, path)
    if type(value) is list:
        return [item for item in value if type(item) is str]
    return (value,) if type(value) is str else ()


COMPARISONS = {"gte": ge, "gt": gt, "lte": le, "lt": lt}
_NUMERIC = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Range(_OfFields, frozen=True):
    """The fields are numbers, or texts that are numbers, within these bounds."""

    #: Path, one of `COMPARISONS`, bound.
    fields: tuple[tuple[str, str, float], ...]

    def holds(self, event: Event) -> bool:
        return all(
            (number := _number(find(event, path))) is not None and COMPARISONS[name](number, bound)
            for path, name, bound in self.fields
        )

    def _literals(self) -> Iterator[bytes]:
        return (part for path, _, _ in self.fields for part in parts(path))


def _number(value: Any) -> float | None:
    if type(value) is str and _NUMERIC.fullmatch(value):
        return float(value)
    return value if type(value) is not bool and isinstance(value, int | float) else None


class InNetwork(_OfFields, frozen=True):
    """The fields are addresses in one of these networks; of a list, one item is enough."""

    fields: tuple[tuple[str, tuple[Network, ...]], ...]

    def holds(self, event: Event) -> bool:
        return all(
            any(network(one) for one in addresses(_texts(event, path)) for network in networks)
            for path, networks in self.fields
        )

    def _literals(self) -> Iterator[bytes]:
        return (part for path, _ in self.fields for part in parts(path))


class HasFields(_OfFields, frozen=True):
    """All these fields exist, with any value, even null."""

    fields: tuple[str, ...]

    def holds(self, event: Event) -> bool:
        return all(find(event, path) is not MISSING for path in self.fields)

    def _literals(self) -> Iterator[bytes]:
        return (part for path in self.fields for part in parts(path))


class And(Struct, frozen=True):
    """All of the conditions hold."""

    conditions: tuple[Condition, ...]

    def holds(self, event: Event) -> bool:
        return all(one.holds(event) for one in self.conditions)

    def may_hold(self, lines: bytes) -> bool:
        return all(one.may_hold(lines) for one in self.conditions)


class Or(Struct, frozen=True):
    """At least one of the conditions holds."""

    conditions: tuple[Condition, ...]

    def holds(self, event: Event) -> bool:
        return any(one.holds(event) for one in self.conditions)

    def may_hold(self, lines: bytes) -> bool:
        return any(one.may_hold(lines) for one in self.conditions)


class Not(Struct, frozen=True):
    """The condition does not hold."""

    condition: Condition

    def holds(self, event: Event) -> bool:
        return not self.condition.holds(event)

    def may_hold(self, _lines: bytes) -> bool:
        """True, because `may_hold` of the condition cannot show that it certainly holds."""
        return True
