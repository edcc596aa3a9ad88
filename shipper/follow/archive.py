"""A gzip archive (RFC 1952), read as if it were the file that it was made of.

It is gone through once before its first line is read: whose copy it is, and whether it is whole,
only its end can tell. Then it is unpacked once more, from the front to the back, and no more of it
is in memory than is being read.
"""

import os
import zlib

from shipper.follow.handle import Handle, Packed, Torn
from shipper.follow.mark import HEAD_BYTES

#: What an archive begins with, and no line of text in UTF-8.
_MAGIC = b"\x1f\x8b"

#: What else logs are packed with; their bytes would all be dead letters.
_OTHERS = {
    b"\xfd7zXZ\x00": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"BZh91AY&SY": "packed with bzip2",
    b"\x04\x22\x4d\x18": "packed with lz4",
    b"PK\x03\x04": "a zip archive",
}

_LONGEST_MAGIC_BYTES = max(map(len, _OTHERS))

#: What fingerprints look at, of both ends: it is asked for again and again, and kept.
_EDGE_BYTES = HEAD_BYTES

#: Read at once: of text it unpacks to a piece or two.
_READ_BYTES = 64 << 10
#: Unpacked at once; more would be copied more often.
_PIECE_BYTES = 256 << 10
#: Unpacked by one `explore`: some 20 ms, in which no other file is read.
_STEP_PIECES = 32

_TORN = "its end is missing"

#: zlib's sign for a gzip member with its header and checksum.
_GZIP_WBITS = 16 + zlib.MAX_WBITS


class Archive(Handle):
    """An open archive."""

    __slots__ = (
        "_explorer",
        "_fault",
        "_head",
        "_is_explored",
        "_reader",
        "_size",
        "_start",
        "_tail",
        "_version",
        "_window",
    )

    is_archive = True

    def __init__(self, file: int) -> None:
        """Nothing is known of the open `file` before `explore`."""
        super().__init__(file)
        self._version = (-1, 0)
        self._is_explored = False
        # While it is gone through, and where its end may follow.
        self._explorer: _Unpacker | None = None
        self._fault = ""
        self._size = 0
        self._head = self._tail = b""
        self._reader: _Unpacker | None = None
        # What of the content is unpacked, and where that starts.
        self._window, self._start = bytearray(), 0

    @property
    def size(self) -> int:
        """How much it holds, so far as it is explored."""
        return self._size

    @property
    def fault(self) -> str:
        """Why it cannot be unpacked to its end; empty if it can."""
        return self._fault

    @property
    def is_torn(self) -> bool:
        """Whether its end is missing, as while it is written."""
        return self._fault is _TORN

    def knows(self, version: tuple[int, int]) -> bool:
        """Whether it has been gone through to its end since it was written to."""
        return self._is_explored and version == self._version

    def explore(self, version: tuple[int, int]) -> bool:
        """Go through the next part of it; True when that was the last."""
        if version != self._version:
            self._change(version)
        self._explorer = explorer = self._explorer or _Unpacker()
        for _ in range(0 if self._is_explored else _STEP_PIECES):
            piece = explorer.more(self.file, _PIECE_BYTES)
            if not piece:
                self._is_explored, self._fault = True, explorer.fault
                break
            self._size += len(piece)
            self._head += piece[: _EDGE_BYTES - len(self._head)]
            self._tail = (self._tail + piece[-_EDGE_BYTES:])[-_EDGE_BYTES:]
        if self._is_explored and not self.is_torn:
            self._explorer = None
        return self._is_explored

    def read(self, size: int, offset: int) -> bytes:
        """`size` bytes of the content; quick where the last read was, or a little behind it."""
        end = min(offset + size, self._size)
        if end <= len(self._head):
            return self._head[offset:end]
        if offset >= (before := self._size - len(self._tail)):
            return self._tail[offset - before : end - before]
        self._unpack(offset, end)
        return bytes(self._window[offset - self._start : end - self._start])

    def up_to_a_line(self, start: int, want: int) -> int:  # noqa: ARG002  # as every handle's
        """`want`: to look further on for the end of a line would be to unpack it twice."""
        return want

    def rest(self) -> None:
        """Let go of what reading on needs; the next read begins at the front again."""
        self._reader = None
        self._window = bytearray()

    def close(self) -> None:
        """Close the file; how much it holds, and what is wrong with it, stays known."""
        self.rest()
        self._explorer, self._head, self._tail = None, b"", b""
        if not self._is_explored:
            self._version = (-1, 0)
        super().close()

    def _change(self, version: tuple[int, int]) -> None:
        """It was written to: what was cut off may go on, everything else is another archive."""
        goes_on = self.is_torn and version[0] > self._version[0]
        self._version, self._is_explored, self._fault = version, False, ""
        if self._explorer and goes_on:
            self._explorer.fault = ""
        else:
            self._explorer = None
            self._size, self._head, self._tail = 0, b"", b""
        self.rest()

    def _unpack(self, offset: int, end: int) -> None:
        """Have the content from `offset` to `end` in the window, and little before that."""
        if self._reader is None or offset < self._start:
            self.rest()
            self._reader, self._start = _Unpacker(), 0
        while (at := self._start + len(self._window)) < end:
            piece = self._reader.more(self.file, min(_PIECE_BYTES, end - at))
            if not piece:
                break
            self._window += piece
            self._drop(offset - _EDGE_BYTES)
        self._drop(offset - _EDGE_BYTES)

    def _drop(self, before: int) -> None:
        count = min(len(self._window), before - self._start)
        if count > 0:
            del self._window[:count]
            self._start += count


class _Unpacker:
    """Unpacks an archive from its front to its end, member by member."""

    __slots__ = ("_at", "_feed_bytes", "_inflate", "_input", "_is_between", "fault")

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_WBITS)
        self._input = b""
        self._at = 0
        self._feed_bytes = _READ_BYTES
        # Behind a member, and not in the next one.
        self._is_between = False
        self.fault = ""

    def more(self, file: int, max_bytes: int) -> bytes:
        """What comes next, at least one byte of it; none at the end, or at a fault."""
        while not self.fault:
            if not self._input:
                self._input = self._read(file)
            is_over = not self._input
            if is_over and self._is_between:
                break
            if data := self._inflated(max_bytes):
                return data
            if is_over:
                self.fault = _TORN
        return b""

    def _read(self, file: int) -> bytes:
        """What the file has next; padding between members, as of tapes, is passed over."""
        while data := os.pread(file, _READ_BYTES, self._at):
            self._at += len(data)
            if data := data.lstrip(b"\0") if self._is_between else data:
                return data
        return b""

    def _inflated(self, max_bytes: int) -> bytes:
        """What the input unpacks to, if it does; nothing of a call that meets a fault is given.

        So the input is fed again in ever smaller parts, until one byte alone is at fault.
        """
        fed, before = self._input[: self._feed_bytes], self._inflate.copy()
        try:
            data = self._inflate.decompress(fed, max_bytes)
        except zlib.error as error:
            self._inflate, self._feed_bytes = before, len(fed) // 2
            if not self._feed_bytes:
                self.fault = str(error).rpartition(": ")[2]
            return b""
        rest = self._input[len(fed) :]
        if self._inflate.eof:
            self._input = (self._inflate.unused_data + rest).lstrip(b"\0")
            self._inflate = zlib.decompressobj(_GZIP_WBITS)
            self._is_between = not self._input
        else:
            self._input = self._inflate.unconsumed_tail + rest
            self._is_between = False
        return data


def opened(file: Handle) -> Handle:
    """What reads the open file by its first bytes, mostly `file` itself; `Torn` if one is all."""
    head = os.pread(file.file, _LONGEST_MAGIC_BYTES, 0)
    if head == _MAGIC[:1]:
        raise Torn
    for magic, how in _OTHERS.items():
        if head.startswith(magic):
            raise Packed(how)
    is_archive = head.startswith(_MAGIC)
    if is_archive == file.is_archive:
        return file
    return Archive(file.file) if is_archive else Handle(file.file)
