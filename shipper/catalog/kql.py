"""Kibana's query language: text to a tree that can be checked, translated or evaluated.

query   = and { "or" and }      and  = not { "and" not }      not = "not" not | term
term    = "(" query ")" | [ field ":" ] value | field ":" "(" values ")"
        | field ( ">" | ">=" | "<" | "<=" ) value
values  = as query, with values in place of terms

The grammar and its escapes are those of Kibana's own parser (kuery.peg), without nested queries
(`field: { ... }`). What quotes and free words match depends on the field, so it is not decided
here.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from msgspec import Struct

_TOKEN = re.compile(
    r"""(?sx)
      \s* (?: (?P<quoted> "(?:\\.|[^"\\])*" )
            | (?P<sign> >=|<=|[():<>] )
            | (?P<plain> (?:\\.|[^\s():<>"{}\\])+ ) )"""
)
_COMPARISONS = (">", ">=", "<", "<=")
_KEYWORDS = {"and", "or", "not"}
#: Each level of parentheses costs several frames of the stack.
_MAX_DEPTH = 50
_UNQUOTED = re.compile(
    r"""(?sx)
      (?P<wildcard> \*+ ) | \\u (?P<code> [0-9a-fA-F]{4} ) | \\ (?P<space> [trn] )
    | \\ (?P<literal> (?i: and | or | not ) | [\\():<>"*{}] ) | (?P<plain> [^\\] )"""
)
_IN_QUOTES = re.compile(r'(?s)\\u(?P<code>[0-9a-fA-F]{4})|\\(?P<space>[trn])|\\(?P<literal>[\\"])')
_SPACES = {"t": "\t", "r": "\r", "n": "\n"}


class Value(Struct, frozen=True):
    """A value; a wildcard stands between each two of `texts`, so that one text has none."""

    texts: tuple[str, ...]
    is_quoted: bool = False


_ANY = Value(("", ""))


class Match(Struct, frozen=True):
    """The field has the value; an empty path means any field, and `*` in it is a wildcard."""

    path: str
    value: Value


class Range(Struct, frozen=True):
    """The field compares with `bound`, a number or a date as text."""

    path: str
    operator: str
    bound: str


class Exists(Struct, frozen=True):
    """The field has any value; an empty path matches every event."""

    path: str


class And(Struct, frozen=True):
    """All of two or more parts hold."""

    parts: tuple["Node", ...]


class Or(Struct, frozen=True):
    """At least one of two or more parts holds."""

    parts: tuple["Node", ...]


class Not(Struct, frozen=True):
    """The part does not hold."""

    part: "Node"


Leaf = Match | Range | Exists
Node = And | Or | Not | Leaf


def parse(query: str) -> Node | None:
    """The tree of a query; None for an empty one, which matches every event.

    Raises `ValueError` with the character at which the query cannot be read.
    """
    parser = _Parser(query)
    if parser.is_at_end():
        return None
    node = parser.query()
    if not parser.is_at_end():
        raise parser.error("expected `and`, `or` or the end")
    return node


def leaves(node: Node | None) -> Iterator[Leaf]:
    """Every comparison of the tree, in order."""
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case Match() | Range() | Exists():
            yield node


def datasets(node: Node) -> frozenset[str] | None:
    """The datasets outside of which the query cannot hold; None if it does not say."""
    match node:
        case Match("event.dataset" | "data_stream.dataset", Value(texts=(text,))):
            return frozenset({text})
        case And(parts):
            found = [one for part in parts if (one := datasets(part)) is not None]
            return frozenset.intersection(*found) if found else None
        case Or(parts):
            inner = [datasets(part) for part in parts]
            return None if None in inner else frozenset().union(*filter(None, inner))
    return None


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text.rstrip()
        self._tokens = list(self._tokenized())
        self._next = 0
        self._depth = 0

    def error(self, what: str, at: int | None = None) -> ValueError:
        """An error at the next token, or at a character."""
        if at is None:
            at = len(self._text) if self.is_at_end() else self._tokens[self._next].start
        return ValueError(f"{what} at character {at + 1}: {self._text[at:][:40]!r}")

    def is_at_end(self) -> bool:
        return self._next == len(self._tokens)

    def query(self) -> Node:
        return self._joined(self._term)

    def _tokenized(self) -> Iterator[_Token]:
        at = 0
        while at < len(self._text):
            found = _TOKEN.match(self._text, at)
            if found is None or found.lastgroup is None:
                start = at + len(self._text[at:]) - len(self._text[at:].lstrip())
                what = 'found `"` without its end, `{`, `}` or `\\`, which need a `\\` before them,'
                raise self.error(what, start)
            at = found.end()
            yield _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup), at)

    def _joined(self, term: Callable[[], Node]) -> Node:
        """Terms joined by `or`, `and` and `not`, each of which binds closer than the one before."""
        either = [self._all(term)]
        while self._takes("or"):
            either.append(self._all(term))
        return either[0] if len(either) == 1 else Or(tuple(either))

    def _all(self, term: Callable[[], Node]) -> Node:
        every = [self._negated(term)]
        while self._takes("and"):
            every.append(self._negated(term))
        return every[0] if len(every) == 1 else And(tuple(every))

    def _negated(self, term: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self.error(f"more than {_MAX_DEPTH} nested parentheses or `not`")
        node = Not(self._negated(term)) if self._takes("not") else term()
        self._depth -= 1
        return node

    def _term(self) -> Node:
        if self._takes("("):
            return self._closed(self._term)
        value = self._value("a field or a value")
        path = "*".join(value.texts)
        if self._takes(":"):
            return self._values(path)
        for sign in _COMPARISONS:
            if self._takes(sign):
                return Range(path, sign, self._bound())
        return _matching("", value)

    def _values(self, path: str) -> Node:
        if self._takes("("):
            return self._closed(lambda: self._values(path))
        return _matching(path, self._value("a value"))

    def _closed(self, term: Callable[[], Node]) -> Node:
        """The terms up to the parenthesis that closes them."""
        node = self._joined(term)
        if not self._takes(")"):
            raise self.error("expected `)`")
        return node

    def _bound(self) -> str:
        start = self._next
        value = self._value("a number or a date")
        if len(value.texts) > 1:
            raise self.error("a comparison takes no wildcard", self._tokens[start].start)
        return value.texts[0]

    def _value(self, expected: str) -> Value:
        """One quoted value, or the plain words up to the next sign or keyword."""
        first = self._word("quoted", "plain")
        if first is None:
            raise self.error(f"expected {expected}")
        if first.kind == "quoted":
            return Value((_IN_QUOTES.sub(_unescaped, first.text[1:-1]),), is_quoted=True)
        end = first.end
        while word := self._word("plain"):
            end = word.end
        return Value(tuple(self._unquoted(first.start, end)))

    def _word(self, *kinds: str) -> _Token | None:
        """The next token if it is of one of the kinds and no keyword."""
        if self.is_at_end():
            return None
        token = self._tokens[self._next]
        if token.kind not in kinds or token.text.lower() in _KEYWORDS:
            return None
        self._next += 1
        return token

    def _unquoted(self, start: int, end: int) -> list[str]:
        texts = [""]
        at = start
        while at < end:
            found = _UNQUOTED.match(self._text, at, end)
            if found is None:
                raise self.error("`\\` stands before a character that needs no escape", at)
            if found["wildcard"]:
                texts.append("")
            else:
                texts[-1] += found["plain"] or _unescaped(found)
            at = found.end()
        return texts

    def _takes(self, sign: str) -> bool:
        """Take the next token if it is this sign or keyword."""
        if self.is_at_end():
            return False
        token = self._tokens[self._next]
        if token.kind == "quoted" or token.text.lower() != sign:
            return False
        self._next += 1
        return True


def _matching(path: str, value: Value) -> Node:
    return Exists(path) if value == _ANY else Match(path, value)


def _unescaped(found: re.Match[str]) -> str:
    if found["code"]:
        return chr(int(found["code"], 16))
    return _SPACES[found["space"]] if found["space"] else found["literal"]
