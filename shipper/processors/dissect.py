"""Texts cut at delimiters: `dissect`, whose patterns are `%{key} [%{other}] %{+key}`.

The pattern's grammar and its rules are those of Filebeat.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Self

from msgspec import Struct

from shipper.processors.convert import CONVERSIONS, to_type
from shipper.processors.event import MISSING, Event, Misfit, below, find, mentions, put
from shipper.processors.fields import AddTags

_PART = re.compile(r"(.*?)%\{([^}]*?)\}", re.DOTALL)
_KEY = re.compile(r"(.+?)(?:/(\d{1,2}))?(?:#(\d{1,2}))?(->)?(?:\|(.+?))?\Z", re.DOTALL)
_FLAG = AddTags(("dissect_parsing_error",), "log.flags")


class Key(Struct, frozen=True):
    """One `%{…}` of a pattern."""

    #: Its place in the pattern.
    at: int
    #: "" of a key to skip.
    name: str
    #: `+` appends, `&` takes its name from another key's value; `?` and `*` are such other keys.
    modifier: str = ""
    ordinal: int = 0
    length: int = 0
    #: Whether repetitions of the delimiter behind it are skipped.
    is_greedy: bool = False
    type: str = ""
    #: The delimiter before it, which joins appended values.
    joint: str = ""

    @classmethod
    def of(cls, at: int, text: str, before: str) -> Self:
        """Raises `ValueError` for a key that cannot be read."""
        if not text:
            return cls(at, "", "?")
        match = _KEY.match(text)
        if match is None or text.endswith("|"):
            raise ValueError(f"%{{{text}}}: a type is missing after |")
        name, ordinal, length, greedy, kind = match.groups()
        if kind and kind not in CONVERSIONS:
            raise ValueError(f"%{{{text}}}: {kind!r} is not one of {', '.join(CONVERSIONS)}")
        if name.startswith(("+&", "&+")):
            raise ValueError(f"%{{{text}}}: + and & exclude each other")
        modifier, bare = (name[0], name[1:]) if name[0] in "+&?*" else ("", name)
        numbers = int(ordinal or 0), int(length or 0)
        return cls(at, bare, modifier, *numbers, bool(greedy), kind or "", before or " ")

    @property
    def is_reference(self) -> bool:
        """Whether it is only read for another key, or skipped."""
        return self.modifier in {"?", "*"}


class Pattern(Struct, frozen=True):
    """A pattern, ready to cut texts."""

    #: In the order of the text.
    keys: tuple[Key, ...]
    #: Before the first key, between keys, and perhaps behind the last one.
    delimiters: tuple[str, ...]
    #: In the order of their values: appended parts can have one of their own.
    ordered: tuple[Key, ...]
    #: Whether each key is a name of its own, and nothing else.
    is_simple: bool = False

    @classmethod
    def of(cls, text: str) -> Self:
        """Raises `ValueError` for a pattern that cannot be read."""
        keys: list[Key] = []
        delimiters: list[str] = []
        end = 0
        for match in _PART.finditer(text):
            delimiters.append(match[1])
            keys.append(Key.of(len(keys), match[2], match[1]))
            end = match.end()
        if not keys:
            raise ValueError("it has no %{key}")
        if end < len(text):
            delimiters.append(text[end:])
        references = {key.name for key in keys if key.is_reference}
        for key in keys:
            if key.modifier == "&" and key.name not in references:
                raise ValueError(f"%{{&{key.name}}} needs %{{?{key.name}}} or %{{*{key.name}}}")
        ordered = (*sorted(keys, key=lambda one: one.ordinal),)
        names = {key.name for key in keys if key.name and not key.modifier and not key.is_reference}
        return cls((*keys,), (*delimiters,), ordered, is_simple=len(names) == len(keys))

    def cut(self, text: str) -> list[str]:
        """The value of each key, in the order of the text; raises `Misfit` if it does not fit."""
        if not text or not text.startswith(self.delimiters[0]):
            raise Misfit("the text does not begin as the pattern does")
        return [*self._pieces(text)]

    def _pieces(self, text: str) -> Iterator[str]:
        offset = len(self.delimiters[0])
        following = self.delimiters[1:]
        for key, delimiter in zip(self.keys, following, strict=False):
            end = offset + key.length if key.length else text.find(delimiter, offset)
            if not offset <= end <= len(text):
                raise Misfit(f"the text does not fit at %{{{key.name}}}")
            yield text[offset:end]
            offset = _behind(text, end, delimiter, is_greedy=key.is_greedy)
        if len(following) < len(self.keys):
            last = self.keys[-1]
            if last.length and offset + last.length != len(text):
                raise Misfit(f"the text does not fit at %{{{last.name}}}")
            yield text[offset:]

    def values(self, pieces: list[str]) -> dict[str, tuple[str, str]]:
        """Each key's value and type; appended parts are joined, references are left out."""
        if self.is_simple:
            return {key.name: (pieces[key.at], key.type) for key in self.ordered}
        found: dict[str, tuple[str, str]] = {}
        for key in self.ordered:
            piece = pieces[key.at]
            if key.modifier == "&":
                if key.name in found:
                    found[found[key.name][0]] = piece, key.type
            elif key.modifier == "+" and key.name in found:
                found[key.name] = found[key.name][0] + key.joint + piece, key.type
            elif key.name:
                found[key.name] = piece, key.type
        for key in self.keys:
            if key.is_reference:
                found.pop(key.name, None)
        return found


def _behind(text: str, end: int, delimiter: str, *, is_greedy: bool) -> int:
    """The place behind a delimiter, or behind its repetitions."""
    while is_greedy and delimiter and text.startswith(delimiter, end + 1):
        end += 1
    return end + len(delimiter)


class Dissect(Struct, frozen=True, kw_only=True):
    """Cuts a text, and sets a field for each key."""

    pattern: Pattern
    field: str = "message"
    target_prefix: str = "dissect"
    ignore_failure: bool = False
    overwrite_keys: bool = False
    trim_values: Literal["none", "left", "right", "all", "both"] = "none"
    trim_chars: str = " "

    @property
    def reads_text(self) -> bool:
        """Whether it reads the text of the line."""
        return self.field == "message"

    def process(self, event: Event) -> Event:
        """The event with the fields; `log.flags` says that the text does not fit."""
        text = find(event, self.field)
        if type(text) is not str:
            return event
        try:
            pieces = self.pattern.cut(text)
        except Misfit:
            return _FLAG.process(event)
        if self.trim_values != "none":
            trim = _TRIMS[self.trim_values]
            pieces = [trim(piece, self.trim_chars) for piece in pieces]
        found = self.pattern.values(pieces)
        return self._filled_at_once(event, found) or self._filled(event, found)

    def may_touch(self, line: bytes) -> bool:
        return mentions(line, self.field)

    def _filled_at_once(self, event: Event, found: Mapping[str, tuple[str, str]]) -> Event | None:
        """The event with all fields in a new object; None where some may be there."""
        prefix = self.target_prefix
        if not found or not prefix or "." in prefix or "." in "".join(found):
            return None
        if prefix in event or below(event, prefix):
            return None
        return {**event, prefix: {name: _typed(*value) for name, value in found.items()}}

    def _filled(self, event: Event, found: Mapping[str, tuple[str, str]]) -> Event:
        """The event with all fields, or with none if one of them exists."""
        new = event
        for name, (text, kind) in found.items():
            path = f"{self.target_prefix}.{name}" if self.target_prefix else name
            if not self.overwrite_keys and find(event, path) is not MISSING:
                return event
            try:
                new = put(new, path, _typed(text, kind))
            except Misfit:
                if not self.overwrite_keys:
                    return event
        return new


def _typed(text: str, kind: str) -> Any:
    """The value, converted if that works."""
    if not kind:
        return text
    try:
        return to_type(kind, text.rstrip(" "))
    except Misfit:
        return text


_TRIMS: Mapping[str, Callable[[str, str], str]] = {
    "left": str.lstrip,
    "right": str.rstrip,
    "all": str.strip,
    "both": str.strip,
}
