"""Processors that write texts in another way: replaced, decoded, or taken from a list."""

import base64
import binascii
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct

from shipper.patterns import Pattern
from shipper.processors.event import MISSING, Event, Misfit, find, mentions, put
from shipper.processors.failures import all_or_none, attempted


class Rewrite(Struct, frozen=True, kw_only=True):
    """Rewrites texts, each in its place or into another field, which it replaces."""

    #: From, to, and how.
    fields: tuple[tuple[str, str, Callable[[str], str]], ...]
    ignore_missing: bool = False
    fail_on_error: bool = True

    def process(self, event: Event) -> Event:
        steps = (partial(self._rewritten, *row) for row in self.fields)
        return attempted(event, steps, fail_on_error=self.fail_on_error)

    def may_touch(self, line: bytes) -> bool:
        if self.fail_on_error and not self.ignore_missing:
            return True  # a missing field is reported in the event
        return any(mentions(line, source) for source, _, _ in self.fields)

    def _rewritten(
        self, source: str, target: str, rewrite: Callable[[str], str], event: Event
    ) -> Event:
        text = find(event, source)
        if text is MISSING and self.ignore_missing:
            return event
        if type(text) is not str:
            reason = "does not exist" if text is MISSING else "is not a text"
            raise Misfit(f"{source} cannot be rewritten: it {reason}")
        new = rewrite(text)
        return event if new == text and source == target else put(event, target, new)


#: `$1`, `${name}`, and `$$` for a dollar.
_GROUP = re.compile(r"\$\$|\$(\w+)|\$\{(\w+)\}", re.ASCII)
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def replaced(pattern: Pattern, replacement: str) -> Callable[[str], str]:
    """A function that puts the replacement in the place of every match; `$1` is a group of it."""
    template = _template(replacement)
    return lambda text: str(pattern.compiled.sub(template, text))


def _template(replacement: str) -> str | Callable[[Any], str]:
    """Go's template, for Python: a function if it has groups, otherwise the text."""
    if "$" not in replacement:
        return lambda _match: replacement
    parts = [*_GROUP.finditer(replacement)]

    def filled(match: Any) -> str:
        pieces, end = [], 0
        for part in parts:
            pieces += [replacement[end : part.start()], _group(match, part)]
            end = part.end()
        return "".join((*pieces, replacement[end:]))

    return filled


def _group(match: Any, part: Any) -> str:
    if part[0] == "$$":
        return "$"
    name = part[1] or part[2]
    try:
        return match.group(int(name) if name.isdecimal() else name) or ""
    except (IndexError, KeyError):  # Go puts nothing there
        return ""


def url_decoded(text: str) -> str:
    """The text that stands in the query of a URL; raises `Misfit` for a wrong escape."""
    if _BAD_ESCAPE.search(text):
        raise Misfit("not URL encoding: after % come two hexadecimal digits")
    data = text.replace("+", " ").encode()
    try:
        return str(_ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), data), "utf-8")
    except UnicodeDecodeError as error:
        raise Misfit("not URL encoding of UTF-8") from error


def base64_decoded(text: str) -> str:
    """The text in base64, which may lack its padding; raises `Misfit` if it is none."""
    try:
        padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
        return str(base64.b64decode(padded, validate=True), "utf-8")
    except (binascii.Error, ValueError) as error:
        raise Misfit("not base64 of a text") from error


class ExtractArray(Struct, frozen=True, kw_only=True):
    """Sets fields to items of a list."""

    field: str
    #: Place in the list, and the field.
    mappings: tuple[tuple[int, str], ...]
    overwrite_keys: bool = False
    fail_on_error: bool = True
    #: Whether empty items are left out.
    omit_empty: bool = False

    def process(self, event: Event) -> Event:
        items = find(event, self.field)
        if type(items) is not list:
            return event
        steps = (partial(self._set, items, at, path) for at, path in self.mappings)
        return all_or_none(event, steps, fail_on_error=self.fail_on_error)

    def may_touch(self, line: bytes) -> bool:
        return mentions(line, self.field)

    def _set(self, items: list[Any], at: int, path: str, event: Event) -> Event:
        if at >= len(items):
            raise Misfit(f"{self.field} has no item {at}")
        if self.omit_empty and items[at] in (None, "", [], {}):
            return event
        if not self.overwrite_keys and find(event, path) is not MISSING:
            raise Misfit(f"{path} exists")
        return put(event, path, items[at])
