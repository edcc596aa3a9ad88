"""The operator's own kinds and names of secrets, and what is no secret."""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from shipper.patterns import plain_pattern

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAX_NAME = 128
#: A shorter literal would start the search almost everywhere.
_LEAST_LITERAL = 2


class OwnKind(Struct, frozen=True):
    """A kind of secret: every text that has one contains `literal`, in any case."""

    literal: str
    pattern: str


class Secrets(Struct, frozen=True):
    """Rows beside the built-in tables of secrets.

    `names` are names of members whose values are secrets, in any case and with any separators;
    `allowed` are patterns of complete texts that are no secrets.
    """

    kinds: Mapping[str, OwnKind | None] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Name, literal and pattern of each kind."""
        for name, kind in self.kinds.items():
            if kind:  # None while the problems of its row are collected
                yield name, kind.literal, kind.pattern

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """The faults: the keys that lead to each, and what it is."""
        for name, literal, pattern in self.rows():
            place = ("kinds", name)
            if not _NAME.fullmatch(name):
                yield place, f"{name!r} is not a valid name: lower case letters, digits and _"
            if len(literal) < _LEAST_LITERAL:
                yield (*place, "literal"), f"at least {_LEAST_LITERAL} characters"
            if fault := _fault_of(pattern):
                yield (*place, "pattern"), fault
        for name in self.names:
            if not any(map(str.isalnum, name)) or len(name) > _MAX_NAME:
                yield ("names",), f"{name[:_MAX_NAME]!r} is not the name of a member"
        for pattern in self.allowed:
            if fault := _fault_of(pattern):
                yield ("allowed",), f"{pattern!r}: {fault}"


def _fault_of(pattern: str) -> str | None:
    try:
        found = plain_pattern(pattern).search("")
    except ValueError as error:
        return str(error)
    return "matches an empty text" if found else None
