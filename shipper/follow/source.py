"""One followed file: its handle, its identity, and the whole lines that come next.

The position moves at `settle` alone. Until then every look at the file starts where the last
settled line ended, so whatever goes wrong in between, nothing is skipped.
"""

import logging
import os
import time

from msgspec.structs import replace

from shipper.follow.archive import opened
from shipper.follow.chunk import Chunk, Limits, cut, joined
from shipper.follow.discover import Found, open_found
from shipper.follow.handle import CLOSED, Handle, Packed, Torn
from shipper.follow.mark import Mark
from shipper.follow.registry import Position
from shipper.follow.segments import is_ended
from shipper.forms.base import Block, Form, OverLong, Skip
from shipper.forms.sealed import SEALED
from shipper.record.format import Segment

_log = logging.getLogger(__name__)

#: Read at once of a line that is passed over, and at first of any file: a window of usual lines.
_BLOCK_BYTES = 1 << 20
#: A page: to read less saves nothing.
_MIN_READ_BYTES = 4096
#: Beyond it, a block that held fewer lines than a batch may is not made larger.
_MAX_READ_BYTES = 16 << 20

#: The clock of file systems ticks in steps of a few milliseconds: whoever rewrites a file with as
#: many bytes in the same step changes nothing that a look can see.
_RACY_NS = 50_000_000

#: An archive without its end is being written, or copied to its place, until it has not grown for
#: so long.
_ARCHIVE_PATIENCE_S = 60.0


class Source:
    """A file being followed."""

    __slots__ = (
        "_file",
        "_is_racy",
        "_mark",
        "_next_mark",
        "_problem",
        "_skip",
        "_usual",
        "due_monotonic",
        "found",
        "has_more",
        "id",
        "is_listed",
        "is_queued",
        "seen",
        "segment",
    )

    def __init__(self, found: Found, file: Handle) -> None:
        """Follow the open `file`; nothing is read before `begin`."""
        #: Where the file is now.
        self.found = found
        #: Of its position; 0 before `begin`.
        self.id = 0
        #: Which segment of an audit stream it is, if any.
        self.segment: Segment | None = None
        self._mark: Mark = Mark()
        self._next_mark = self._mark
        self._file = file
        self._problem = ""
        self._skip: Skip | None = None
        #: When what is left at the end of the file is sent as it is, if it has not grown; None
        #: where there is nothing, or where it waits for its end.
        self.due_monotonic: float | None = None
        # What has held max_lines lines of late: more would be read and checked in vain.
        self._usual = _BLOCK_BYTES
        #: Whether more can be read at once.
        self.has_more = False
        self._is_racy = False
        #: As it was when it was last read.
        self.seen: Found | None = None
        #: Whether the patterns still name it; if not, only the handle leads to it.
        self.is_listed = True
        #: Whether it waits for its turn; for `Turns` alone.
        self.is_queued = False

    def begin(self, ident: int, mark: Mark, segment: Segment | None) -> None:
        """Read on from `mark`, as the file of the position `ident`."""
        self.id, self._mark, self.segment = ident, mark, segment

    def recognize(self) -> bool:
        """Whether it is known what the file is, by its first bytes and, of an archive, its end.

        `Torn` if that cannot be known before there is more of it, `Packed` if it cannot be read.
        """
        self._file = file = opened(self.handle())
        if not file.knows(self.found.version):
            return False
        if file.is_torn and time.time() - self.found.mtime_ns / 1e9 < _ARCHIVE_PATIENCE_S:
            raise Torn
        return True

    def look(self) -> None:
        """Look at the open file again."""
        status = os.fstat(self.handle().file)
        if (status.st_size, status.st_mtime_ns) != self.found.version:
            size, mtime_ns = status.st_size, status.st_mtime_ns
            self.found = replace(self.found, size=size, mtime_ns=mtime_ns)

    def explore(self) -> bool:
        """Find out a little more about what an archive holds; whether all is known by now."""
        return self.handle().explore(self.found.version)

    def rest(self) -> None:
        """Let go of what only reading on needs."""
        self._file.rest()

    @property
    def is_archive(self) -> bool:
        """Whether it is read as what it unpacks to."""
        return self._file.is_archive

    @property
    def is_damaged(self) -> bool:
        """Whether there is more in it than could be read."""
        return self._problem != ""

    @property
    def mark(self) -> Mark:
        """Up to here everything is settled."""
        return self._mark

    @property
    def offset(self) -> int:
        """Where that is."""
        return self._mark.offset

    @property
    def is_open(self) -> bool:
        """Whether it holds a file handle."""
        return self._file.is_open

    def handle(self) -> Handle:
        """The open file, opened again if need be; `OSError` if it is not there any more."""
        if self._file is CLOSED:
            self._file = Handle(open_found(self.found))
        elif not self._file.is_open:
            self._file.file = open_found(self.found)
        return self._file

    def take(self, limits: Limits) -> Chunk | None:
        """The next whole lines, or None if there are none yet (see `has_more`).

        Where the file does not hold any more what was settled, it begins with another mark.
        """
        self.has_more = False
        chunk = None
        try:
            self.handle()
            chunk = self._take(limits)
            fault = self._file.fault
            problem = f"is damaged ({fault}); what can be unpacked of it is read" if fault else ""
        except OSError as error:
            problem = f"cannot be read ({error.strerror}); trying again"
            self.close()
            self.seen = self.due_monotonic = None
        except Torn:
            problem = "was written over, and its first byte does not tell what it is now"
        except Packed as error:
            problem = f"is {error} now, which is not read"
        self._report(problem)
        return chunk

    def settle(self, now_s: int) -> Position:
        """Move behind the chunk that was taken last; the position to commit."""
        self._mark = self._next_mark
        self._next_mark = position = self.position(now_s)
        return position

    def position(self, now_s: int) -> Position:
        """How far the file is settled, and where it is now.

        It is the mark from here on, for each of many files is in memory once; what was taken stays
        taken.
        """
        mark, (stream, number) = self._mark, self.segment or ("", 0)
        self._mark = position = Position(
            id=self.id,
            path=self.found.path,
            device=self.found.device,
            inode=self.found.inode,
            offset=mark.offset,
            head=mark.head,
            tail=mark.tail,
            updated_s=now_s,
            stream=stream,
            segment=number,
            unpacked_bytes=self._file.size if self.is_archive else 0,
        )
        return position

    def peek(self, size: int) -> bytes:
        """What comes next, as far as the open file shows it at once."""
        try:
            is_cheap = self.is_open and not self.is_archive
            return self._file.read(size, self.offset) if is_cheap else b""
        except OSError:  # told when it is read
            return b""

    def restart(self) -> None:
        """Begin anew: what was settled is not in this file any more."""
        _log.warning(
            "%s was truncated or rewritten; reading it from its beginning.", self.found.path
        )
        self._mark, self._skip = Mark(), None

    def holds_mark(self) -> bool:
        """Whether what was settled is still in the open file."""
        return self.handle().size >= self.offset and self._mark.is_of(self._file)

    def unfinished_bytes(self) -> int:
        """Bytes after the position when nothing more can be taken: a line without its end."""
        if self.is_archive:
            return self._file.size - self.offset if self.id else 0
        return max(0, self.seen.size - self.offset) if self.seen else 0

    def tell_unfinished(self, what: str = "") -> None:
        """Say what of the file has been read and is no whole line."""
        path, offset = self.found.path, self.offset
        if not self.id and self._file.is_torn:
            _log.warning("%s is no whole gzip archive%s.", path, what or " yet")
        if left := self.unfinished_bytes():
            _log.warning("%s: %d bytes from %d are no whole line%s.", path, left, offset, what)

    def is_deleted(self) -> bool:
        """Whether the open file has no name any more."""
        return self.is_open and os.fstat(self._file.file).st_nlink == 0

    def is_ended(self) -> bool:
        """Whether nothing more can come in this segment."""
        try:
            return is_ended(self.handle())
        except OSError:  # gone, or replaced: the next scan tells
            return False

    def is_news(self, found: Found) -> bool:
        """Whether the file, as it was found, may be other than when it was last read."""
        return self._is_racy or not self.seen or found.version != self.seen.version

    def has_changed(self) -> bool:
        """Whether the file is other than when it was last read; `OSError` if it is gone."""
        status = os.fstat(self.handle().file)
        return not self.seen or (status.st_size, status.st_mtime_ns) != self.seen.version

    def close(self) -> None:
        """Let go of the handle; `take` opens the file again, by path."""
        self._file.close()
        if not self.is_archive:
            self._file = CLOSED

    def _report(self, problem: str) -> None:
        """Say it once when the file cannot be read, and once when it can again."""
        if problem == self._problem:
            return
        self._problem = problem
        if problem:
            _log.warning("%s %s.", self.found.path, problem)
        else:
            _log.info("%s can be read again.", self.found.path)

    def _take(self, limits: Limits) -> Chunk | None:
        self.look()
        is_changed = not self.seen or self.seen.version != self.found.version
        self.seen = self.found  # the same object: for each of many quiet files there is one
        self._is_racy = abs(time.time_ns() - self.found.mtime_ns) < _RACY_NS
        if is_changed:
            self.due_monotonic = None  # it may have grown, and is waited for anew
            self._file = opened(self._file)  # or have been written over
        if not self.explore():
            self.has_more = True
            return None
        size = self._file.size if self.is_archive else self.found.size
        if size < self.offset or not self._mark.is_of(self._file):
            self.restart()
        chunk = self._read(limits, size) if self._skip is None else self._pass_over(limits, size)
        if chunk is not None:
            # Where that is all, the very number of the size: both are kept for each of many files.
            end = size if chunk.end == size else chunk.end
            self._next_mark = self._mark.moved(self._file, end)
        return chunk

    @property
    def _form(self) -> Form:
        return SEALED if self.segment else self.found.input.form

    def _read(self, limits: Limits, size: int) -> Chunk | None:
        block, start = b"", self.offset
        want = min(limits.max_bytes, self._usual)
        while True:
            left = size - start
            asked = left if left <= want else self._file.up_to_a_line(start, want)
            block = self._file.read(asked, start)
            ends = block.rfind(b"\n") + 1
            is_long = len(block) - ends > limits.max_line_bytes
            if not ends and is_long:
                self._skip = Skip()
                return self._pass_over(limits, size)
            # An over-long line stands alone: what is open before it ends.
            whole = self._sifted(self._block(block[:ends], start, limits, is_last=is_long))
            if whole.end > start or len(block) < asked or asked == left:
                break
            want *= 2
        chunk = self._bounded(whole, limits, is_all=asked == left)
        self.has_more = chunk.end < whole.end or start + len(block) < size
        rest = block[whole.end - start :]
        if not self.has_more and len(chunk.lines) >= limits.max_lines:
            self.has_more = rest != b""
        elif not self.has_more and rest:
            chunk = self._with_rest(chunk, rest, limits)
        return chunk if chunk.end > start else None

    def _with_rest(self, chunk: Chunk, rest: bytes, limits: Limits) -> Chunk:
        """The chunk, and behind it what is left in the file, if it has waited long enough."""
        patience_s = self._form.patience_s(rest)
        if patience_s is None:
            return chunk
        now = time.monotonic()
        if self.due_monotonic is None:
            self.due_monotonic = now + patience_s
        if now < self.due_monotonic:
            return chunk
        self.due_monotonic = None
        data = rest if rest.endswith(b"\n") else rest + b"\n"
        is_unended = len(data) > len(rest)
        block = self._block(data, chunk.end, limits, is_last=True, is_unended=is_unended)
        return joined(chunk, self._sifted(block), len(rest))

    def _block(self, data: bytes, start: int, limits: Limits, **marks: bool) -> Block:
        is_continued = start > 0 and self._file.read(1, start - 1) != b"\n"
        limit = limits.max_line_bytes
        return Block(data, start, self.found.path, limit, is_continued=is_continued, **marks)

    def _sifted(self, block: Block) -> Chunk:
        if not block.data:
            return Chunk(block.offset, block.offset)
        found = self._form.sift(block)
        end = block.offset + len(block.data) - found.waiting_bytes
        return Chunk(block.offset, end, found)

    def _bounded(self, chunk: Chunk, limits: Limits, *, is_all: bool) -> Chunk:
        """The chunk, cut to the lines that a batch has room for; learns how much to read."""
        if len(chunk.lines) <= limits.max_lines:
            # An eighth more, if that is not to be cut off again, and there was more to read.
            if not is_all and len(chunk.lines) * 9 <= limits.max_lines * 8:
                self._usual = min(_MAX_READ_BYTES, self._usual + self._usual // 8)
            return chunk
        chunk = cut(chunk, limits.max_lines)
        self._usual = max(_MIN_READ_BYTES, chunk.size_bytes)
        return chunk

    def _pass_over(self, limits: Limits, size: int) -> Chunk | None:
        """Pass over a block of a line that is over the limit; its reject once its end is found."""
        skip = self._skip or Skip()
        block = self._file.read(_BLOCK_BYTES, self.offset + skip.length)
        line, newline, _ = block.partition(b"\n")
        skip.add(line, limits.max_line_bytes)
        end = self.offset + skip.length + 1
        self.has_more = end < size
        if not newline:
            return None
        self._skip = None
        digest = skip.digest.hexdigest()
        path, limit = self.found.path, limits.max_line_bytes
        whole = OverLong(bytes(skip.head), self.offset, path, limit, skip.length, digest)
        return Chunk(self.offset, end, self._form.shorten(whole))
