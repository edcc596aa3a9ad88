"""An open file, and what it holds, by offset."""

import os

#: Where a block of usual lines has the end of its last whole one.
_TAIL_BYTES = 4096


class Torn(Exception):  # a state, not a fault: files are written page by page
    """What the file is cannot be known before there is more of it."""


class Packed(Exception):  # a state, not a fault: other files are followed
    """The file is packed in a way that is not read; says how."""


class Handle:
    """A file that holds its lines as they are."""

    __slots__ = ("file",)

    #: Whether it has to be explored first, and is best read from its front to its end.
    is_archive = False

    def __init__(self, file: int) -> None:
        """Of the open `file`; -1 while it is closed."""
        self.file = file

    @property
    def is_open(self) -> bool:
        """Whether there is an open file."""
        return self.file >= 0

    @property
    def size(self) -> int:
        """How much it holds, so far as is known."""
        return os.fstat(self.file).st_size

    @property
    def fault(self) -> str:
        """Why not all of it can be read; empty if it can."""
        return ""

    @property
    def is_torn(self) -> bool:
        """Whether that is because its end is missing, as while it is written."""
        return False

    def knows(self, version: tuple[int, int]) -> bool:  # noqa: ARG002  # nothing is to be known
        """Whether it is explored, as of that size and time of change."""
        return True

    def explore(self, version: tuple[int, int]) -> bool:
        """Find out a little more about what it holds; whether it knows all by now."""
        return self.knows(version)

    def rest(self) -> None:
        """Let go of what only reading on needs."""

    def read(self, size: int, offset: int) -> bytes:
        """`size` bytes from `offset`, fewer at the end."""
        return os.pread(self.file, size, offset)

    def up_to_a_line(self, start: int, want: int) -> int:
        """`want` bytes from `start`, or a little less: up to the end of a line, if one is there.

        A block with half a line at its end has to be copied to be rid of it.
        """
        size = min(want, _TAIL_BYTES)
        tail = start + want - size
        newline = os.pread(self.file, size, tail).rfind(b"\n") + 1
        return tail + newline - start if newline else want

    def close(self) -> None:
        """Close the file, if it is open."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1


#: That of every file which is closed, and of which nothing has to be kept.
CLOSED = Handle(-1)
