"""Rows of comma-separated values in texts: `decode_csv_fields`."""

from functools import partial

from msgspec import Struct

from shipper.processors.event import MISSING, Event, Misfit, find, mentions, put
from shipper.processors.failures import all_or_none


class DecodeCsvFields(Struct, frozen=True, kw_only=True):
    """Sets fields to the list of values in a text's first row."""

    #: From and to, which may be the same.
    fields: tuple[tuple[str, str], ...]
    separator: str = ","
    ignore_missing: bool = False
    trim_leading_space: bool = False
    overwrite_keys: bool = False
    fail_on_error: bool = True

    def process(self, event: Event) -> Event:
        """The event; unchanged if one of its fields has no row, with `fail_on_error`."""
        steps = (partial(self._decoded, *pair) for pair in self.fields)
        return all_or_none(event, steps, fail_on_error=self.fail_on_error)

    def may_touch(self, line: bytes) -> bool:
        return any(mentions(line, source) for source, _ in self.fields)

    def _decoded(self, source: str, target: str, event: Event) -> Event:
        text = find(event, source)
        if text is MISSING and self.ignore_missing:
            return event
        if type(text) is not str:
            raise Misfit(f"{source} is not a text")
        if source != target and not self.overwrite_keys and find(event, target) is not MISSING:
            raise Misfit(f"{target} exists")
        return put(event, target, row(text, self.separator, trims=self.trim_leading_space))


def row(text: str, separator: str, *, trims: bool = False) -> list[str]:
    """The values of the first row that is not empty; raises `Misfit` if there is none.

    As in Go's reader with lazy quotes, a quote in the wrong place is a character like any other.
    """
    text = text.replace("\r\n", "\n").lstrip("\n")
    if not text:
        raise Misfit("there is no row")
    values: list[str] = []
    at = 0
    while True:
        if trims:
            at += len(text) - at - len(text[at:].lstrip(" \t\v\f\r\x85\xa0"))
        read = _quoted if text.startswith('"', at) else _bare
        value, at = read(text, at, separator)
        values.append(value)
        if not text.startswith(separator, at):
            return values
        at += len(separator)


def _bare(text: str, at: int, separator: str) -> tuple[str, int]:
    """A value, and the place behind it."""
    newline = text.find("\n", at)
    end = text.find(separator, at, newline if newline >= 0 else None)
    if end < 0:
        end = newline if newline >= 0 else len(text)
    return text[at:end], end


def _quoted(text: str, at: int, separator: str) -> tuple[str, int]:
    """A value in quotes, which may hold separators and newlines, and the place behind it."""
    parts: list[str] = []
    start = at + 1
    while (end := text.find('"', start)) >= 0:
        following = text[end + 1 : end + 2]
        if following in {"", separator, "\n"}:
            return "".join((*parts, text[start:end])), end + 1
        parts.append(text[start : end + 1])
        start = end + (2 if following == '"' else 1)
    return "".join((*parts, text[start:].removesuffix("\n"))), len(text)
