"""Lumberjack v2, the Beats protocol: bytes and meaning, no network.

Both ends are here: `Sender` is the shipper's; `Receiver` answers it in tests and fakes.
Integers are unsigned 32-bit big-endian; every frame starts with the version and its type:

    W count                 client: a window of exactly `count` events follows
    J sequence length json  client: one event; sequences count from 1 in every window
    C length zlib           client: complete J frames, deflated
    A sequence              server: events 1..sequence are taken; 0 means "still alive"

A server can refuse only by closing the connection.
"""

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import repeat
from operator import add
from struct import Struct

from shipper.errors import ProtocolError

WINDOW, EVENT, COMPRESSED, ACK = b"2W", b"2J", b"2C", b"2A"

_HEAD = Struct(">2sI")
_EVENT_HEAD = Struct(">2sII")

Deflate = Callable[[bytes], bytes]
Payloads = Sequence[bytes] | Sequence[memoryview]


def ack(sequence: int) -> bytes:
    """The server's acknowledgement of events 1..`sequence`; 0 keeps the client waiting."""
    return _HEAD.pack(ACK, sequence)


class Sender:
    """The shipping end: windows out, acknowledgements in.

    Acknowledgements name no window, so each belongs to the oldest window in flight. With one window
    at a time a stray second acknowledgement is detected; with more it could count for the next
    window, but no server is known to send one.
    """

    __slots__ = ("_acked", "_deflate", "_pending", "_sizes")

    def __init__(self, deflate: Deflate | None = None) -> None:
        """Compress windows with `deflate`, if given."""
        self._deflate = deflate
        self._sizes: deque[int] = deque()
        self._acked = 0
        self._pending = b""

    def window(self, payloads: Payloads, *, suffix: bytes | Sequence[bytes] = b"") -> bytes:
        """The bytes of one window; it is in flight from now on.

        `suffix` follows each payload, or is one for each of them.
        A server answers an empty window by a 0, or not at all; it is never in flight.
        """
        head = _HEAD.pack(WINDOW, len(payloads))
        if not payloads:
            return head
        self._sizes.append(len(payloads))
        if self._deflate is None:
            return b"".join((head, *_frames(payloads, suffix)))
        body = self._deflate(b"".join(_frames(payloads, suffix)))
        return b"".join((head, _HEAD.pack(COMPRESSED, len(body)), body))

    def receive(self, data: bytes) -> None:
        """Take acknowledgements, in any pieces; see `in_flight` and `acked`."""
        self._pending += data
        whole = len(self._pending) - len(self._pending) % _HEAD.size
        for kind, sequence in _HEAD.iter_unpack(self._pending[:whole]):
            self._take(kind, sequence)
        self._pending = self._pending[whole:]
        if not ACK.startswith(self._pending[:2]):
            raise ProtocolError(f"expected an acknowledgement, got {self._pending[:2]!r}")

    def _take(self, kind: bytes, sequence: int) -> None:
        if kind != ACK:
            raise ProtocolError(f"expected an acknowledgement, got a frame of type {kind!r}")
        if not sequence:
            return  # still alive, or the answer to an empty window
        if not self._sizes:
            raise ProtocolError(f"acknowledgement {sequence} without a window in flight")
        if sequence > self._sizes[0]:
            raise ProtocolError(f"acknowledgement {sequence} is outside 0..{self._sizes[0]}")
        self._acked = max(self._acked, sequence)
        if self._acked == self._sizes[0]:
            self._sizes.popleft()
            self._acked = 0

    @property
    def in_flight(self) -> int:
        """How many windows are not acknowledged completely."""
        return len(self._sizes)

    @property
    def acked(self) -> int:
        """How many events of the oldest window in flight are acknowledged, from its first on."""
        return self._acked


def _frames(payloads: Payloads, suffix: bytes | Sequence[bytes]) -> list[bytes | memoryview]:
    # Everything runs in C: a Python-level loop here costs more than the compression. Looking up
    # both halves of a header costs half as much as packing it.
    count = len(payloads)
    sizes: Iterable[int] = map(len, payloads)
    if isinstance(suffix, bytes):
        sizes, suffix = map(add, sizes, repeat(len(suffix))), (suffix,) * count
    else:
        sizes = map(add, sizes, map(len, suffix))
    pieces: list[bytes | memoryview] = [b""] * (4 * count)
    pieces[::4] = _frame_starts(_power_of_two_from(count))[:count]
    pieces[1::4] = map(_frame_sizes.__getitem__, sizes)
    pieces[2::4] = payloads
    pieces[3::4] = suffix
    return pieces


def _power_of_two_from(number: int) -> int:
    return 1 << max(0, number - 1).bit_length()


@lru_cache(maxsize=4)
def _frame_starts(count: int) -> tuple[bytes, ...]:
    """The first half of the header of events 1 to `count`: type and sequence."""
    return tuple(_HEAD.pack(EVENT, sequence) for sequence in range(1, count + 1))


class _FrameSizes(dict[int, bytes]):
    """The size of a payload as bytes; to look it up costs half as much as to make it."""

    def __missing__(self, length: int) -> bytes:
        if len(self) == _MAX_FRAME_SIZES:
            self.clear()
        made = self[length] = length.to_bytes(4, "big")
        return made


#: Lines of one source have a few hundred lengths; this many take half a MiB.
_MAX_FRAME_SIZES = 4096

_frame_sizes = _FrameSizes()


class Receiver:
    """The receiving end, strict: bytes in, complete windows out."""

    __slots__ = ("_data", "_left", "_max_bytes", "_max_window", "_payloads")

    def __init__(self, *, max_bytes: int = 64 << 20, max_window: int = 10_000) -> None:
        """Bound a frame, and what it inflates to, by `max_bytes`; a window by `max_window`."""
        self._max_bytes, self._max_window = max_bytes, max_window
        self._data = bytearray()
        self._payloads: list[bytes] = []
        self._left: int | None = None

    def receive(self, data: bytes) -> list[tuple[bytes, ...]]:
        """The windows that `data` completes, each as its payloads; acknowledge each by count."""
        self._data += data
        windows: list[tuple[bytes, ...]] = []
        while (size := self._frame_size(self._data)) is not None and size <= len(self._data):
            frame = bytes(self._data[:size])
            del self._data[:size]
            self._take(frame, within_compressed=False)
            if self._left == 0:
                windows.append(tuple(self._payloads))
                self._payloads, self._left = [], None
        return windows

    def _frame_size(self, data: bytes | bytearray) -> int | None:
        """The size of the frame at the front of `data`; None while too little is known."""
        kind = bytes(data[:2])
        if not any(known.startswith(kind) for known in (WINDOW, EVENT, COMPRESSED)):
            raise ProtocolError(f"expected a window, event or compressed frame, got {kind!r}")
        head = _EVENT_HEAD if kind == EVENT else _HEAD
        if len(data) < head.size:
            return None
        length = 0 if kind == WINDOW else head.unpack_from(data)[-1]
        if length > self._max_bytes:
            raise ProtocolError(f"a frame of {length} bytes is over {self._max_bytes}")
        return head.size + int(length)

    def _take(self, frame: bytes, *, within_compressed: bool) -> None:
        kind = frame[:2]
        if kind == EVENT:
            self._take_event(frame)
        elif within_compressed:
            raise ProtocolError(f"a compressed frame holds a frame of type {kind!r}")
        elif kind == WINDOW:
            self._open(_HEAD.unpack(frame)[1])
        else:
            self._inflate(frame[_HEAD.size :])

    def _open(self, size: int) -> None:
        if self._left is not None:
            raise ProtocolError(f"a new window while the last still lacks {self._left} events")
        if size > self._max_window:
            raise ProtocolError(f"a window of {size} events is over {self._max_window}")
        self._left = size

    def _take_event(self, frame: bytes) -> None:
        if not self._left:
            raise ProtocolError("an event outside a window")
        sequence = _EVENT_HEAD.unpack_from(frame)[1]
        if sequence != len(self._payloads) + 1:
            raise ProtocolError(f"expected event {len(self._payloads) + 1}, got {sequence}")
        self._payloads.append(frame[_EVENT_HEAD.size :])
        self._left -= 1

    def _inflate(self, body: bytes) -> None:
        inflater = zlib.decompressobj()
        try:
            data = inflater.decompress(body, self._max_bytes)
        except zlib.error as error:
            raise ProtocolError(f"a compressed frame does not inflate: {error}") from error
        if not inflater.eof or inflater.unused_data:
            raise ProtocolError(f"a compressed frame is cut, or inflates over {self._max_bytes}")
        view = memoryview(data)
        while view:
            size = self._frame_size(bytes(view[: _EVENT_HEAD.size]))
            if size is None or size > len(view):
                raise ProtocolError("a compressed frame ends within a frame")
            self._take(bytes(view[:size]), within_compressed=True)
            view = view[size:]
