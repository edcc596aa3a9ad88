"""What a complete message becomes: a line to send, a reject, or a filtered line."""

import re
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from shipper.forms.check import Reject, Sifted, fault
from shipper.forms.text.event import Conflict, Origin, expanded
from shipper.forms.text.filters import as_text, matches_any
from shipper.forms.text.message import Message
from shipper.lines import Lines
from shipper.patterns import Pattern

_SPACE = b" \t\r"
#: Matches every object that has keys to expand, and some others.
_DOTTED_KEY = re.compile(rb'\.[^"]*"\s*:')

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])

_Patterns = Sequence[Pattern]


class Json(Struct, frozen=True, kw_only=True):
    """How objects are treated: the options of the parser `ndjson`."""

    #: Whether a line is a text even if it is an object.
    is_text: bool = False
    #: Whether a line that is not an object is rejected.
    is_strict: bool = False
    #: The key that an object is placed under; empty for the root.
    target: str = ""
    expand_keys: bool = False
    #: Whether a line that is not an object becomes an event with `error`.
    add_error_key: bool = False
    #: The member that `include_lines` and `exclude_lines` search instead of the line.
    message_key: str = ""


class Emitter:
    """Turns each message into a line, a reject or a filtered line, and skips blank ones."""

    def __init__(
        self,
        path: str,
        json: Json,
        lines: tuple[_Patterns, _Patterns],
        common: Mapping[str, object],
        max_bytes: int,
    ) -> None:
        """`lines` are the patterns of lines to include, and of lines to exclude.

        `max_bytes` bounds the JSON of a text.
        """
        self._max_bytes = max_bytes
        self._json = json
        self._include, self._exclude = lines
        self._origin = Origin(path, common)
        self._lines: list[bytes] = []
        self._offsets: list[int] = []
        self._rejects: list[Reject] = []
        self._filtered: list[int] = []
        self._truncated: list[Reject] = []

    def emit(self, message: Message) -> None:
        """Take the next message, in the order of the file."""
        message.text, unstripped = message.text.strip(_SPACE), message.text
        if not message.text and not message.is_dropped:
            return
        reason = self._fault(message)
        if message.is_dropped or not self._is_wanted(message, unstripped, reason is None):
            self._filtered.append(message.start)
        elif reason is None:
            self._send(message, self._expanded(message))
        elif self._json.is_strict:
            self._rejects.append(message.truncated or Reject(unstripped, message.start, reason))
        else:
            message.text = unstripped
            if self._json.add_error_key:
                message.error = message.error or ("json", reason)
            self._send(message, self._origin.text(message, self._max_bytes))

    def result(self) -> Sifted:
        """The result for all messages."""
        return Sifted(
            Lines.of(self._lines),
            self._offsets,
            self._rejects,
            filtered=self._filtered,
            truncated=self._truncated,
        )

    def _send(self, message: Message, line: bytes) -> None:
        self._lines.append(line)
        self._offsets.append(message.start)
        if message.truncated:
            self._truncated.append(message.truncated)

    def _fault(self, message: Message) -> str | None:
        """Why the message is not an object; None if it is."""
        if message.truncated:
            return message.truncated.reason
        if self._json.is_text:
            return "a text"
        if message.text.startswith(b"{") or self._json.is_strict or self._json.add_error_key:
            return fault(message.text)
        return "not a JSON object"

    def _is_wanted(self, message: Message, unstripped: bytes, is_object: bool) -> bool:  # noqa: FBT001
        if not (self._include or self._exclude):
            return True
        key = self._json.message_key
        text = _text_at(message.text, key) if is_object and key else as_text(unstripped)
        is_included = not self._include or matches_any(self._include, text)
        return is_included and not matches_any(self._exclude, text)

    def _expanded(self, message: Message) -> bytes:
        """The event made from an object; from its text if it cannot be expanded without loss."""
        try:
            return self._object(message)
        except Conflict as conflict:
            message.error = ("json", str(conflict))
            return self._origin.text(message, self._max_bytes)

    def _object(self, message: Message) -> bytes:
        if b"\n" in message.text:  # an object over several lines
            message.text = msgspec.json.format(message.text, indent=-1)
        if self._json.expand_keys and _DOTTED_KEY.search(message.text):
            message.text = expanded(message.text)
        if self._json.target or message.timestamp or message.flags:
            return self._origin.object(message, self._json.target)
        return message.text


def _text_at(line: bytes, key: str) -> str:
    """The text at `key` of an object; the complete line if there is none."""
    try:
        return msgspec.json.decode(_members.decode(line)[key], type=str)
    except (KeyError, msgspec.DecodeError, RecursionError):
        return as_text(line)
