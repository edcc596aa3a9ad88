"""A gzip archive (RFC 1952), read as if it were the file that it was made of.

It is scanned once before its first line is read: only its end shows which file it is a copy of and
whether it is complete. Then it is unpacked again, from front to back, and only the part that is
being read is in memory.
"""

import os
import zlib

from shipper.follow.handle import Handle, Packed, Torn
from shipper.follow.mark import HEAD_BYTES

#: The first bytes of every archive; no text in UTF-8 contains them.
_MAGIC = b"\x1f\x8b"

#: Other formats that logs are packed in; all their bytes would become dead letters.
_OTHERS = {
    b"\xfd7zXZ\x00": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"BZh91AY&SY": "packed with bzip2",
    b"\x04\x22\x4d\x18": "packed with lz4",
    b"PK\x03\x04": "a zip archive",
}

_LONGEST_MAGIC_BYTES = max(map(len, _OTHERS))

#: The bytes at both ends that fingerprints cover: they are read again and again, and kept.
_EDGE_BYTES = HEAD_BYTES

#: Read at once: this much packed text unpacks to a piece or two.
_READ_BYTES = 64 << 10
#: Unpacked at once; more would be copied more often.
_PIECE_BYTES = 256 << 10
#: Unpacked by one `explore`: some 20 ms during which no other file is read.
_STEP_PIECES = 32

_TORN = "its end is missing"

#: zlib's code for a gzip member with its header and checksum.
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
        "unpacked_bytes",
    )

    is_archive = True

    def __init__(self, file: int) -> None:
        """Nothing is known about the open `file` before `explore`."""
        super().__init__(file)
        self._version = (-1, 0)
        self._is_explored = False
        # During the scan, and after it if the end may still come.
        self._explorer: _Unpacker | None = None
        self._fault = ""
        self._size = 0
        self._head = self._tail = b""
        self._reader: _Unpacker | None = None
        #: How much was unpacked of it, counted again each time.
        self.unpacked_bytes = 0
        # The part of the content that is unpacked, and its offset.
        self._window, self._start = bytearray(), 0

    @property
    def size(self) -> int:
        """The size of the content, as far as it is scanned."""
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
        """Whether it was scanned to its end in this version."""
        return self._is_explored and version == self._version

    def explore(self, version: tuple[int, int]) -> bool:
        """Scan the next part; True after the last one."""
        if version != self._version:
            self._change(version)
        self._explorer = explorer = self._explorer or _Unpacker()
        for _ in range(0 if self._is_explored else _STEP_PIECES):
            piece = explorer.more(self.file, _PIECE_BYTES)
            if not piece:
                self._is_explored, self._fault = True, explorer.fault
                break
            self._size += len(piece)
            self.unpacked_bytes += len(piece)
            self._head += piece[: _EDGE_BYTES - len(self._head)]
            self._tail = (self._tail + piece[-_EDGE_BYTES:])[-_EDGE_BYTES:]
        if self._is_explored and not self.is_torn:
            self._explorer = None
        return self._is_explored

    def read(self, size: int, offset: int) -> bytes:
        """`size` bytes of the content; fast at the offset of the last read or a little later."""
        end = min(offset + size, self._size)
        if end <= len(self._head):
            return self._head[offset:end]
        if offset >= (before := self._size - len(self._tail)):
            return self._tail[offset - before : end - before]
        self._unpack(offset, end)
        return bytes(self._window[offset - self._start : end - self._start])

    def after_hole(self, start: int) -> int:
        """`start`: what is unpacked has no holes."""
        return start

    def up_to_a_line(self, start: int, want: int) -> int:  # noqa: ARG002  # as in every handle
        """`want`: to search further on for the end of a line would unpack that part twice."""
        return want

    def rest(self) -> None:
        """Free what is needed to continue; the next scan or read starts at the front again."""
        self._drop_reader()
        if not self._is_explored:
            self._explorer, self._version = None, (-1, 0)

    def close(self) -> None:
        """Close the file; its size and its fault stay known."""
        self.rest()
        self._explorer, self._head, self._tail = None, b"", b""
        if not self._is_explored:
            self._version = (-1, 0)
        super().close()

    def _change(self, version: tuple[int, int]) -> None:
        """Start another scan; only an archive without its end can be continued."""
        continues = self.is_torn and version[0] > self._version[0]
        self._version, self._is_explored, self._fault = version, False, ""
        if self._explorer and continues:
            self._explorer.fault = ""
        else:
            self._explorer = None
            self._size, self._head, self._tail = 0, b"", b""
        self._drop_reader()

    def _drop_reader(self) -> None:
        self._reader = None
        self._window = bytearray()

    def _unpack(self, offset: int, end: int) -> None:
        """Unpack the content from `offset` to `end` into the window; keep little before it."""
        if self._reader is None or offset < self._start:
            self._drop_reader()
            self._reader, self._start = _Unpacker(), 0
        while (at := self._start + len(self._window)) < end:
            piece = self._reader.more(self.file, min(_PIECE_BYTES, end - at))
            if not piece:
                break
            self._window += piece
            self.unpacked_bytes += len(piece)
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
        # After a member, and before the next one.
        self._is_between = False
        self.fault = ""

    def more(self, file: int, max_bytes: int) -> bytes:
        """The next bytes, at least one; none at the end or at a fault."""
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
        """The next packed bytes; zeros between members (padding of tapes) are skipped."""
        while data := os.pread(file, _READ_BYTES, self._at):
            self._at += len(data)
            if data := data.lstrip(b"\0") if self._is_between else data:
                return data
        return b""

    def _inflated(self, max_bytes: int) -> bytes:
        """The unpacked input; empty if zlib finds a fault, even one at the end of the input.

        Therefore the input is fed again in ever smaller parts, until a single byte is at fault.
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
    """The handle to read the file with, by its first bytes; `file` itself if it is the right one.

    `Torn` if the file has only the first byte of an archive, `Packed` if it is not readable.
    """
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
