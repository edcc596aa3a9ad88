"""An open file, and its content by offset."""

import errno
import os

#: A block of ordinary lines has its last newline within this distance from its end.
_TAIL_BYTES = 4096


class Torn(Exception):  # a state, not a fault: files are written page by page
    """Only more of the file can show what it is."""


class Packed(Exception):  # a state, not a fault: other files are followed
    """The file is packed in a format that is not read; the argument names it."""


class Handle:
    """A file that is not packed."""

    __slots__ = ("file",)

    #: How much was unpacked of it.
    unpacked_bytes = 0
    #: Whether it has to be scanned first (`explore`), and is best read from front to back.
    is_archive = False

    def __init__(self, file: int) -> None:
        """`file` is an open file descriptor; -1 while it is closed."""
        self.file = file

    @property
    def is_open(self) -> bool:
        """Whether there is an open file."""
        return self.file >= 0

    @property
    def size(self) -> int:
        """The size of the content, as far as it is known."""
        return os.fstat(self.file).st_size

    @property
    def fault(self) -> str:
        """Why it cannot be read to its end; empty if it can."""
        return ""

    @property
    def is_torn(self) -> bool:
        """Whether its end is missing, as while it is being written."""
        return False

    def knows(self, version: tuple[int, int]) -> bool:  # noqa: ARG002  # it needs no scan
        """Whether it was scanned to its end with that size and time of change."""
        return True

    def explore(self, version: tuple[int, int]) -> bool:
        """Scan the next part; whether everything is known now."""
        return self.knows(version)

    def rest(self) -> None:
        """Free what is only needed to continue reading."""

    def read(self, size: int, offset: int) -> bytes:
        """`size` bytes from `offset`; fewer at the end."""
        return os.pread(self.file, size, offset)

    def after_hole(self, start: int) -> int:
        """The next offset from `start` that is not in a hole of the file system, if it knows."""
        try:
            return os.lseek(self.file, start, os.SEEK_DATA)
        except OSError as error:
            return self.size if error.errno == errno.ENXIO else start

    def up_to_a_line(self, start: int, want: int) -> int:
        """How many bytes to read from `start`: `want`, or a little less to end after a newline.

        A block that ends within a line would have to be copied to remove that part.
        """
        size = min(want, _TAIL_BYTES)
        tail = start + want - size
        newline = os.pread(self.file, size, tail).rfind(b"\n") + 1
        return tail + newline - start if newline else want

    def reopen(self, file: int) -> None:
        """Continue with another descriptor of the same file, after `close`."""
        self.file = file

    def close(self) -> None:
        """Close the file, if it is open."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1


#: The shared handle of all closed files that are not archives.
CLOSED = Handle(-1)
