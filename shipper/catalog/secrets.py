"""The operator's own kinds and names of secrets, and what is no secret."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct, field

from shipper.patterns import plain_pattern

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAX_NAME = 128
#: A shorter literal would start the search almost everywhere.
_LEAST_LITERAL = 2
_LEAST_KEY = 16
#: What the built-in tables mask as, and `all` of it.
KINDS = (
    *("account", "all", "authorization", "card", "email", "iban", "jwt", "password", "person"),
    *("phone", "private_key", "secret", "ssn", "token"),
)
_MASKS = ("token", "digest", "last4")
#: Numbers of which issuers print the end themselves.
_WITH_END = ("account", "card", "iban", "phone")


class OwnKind(Struct, frozen=True):
    """A kind of secret: every text that has one contains `literal`, in any case."""

    literal: str
    pattern: str


class Secrets(Struct, frozen=True):
    """Rows beside the built-in tables of secrets.

    `names` are names of members whose values are secrets, in any case and with any separators;
    `allowed` are patterns of complete texts that are no secrets. `digest_key` is a file with a key:
    with it, each mask has a digest of the secret. `mask` decides this by kind.
    """

    kinds: Mapping[str, OwnKind | None] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    digest_key: str = ""
    #: By kind, or for `all`: `token`, `digest` or `last4`.
    mask: Mapping[str, str] = field(default_factory=dict)

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
        yield from self._faults_of_masks()
        if self.digest_key and (fault := _fault_of_key(Path(self.digest_key))):
            yield ("digest_key",), fault

    def _faults_of_masks(self) -> Iterator[tuple[tuple[str, ...], str]]:
        for kind, how in self.mask.items():
            if kind not in KINDS and kind not in self.kinds:
                known = ", ".join(sorted({*KINDS, *self.kinds}))
                yield ("mask", kind), f"not a kind; the kinds are {known}"
            elif how not in _MASKS:
                yield ("mask", kind), f"{how!r} is none of {', '.join(_MASKS)}"
            elif how == "last4" and kind not in _WITH_END:
                why = "four characters of it tell too much"
                yield ("mask", kind), f"last4 is for {', '.join(_WITH_END)} only: {why}"
            elif how == "digest" and not self.digest_key:
                yield ("mask", kind), "a digest needs a key: set digest_key"


def _fault_of_key(file: Path) -> str | None:
    try:
        length = len(file.read_bytes().strip())
    except OSError as error:
        # Without the name: it may be the key itself.
        return f"the file with the key cannot be read ({error.strerror})"
    if length >= _LEAST_KEY:
        return None
    return f"{file} has {length} bytes, a key needs {_LEAST_KEY}: `openssl rand -hex 32` makes one"


def _fault_of(pattern: str) -> str | None:
    try:
        found = plain_pattern(pattern).search("")
    except ValueError as error:
        return str(error)
    return "matches an empty text" if found else None
