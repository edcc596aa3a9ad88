"""Logstash's configuration language: the plugins and options of a file, with their lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?x)
      (?P<skip> (?: \s+ | \#[^\n]* )+ )
    | (?P<text> "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' )
    | (?P<arrow> => )
    | (?P<compare> =~ | !~ | == | != | <= | >= | < | > )
    | (?P<word> -?[@\w][\w.@+-]* )
    | (?P<mark> [{}\[\](),!] )"""
)
_REGEX = re.compile(r"/(?:\\.|[^/\\])*/", re.DOTALL)
SECTIONS = ("input", "filter", "output")


class LogstashSyntaxError(Exception):
    """The file breaks the grammar at `line`."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin with its options: the line of each, and its value where that is one word or text."""

    section: str
    name: str
    line: int
    options: dict[str, tuple[int, str | None]] = field(default_factory=dict)


def plugins(text: str) -> list[Plugin]:
    """Every plugin of a file, codecs too; raises `LogstashSyntaxError` at the first fault."""
    return list(_Reader(text).file())


def _tokens(text: str) -> Iterator[_Token]:
    at, before = 0, ""
    while at < len(text):
        regex = _REGEX.match(text, at) if before in {"=~", "!~"} else None
        match = regex or _TOKEN.match(text, at)
        line = text.count("\n", 0, at) + 1
        if match is None:
            raise LogstashSyntaxError(line, f"{text[at : at + 10]!r} is not part of the language")
        kind = "text" if regex else str(match.lastgroup)
        if kind != "skip":
            before = match[0]
            yield _Token(kind, match[0], line)
        at = match.end()
    yield _Token("end", "the end of the file", text.count("\n") + 1)


class _Reader:
    """Reads the tokens of one file; each method is one rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def file(self) -> Iterator[Plugin]:
        while self._next.kind != "end":
            name = self._take("word")
            if name.text not in SECTIONS:
                raise LogstashSyntaxError(
                    name.line, f"{name.text!r} is not one of {', '.join(SECTIONS)}"
                )
            yield from self._block(name.text)

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, kind: str = "", text: str = "") -> _Token:
        token = self._next
        if (kind and token.kind != kind) or (text and token.text != text):
            raise LogstashSyntaxError(token.line, f"expected {text or kind}, found {token.text!r}")
        self._at += 1
        return token

    def _block(self, section: str) -> Iterator[Plugin]:
        self._take(text="{")
        while self._next.text != "}":
            if self._next.text in {"if", "else"}:
                self._condition()
                yield from self._block(section)
            else:
                yield from self._plugin(section)
        self._take(text="}")

    def _condition(self) -> None:
        if self._take().text == "else" and self._next.text != "if":
            return
        if self._next.text == "if":
            self._take()
        start = self._next
        while self._next.text != "{":
            if self._next.kind in {"end", "arrow"}:
                raise LogstashSyntaxError(start.line, "the end of this condition is missing")
            self._take()
        if start.text == "{":
            raise LogstashSyntaxError(start.line, "a condition is missing")

    def _plugin(self, section: str) -> Iterator[Plugin]:
        name = self._take("word")
        plugin = Plugin(section, name.text, name.line)
        self._take(text="{")
        while self._next.text != "}":
            option = self._take()
            if option.kind not in {"word", "text"}:
                raise LogstashSyntaxError(option.line, f"expected an option, found {option.text!r}")
            self._take("arrow")
            if option.text == "codec" and self._tokens[self._at + 1].text == "{":
                yield from self._plugin("codec")
                plugin.options["codec"] = (option.line, None)
                continue
            plugin.options[option.text] = (option.line, self._value())
        self._take(text="}")
        yield plugin

    def _value(self) -> str | None:
        token = self._take()
        if token.kind in {"word", "text"}:
            return token.text.strip("\"'")
        if token.text == "[":
            self._list("]", pairs=False)
        elif token.text == "{":
            self._list("}", pairs=True)
        else:
            raise LogstashSyntaxError(token.line, f"expected a value, found {token.text!r}")
        return None

    def _list(self, end: str, *, pairs: bool) -> None:
        while self._next.text != end:
            self._value()
            if pairs:
                self._take("arrow")
                self._value()
            if self._next.text == ",":
                self._take()
        self._take(text=end)
