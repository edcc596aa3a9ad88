r"""The lines that a container prints, unwrapped from the log formats of container runtimes.

CRI (containerd, CRI-O):  2016-10-06T00:17:09.669794202Z stdout P text
Docker's json-file:       {"log":"text\n","stream":"stdout","time":"2016-10-06T00:17:09.669794202Z"}

Runtimes split lines longer than 16 KiB. The parts are joined here, separately for stdout and
stderr, because the runtime interleaves the two. A part whose line began in the file before, which
was rotated in between, is marked as continued.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from shipper.bounds import Duration
from shipper.forms.check import BOM
from shipper.forms.text.message import CONTINUED, PARTIAL, Earlier, Message, Step

_Format = Literal["auto", "cri", "docker"]
_Stream = Literal["all", "stdout", "stderr"]

_TIME = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
_CRI = re.compile(rb"(%b) (stdout|stderr) ([A-Z][^ ]*)(?: |$)" % _TIME)
_is_time = re.compile(_TIME.decode()).fullmatch


class _Docker(msgspec.Struct):
    log: str
    time: str
    stream: str = "stdout"


_decode = msgspec.json.Decoder(_Docker).decode


class Container(Struct, frozen=True):
    """The parser `container`."""

    format: _Format = "auto"
    stream: _Stream = "all"
    #: How long to wait for the other parts of a line, which the runtime writes immediately.
    timeout_s: Duration | None = 5.0

    def step(self, max_bytes: int, earlier: Earlier) -> Step:
        return _Joining(self, max_bytes, earlier)

    def unwrapped(self, message: Message) -> tuple[Message, bool] | None:
        """The printed text, and whether more of its line follows; None if the format differs."""
        is_docker = message.text.startswith(b"{") if self.format == "auto" else False
        return _docker(message) if is_docker or self.format == "docker" else _cri(message)

    def left_open(self, end: bytes, beginning: bytes) -> set[str | None]:
        """The streams whose lines are open at the `end` of a file.

        Without those that have a part in the `beginning` of the file that follows.
        """
        last = {part.stream: is_open for part, is_open in self._parts(end)}
        last |= {part.stream: False for part, _ in self._parts(beginning)}
        return {stream for stream, is_open in last.items() if is_open}

    def _parts(self, data: bytes) -> Iterator[tuple[Message, bool]]:
        lines = data.split(b"\n")
        return filter(None, (self.unwrapped(Message(line, 0, 0)) for line in lines if line))


def _cri(message: Message) -> tuple[Message, bool] | None:
    match = _CRI.match(message.text)
    if not match:
        return None
    timestamp, stream, tags = match.groups()
    message.timestamp, message.stream = timestamp.decode(), stream.decode()
    message.text = message.text[match.end() :]
    return message, b"P" in tags.split(b":")


def _docker(message: Message) -> tuple[Message, bool] | None:
    try:
        found = _decode(message.text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not _is_time(found.time):
        return None
    text = found.log.encode()
    message.timestamp, message.stream = found.time, found.stream
    message.text = text.removesuffix(b"\n").removesuffix(b"\r")
    return message, not text.endswith(b"\n")


class _Joining:
    """Joins the parts of each stream's lines."""

    __slots__ = ("_container", "_continued", "_earlier", "_max_bytes", "_open")

    def __init__(self, container: Container, max_bytes: int, earlier: Earlier) -> None:
        self._container, self._max_bytes, self._earlier = container, max_bytes, earlier
        self._open: dict[str | None, Message] = {}
        # The streams whose next part continues a line of an earlier file; None before the first.
        self._continued: set[str | None] | None = None

    @property
    def held_from(self) -> int | None:
        return min((one.start for one in self._open.values()), default=None)

    def feed(self, message: Message) -> Sequence[Message]:
        if not (found := self._container.unwrapped(message)):
            # Send it unchanged, so that nothing that another program wrote is lost.
            message.error = ("container", "not in the format of container logs")
            return (message,)
        part, is_open = found
        if self._container.stream not in ("all", part.stream):
            part.is_dropped = True
            return (part,)
        before = self._open.pop(part.stream, None)
        if self._continued is None:
            self._continued = self._container.left_open(*self._earlier())
        if part.stream in self._continued:
            self._continued.discard(part.stream)
            part.flags += (CONTINUED,)
        elif before is None:
            part.text = part.text.removeprefix(BOM)  # it begins what the container prints
        if before and len(before.text) + len(part.text) > self._max_bytes:
            before.flags += (PARTIAL,)
            return (before, *self._add(part, is_open=is_open))
        return self._add(_joined(before, part) if before else part, is_open=is_open)

    def end(self) -> Sequence[Message]:
        held = [*self._open.values()]
        self._open.clear()
        for message in held:
            message.flags += (PARTIAL,)
        return held

    def _add(self, message: Message, *, is_open: bool) -> Sequence[Message]:
        if not is_open:
            return (message,)
        self._open[message.stream] = message
        return ()


def _joined(message: Message, part: Message) -> Message:
    message.text += part.text
    message.end = part.end
    message.flags += part.flags
    return message
