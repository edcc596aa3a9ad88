"""A followed file on the disk: where it is, its open handle, and its version when last read."""

import os
import time

from msgspec import Struct
from msgspec.structs import replace

from shipper.follow.archive import opened
from shipper.follow.discover import Found, open_found
from shipper.follow.handle import CLOSED, Handle
from shipper.follow.segments import is_ended

#: File systems count time in steps of a few milliseconds: a file that is rewritten with as many
#: bytes within one step looks unchanged.
_RACY_NS = 50_000_000

#: An archive without its end is still being written or copied, unless it has not grown for this
#: long.
_ARCHIVE_PATIENCE_S = 60.0


class File(Struct, gc=False, eq=False):
    """One file; it can be closed and opened again."""

    #: Where the file is now, with its size and time of change.
    found: Found
    _handle: Handle = CLOSED
    #: As it was when it was last read.
    seen: Found | None = None
    _is_racy: bool = False

    # --- the handle

    def handle(self) -> Handle:
        """The open file, opened again if necessary; `OSError` if it is no longer there."""
        if self._handle is CLOSED:
            self._handle = Handle(open_found(self.found))
        elif not self._handle.is_open:
            self._handle.reopen(open_found(self.found))
        return self._handle

    def close(self) -> None:
        """Close the handle."""
        self._handle.close()
        if not self.is_archive:  # an archive remembers what its scan has found
            self._handle = CLOSED

    def recognize(self) -> None:
        """Choose how to read the file by its first bytes.

        `Torn` if there are too few of them, `Packed` if it is compressed in another way than gzip.
        """
        self._handle = opened(self.handle())

    def explore(self) -> bool:
        """Scan the next part of an archive; whether its content is known to its end."""
        return self.handle().explore(self.found.version)

    def rest(self) -> None:
        """Free what is only needed to continue reading."""
        self._handle.rest()

    @property
    def unpacked_bytes(self) -> int:
        """How much was unpacked of an archive, scans included."""
        return self._handle.unpacked_bytes

    @property
    def is_open(self) -> bool:
        """Whether it has an open handle."""
        return self._handle.is_open

    @property
    def is_archive(self) -> bool:
        """Whether it is read as its unpacked content."""
        return self._handle.is_archive

    @property
    def is_explored(self) -> bool:
        """Whether the content of this version is known to its end."""
        return self._handle.knows(self.found.version)

    @property
    def is_torn(self) -> bool:
        """Whether it is an archive without its end."""
        return self._handle.is_torn

    @property
    def is_being_written(self) -> bool:
        """Whether it is an archive whose end can still come."""
        return self.is_torn and time.time() - self.found.mtime_ns / 1e9 < _ARCHIVE_PATIENCE_S

    @property
    def fault(self) -> str:
        """Why it cannot be unpacked to its end; empty if it can."""
        return self._handle.fault

    @property
    def size(self) -> int:
        """The bytes that it holds, unpacked, as last looked up."""
        return self._handle.size if self.is_archive else self.found.size

    def peek(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset` if they can be read cheaply, else nothing."""
        try:
            is_cheap = self.is_open and not self.is_archive
            return self._handle.read(size, offset) if is_cheap else b""
        except OSError:  # reported when the file is read
            return b""

    # --- its version

    def refresh(self) -> None:
        """Look up the size and time of change of the open file."""
        size, mtime_ns = self._version()
        if (size, mtime_ns) != self.found.version:
            self.found = replace(self.found, size=size, mtime_ns=mtime_ns)

    def relist(self, found: Found) -> None:
        """Replace where it is and its version by those of the latest scan."""
        if self.found != found:  # else keep the object: `seen` may be the same one
            self.found = found

    def note_seen(self) -> None:
        """Remember this version: only another one is worth another attempt."""
        self.seen = self.found  # the same object: each of many quiet files has one

    def note_read(self) -> None:
        """Remember that this version is read."""
        self.note_seen()
        self._is_racy = abs(time.time_ns() - self.found.mtime_ns) < _RACY_NS

    def forget_read(self) -> None:
        """Take the file for unread, whatever its version."""
        self.seen = None

    @property
    def is_changed(self) -> bool:
        """Whether its version differs from the one that was last read."""
        return self.seen is None or self.seen.version != self.found.version

    def may_differ(self, found: Found) -> bool:
        """Whether `found` may have other content than the version that was last read."""
        return self._is_racy or self.seen is None or found.version != self.seen.version

    def is_unchanged(self, found: Found) -> bool:
        """Whether `found` is the same file, at the same place, as it was last read."""
        return self.found == found and not self.may_differ(found)

    def has_changed(self) -> bool:
        """Whether the open file differs now from when it was last read; `OSError` if it is gone."""
        return self.seen is None or self._version() != self.seen.version

    def is_deleted(self) -> bool:
        """Whether the open file has no name any more."""
        return self.is_open and os.fstat(self._handle.file).st_nlink == 0

    def is_ended(self) -> bool:
        """Whether this segment can grow no further."""
        try:
            return is_ended(self.handle())
        except OSError:  # gone or replaced: the next scan finds out
            return False

    def _version(self) -> tuple[int, int]:
        status = os.fstat(self.handle().file)
        return status.st_size, status.st_mtime_ns
