"""Kibana's query language, as far as fields and values go: enough to find what a query names.

query   = and { "or" and }        and = not { "and" not }        not = ["not"] term
term    = "(" query ")" | field ( ":" value | ">" word | ">=" word | "<" word | "<=" word )
value   = word | "(" word { ("or" | "and") word } ")"
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(>=|<=|[():<>])|((?:[^\s():<>"\\]|\\.)+))')
_COMPARISONS = {">", ">=", "<", "<="}
_SIGNS = {*_COMPARISONS, "(", ")", ":", "and", "or", "not"}


@dataclass(frozen=True, slots=True)
class Compare:
    """`path` against one value; `operator` is `:` for equality; no path is any field."""

    path: str
    operator: str
    value: str
    is_quoted: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """`word` is and, or, or not (of one part)."""

    word: str
    parts: tuple["Node", ...]


Node = Compare | Join


def parse(query: str) -> Node | None:
    """The query's tree, None for an empty one; raises `ValueError` that says where it breaks."""
    if not query.strip():
        return None
    parser = _Parser(query)
    node = parser.query()
    if parser.peek() is not None:
        raise parser.error("expected `and`, `or` or the end")
    return node


def comparisons(node: Node | None) -> list[Compare]:
    """Every comparison in the tree, in order."""
    if isinstance(node, Join):
        return [one for part in node.parts for one in comparisons(part)]
    return [] if node is None else [node]


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text.rstrip()
        self._at = 0

    def error(self, what: str) -> ValueError:
        return ValueError(f"{what} at character {self._at + 1}: {self._text[self._at :][:40]!r}")

    def peek(self) -> str | None:
        """The next token as it is written; None at the end."""
        found = _TOKEN.match(self._text, self._at)
        if found:
            return found[0].strip()
        if self._at < len(self._text):
            raise self.error("a quote or a character that has no end")
        return None

    def _take(self) -> str:
        token = self.peek()
        found = _TOKEN.match(self._text, self._at)
        assert token is not None, "looked at before it is taken"
        assert found is not None
        self._at = found.end()
        return token

    def _is(self, word: str) -> bool:
        token = self.peek()
        if token is None or token.lower() != word:
            return False
        self._take()
        return True

    def query(self) -> Node:
        return self._joined("or", lambda: self._joined("and", self._negated))

    def _joined(self, word: str, part: Callable[[], Node]) -> Node:
        parts = [part()]
        while self._is(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Join(word, tuple(parts))

    def _negated(self) -> Node:
        if self._is("not"):
            return Join("not", (self._negated(),))
        return self._term()

    def _term(self) -> Node:
        if self._is("("):
            node = self.query()
            self._expect(")")
            return node
        path = self._word("a field")
        operator = self.peek()
        if operator in _COMPARISONS:
            self._take()
            return self._compare(path, operator)
        if operator != ":":
            return Compare("", ":", path)
        self._take()
        if self._is("("):
            node = self._joined("or", lambda: self._joined("and", lambda: self._compare(path, ":")))
            self._expect(")")
            return node
        return self._compare(path, ":")

    def _compare(self, path: str, operator: str) -> Compare:
        word = self._word("a value")
        if word.startswith('"'):
            return Compare(path, operator, word[1:-1], is_quoted=True)
        return Compare(path, operator, word)

    def _word(self, what: str) -> str:
        """One quoted value, or plain words up to the next sign or keyword."""
        words = [self._take()] if self._is_word() else []
        while words and not words[0].startswith('"') and self._is_word():
            words.append(self._take())
        if not words:
            raise self.error(f"expected {what}")
        return " ".join(words)

    def _is_word(self) -> bool:
        token = self.peek()
        return token is not None and token.lower() not in _SIGNS

    def _expect(self, token: str) -> None:
        if not self._is(token):
            raise self.error(f"expected `{token}`")
