"""Several lines that are one event, such as stack traces, by Filebeat's rules.

A step collects lines until a pattern or a count shows that their event has ended. An event has at
most `max_lines` lines and `max_bytes` bytes. Filebeat discards the lines beyond these limits; here
they become another event.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from shipper.bounds import Duration
from shipper.forms.text.filters import as_text
from shipper.forms.text.message import MULTILINE, PARTIAL, Earlier, Message, Step
from shipper.patterns import Pattern


class Multiline(Struct, frozen=True, kw_only=True):
    """The parser `multiline`; its fields are the parser's options."""

    type: Literal["pattern", "count", "while_pattern"] = "pattern"
    pattern: Pattern | None = None
    negate: bool = False
    match: Literal["after", "before"] = "after"
    #: A line that matches this is the last one of its event.
    flush_pattern: Pattern | None = None
    count_lines: int = 0
    #: Whether lines are joined without a newline between them.
    skip_newline: bool = False
    max_lines: int = 500
    timeout_s: Duration | None = 5.0

    def step(self, max_bytes: int, _earlier: Earlier) -> Step:
        return _STEPS[self.type](self, max_bytes)

    def is_match(self, line: bytes) -> bool:
        """Whether the pattern matches the line, or with `negate` whether it does not."""
        assert self.pattern is not None
        return (self.pattern.search(as_text(line)) is not None) is not self.negate


class _Collecting:
    """Collects lines until their event ends."""

    def __init__(self, options: Multiline, max_bytes: int) -> None:
        self._options, self._max_bytes = options, max_bytes
        self._lines: list[Message] = []
        self._bytes = 0
        #: The smallest start of the lines. It may be a later line's: the parser `container` joins
        #: a line from parts, and the first part can start before other lines.
        self.held_from: int | None = None

    def feed(self, message: Message) -> Sequence[Message]:
        # A dropped message is treated as if it were not in the file.
        return (message,) if message.is_dropped else self._feed(message)

    def end(self) -> Sequence[Message]:
        if not self._lines:
            return ()
        event, *rest = self._lines
        if rest:
            separator = b"" if self._options.skip_newline else b"\n"
            event.text = separator.join(line.text for line in self._lines)
            event.end = max(line.end for line in self._lines)
            flags = (flag for line in rest for flag in line.flags)
            event.flags = tuple(dict.fromkeys((*event.flags, *flags, MULTILINE)))
        self._lines, self._bytes, self.held_from = [], 0, None
        return (event,)

    def _feed(self, message: Message) -> Sequence[Message]:
        raise NotImplementedError

    def _add(self, message: Message) -> Sequence[Message]:
        """Add a line; return the event before it if the line would exceed its limits."""
        ended: Sequence[Message] = ()
        size = self._bytes + len(message.text) + 1
        if self._lines and (len(self._lines) == self._options.max_lines or size > self._max_bytes):
            ended = self.end()
            ended[0].flags += (PARTIAL,)
        self._lines.append(message)
        start = message.start
        self.held_from = start if self.held_from is None else min(self.held_from, start)
        self._bytes += len(message.text) + 1
        return ended


class _ByPattern(_Collecting):
    """A line that matches belongs to the line before it, or to the line after it."""

    def _feed(self, message: Message) -> Sequence[Message]:
        options = self._options
        if not self._lines:
            return self._add(message)
        if options.flush_pattern and options.flush_pattern.search(as_text(message.text)):
            return (*self._add(message), *self.end())
        decisive = message if options.match == "after" else self._lines[-1]
        ended = () if options.is_match(decisive.text) else self.end()
        return (*ended, *self._add(message))


class _ByCount(_Collecting):
    """Every event has `count_lines` lines."""

    def _feed(self, message: Message) -> Sequence[Message]:
        ended = self._add(message)
        is_full = len(self._lines) == self._options.count_lines
        return (*ended, *self.end()) if is_full else ended


class _WhileMatching(_Collecting):
    """Consecutive lines that match are one event; every other line is an event alone."""

    def _feed(self, message: Message) -> Sequence[Message]:
        if self._options.is_match(message.text):
            return self._add(message)
        return (*self.end(), message)


_STEPS = {"pattern": _ByPattern, "count": _ByCount, "while_pattern": _WhileMatching}
