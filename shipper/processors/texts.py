"""Processors that cut texts, and that make a digest of several fields."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from msgspec import Struct

from shipper.processors.event import MISSING, Event, Misfit, find, mentions, put
from shipper.processors.failures import attempted, with_error
from shipper.processors.fields import AddTags

_FLAG = AddTags(("truncated",), "log.flags")


class TruncateFields(Struct, frozen=True, kw_only=True):
    """Cuts texts that are too long, never within a character, and sets `log.flags: truncated`."""

    fields: tuple[str, ...]
    #: One of the two.
    max_bytes: int | None = None
    max_characters: int | None = None
    ignore_missing: bool = False
    fail_on_error: bool = True

    def process(self, event: Event) -> Event:
        steps = (partial(self._truncated, path) for path in self.fields)
        return attempted(event, steps, fail_on_error=self.fail_on_error)

    def may_touch(self, line: bytes) -> bool:
        if self.fail_on_error and not self.ignore_missing:
            return True  # a missing field is reported in the event
        return any(mentions(line, path) for path in self.fields)

    def _truncated(self, path: str, event: Event) -> Event:
        value = find(event, path)
        if value is MISSING and self.ignore_missing:
            return event
        if type(value) is not str:
            reason = "it does not exist" if value is MISSING else "it is not a text"
            raise Misfit(f"{path} cannot be cut: {reason}")
        cut = self._cut(value)
        return event if cut == value else _FLAG.process(put(event, path, cut))

    def _cut(self, text: str) -> str:
        if self.max_bytes is None:
            return text[: self.max_characters]
        encoded = text.encode()
        if len(encoded) <= self.max_bytes:
            return text
        return encoded[: self.max_bytes].decode(errors="ignore")


_ENCODINGS: Mapping[str, Callable[[bytes], str]] = {
    "hex": bytes.hex,
    "base32": lambda digest: base64.b32encode(digest).decode(),
    "base64": lambda digest: base64.b64encode(digest).decode(),
}


class Fingerprint(Struct, frozen=True, kw_only=True):
    """Sets a field to the digest of `|name|value|name|value|` over other fields, sorted by name."""

    fields: tuple[str, ...]
    target_field: str = "fingerprint"
    method: Literal["md5", "sha1", "sha256", "sha384", "sha512"] = "sha256"
    encoding: Literal["hex", "base32", "base64"] = "hex"
    ignore_missing: bool = False

    def process(self, event: Event) -> Event:
        """The event with the digest, or with the reason for its lack in `error.message`."""
        try:
            text = "".join(self._part(event, path) for path in sorted({*self.fields}))
            digest = hashlib.new(self.method, f"{text}|".encode(), usedforsecurity=False).digest()
            return put(event, self.target_field, _ENCODINGS[self.encoding](digest))
        except Misfit as misfit:
            return with_error(event, str(misfit))

    def may_touch(self, _line: bytes) -> bool:
        return True

    def _part(self, event: Event, path: str) -> str:
        value = find(event, path)
        if value is MISSING and self.ignore_missing:
            return ""
        if value is MISSING or type(value) in {dict, list}:
            reason = "does not exist" if value is MISSING else "has more than one value"
            raise Misfit(f"no fingerprint: {path} {reason}")
        return f"|{path}|{_plain(value)}"


def _plain(value: Any) -> str:
    """The value as Go prints it; a number with a fraction keeps its spelling in the line."""
    if type(value) is bool:
        return str(value).lower()
    return "<nil>" if value is None else getattr(value, "text", None) or str(value)
