"""The tables of secrets for the scripts in Ruby and Painless, from the same rows as Python's.

The scripts check only numbers and `Basic`. They do not read documents in a text (columns,
manifests, blocks of YAML) or measure entropy; Painless decodes no other spellings.
docs/redaction.md lists these differences.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from shipper.assets.generate.dialects import compact
from shipper.catalog.secrets import Secrets
from shipper.secrets.assigned import REST, STANDS_FOR
from shipper.secrets.credentials import CREDENTIALS
from shipper.secrets.kinds import VENDOR_KINDS, Kind
from shipper.secrets.names import SEPARATORS, SHORT, STEMS
from shipper.secrets.numbers import PHONE, SSN
from shipper.secrets.own import kinds_of, plain_name
from shipper.secrets.persons import PERSONS
from shipper.secrets.shapes import SHAPES

_SECRET = re.compile(r"\(\?P<s>")


class Shape(NamedTuple):
    r"""One step: what the pattern matches becomes `\1`, the token, `\2`.

    `code` names the script's own function where a pattern is not enough. Only a text with one of
    the `gates` in it, or one of the `words` at the start of a word, can match; both are in lower
    case. Without any, every text can match.
    """

    kind: str
    pattern: str = ""
    code: str = ""
    gates: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def token(self) -> str:
        token = f"[{self.kind.upper()}]"
        return rf"\1{token}\2" if self.pattern.startswith(_SPLIT) else token


#: No letter before the gate, which longer words would contain: `customer` has `ust`.
_WORD_START = re.compile(r"(?:\(\?i\))?(?:\(\?:)?\(\?<!\[A-Za-z(?:0-9)?\]\)")
_SHORT_GATE = 4
#: Marks a pattern with groups for what stands before and after the secret.
_SPLIT = "(?#s)"
_EMAIL = (
    r"(?<![\w.+-])(?!(?:git|hg|svn)@[\w.-]{1,64}[:/])[\w.+-]++(?:@|%40)"
    r"(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-]|\.[0-9])"
)


#: A variable or a placeholder is no password.
_STANDS_FOR = compact(STANDS_FOR.pattern)
#: A scheme with all its parameters: `Digest username="bob", response="…"`.
_SCHEMED = (
    rf"{_SPLIT}(?i)(authorization[\"']?\s{{0,2}}[:=]\s{{0,3}})"
    r"(?:(?!bearer|basic)[A-Za-z][\w-]{2,24} "
    r"(?!\[)(?:[^\r\n\"'<\\]|\"[^\"\r\n]*\"(?=[, \r\n]|\Z))+)()"
)


def shapes() -> Iterator[Shape]:
    """In the order in which the scripts mask: a longer secret is not cut in two."""
    yield from (_shape(kind) for kind in SHAPES if kind.group == "private_key")
    yield Shape("token", _vendors(VENDOR_KINDS), "", *_gates_of(VENDOR_KINDS))
    yield from (_shape(kind) for kind in SHAPES if kind.group == "jwt")
    yield Shape("authorization", code="basic", gates=("basic",))
    yield from (_shape(kind) for kind in CREDENTIALS if kind.name == "bearer")
    yield from (_shape(kind) for kind in SHAPES if kind.group == "password")
    yield Shape("password", _SCHEMED, gates=("authorization",))
    yield Shape("password", code="assigned", gates=_gates_of_names())
    yield Shape("email", _EMAIL, gates=("@", "%40"))
    yield Shape("card", code="numbers")
    yield Shape("ssn", SSN.pattern)
    yield Shape("phone", PHONE.pattern)
    yield from map(_shape, PERSONS)


def own_shapes(own: Secrets) -> list[Shape]:
    """The operator's own kinds and names, after all others."""
    return [_shape(kind) for kind in kinds_of(own.rows(), own.names)]


def own_names(own: Secrets) -> str:
    """A pattern of the own names, reduced to letters and digits; never matches without any."""
    return rf"\A(?:{'|'.join(map(plain_name, own.names)) or '(?!)'})\Z"


def _shape(kind: Kind) -> Shape:
    """The row of a kind, with groups around its secret."""
    found = _SECRET.search(kind.pattern)
    if not found:
        return Shape(kind.group, kind.pattern, "", *_gates_of([kind]))
    flags = re.match(r"\(\?[aimsx]+\)", kind.pattern)
    head = flags[0] if flags else ""
    end = _closing(kind.pattern, found.start())
    before, inside = kind.pattern[len(head) : found.start()], kind.pattern[found.end() : end]
    after = kind.pattern[end + 1 :]
    stands = f"(?!{_STANDS_FOR})" if kind.group == "password" else ""
    pattern = f"{_SPLIT}{head}({before}){stands}(?:{inside})({after})"
    return Shape(kind.group, pattern, "", *_gates_of([kind]))


def _gates_of(kinds: Iterable[Kind]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The gates that may stand anywhere, and the short ones that only start a word."""
    anywhere, words = set[str](), set[str]()
    for kind in kinds:
        starts = _WORD_START.match(kind.pattern) and not kind.back
        for gate in kind.gates:
            (words if starts and len(gate) <= _SHORT_GATE else anywhere).add(gate)
    return tuple(sorted(anywhere)), tuple(sorted(words - anywhere))


def _gates_of_names() -> tuple[str, ...]:
    return (*STEMS, *(name + separator for name in SHORT for separator in SEPARATORS))


def _closing(pattern: str, start: int) -> int:
    """The position of the parenthesis that closes the one at `start`."""
    depth = 0
    for part in re.finditer(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()]", pattern[start:], re.DOTALL):
        depth += {"(": 1, ")": -1}.get(part[0], 0)
        if depth == 0:
            return start + part.start()
    raise ValueError(f"not closed: {pattern}")


def _vendors(kinds: Iterable[Kind]) -> str:
    """All tokens as one pattern, by their first letter: most words of a text meet few of them."""
    by_letter: dict[str, list[str]] = defaultdict(list)
    for kind in kinds:
        body = kind.pattern.removeprefix("(?<![A-Za-z0-9])")
        literal = re.match(r"[A-Za-z0-9]", body)
        by_letter[literal[0] if literal else ""].append(body)
    branches = [
        f"(?={letter})(?:{'|'.join(bodies)})" if letter else "|".join(bodies)
        for letter, bodies in by_letter.items()
    ]
    return rf"(?<![A-Za-z0-9])(?:{'|'.join(branches)})"


def pattern_of(shape: Shape) -> str:
    """The pattern without the mark of its groups."""
    return shape.pattern.removeprefix(_SPLIT)


def assignment() -> str:
    """The names of secrets and the separator before the value, for a search."""
    words = [re.escape(word).replace(r"\ ", "[ ]") for word in STEMS]
    short = "|".join(SHORT)
    name = rf"(?P<name> (?: {'|'.join(words)} | (?:{short})(?![a-z]) )"
    pattern = REST.pattern.replace("(?P<name>", name, 1)
    return pattern.replace(r"[\w", r"[\p{L}\p{N}_")  # names are in many alphabets
