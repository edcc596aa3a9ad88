"""One followed file: its stage, its turn and its position.

The position moves only when a batch is settled (`advance`). Every read starts at the position, so
that nothing is skipped whatever goes wrong in between.
"""

import logging
import os
import time
from contextlib import suppress
from typing import NamedTuple

from msgspec.structs import replace

from shipper.follow.discover import Found, open_found
from shipper.follow.file import File
from shipper.follow.handle import Handle, Packed, Torn
from shipper.follow.mark import HEAD_BYTES, Mark
from shipper.follow.reader import Chunk, Limits, Reader, Unread, with_rest
from shipper.follow.registry import Position, id_key
from shipper.follow.segments import starts_segment
from shipper.follow.states import STAGES, TURNS, Place, Stage, Turn
from shipper.forms.base import Form
from shipper.forms.foreign import Foreign
from shipper.forms.sealed import Sealed
from shipper.lines import Lines
from shipper.record.format import Segment

_log = logging.getLogger(__name__)

#: 120 random bits: nobody can guess the ids of another file's lines, and no two files share them.
_KEY_BYTES = 15

#: How long until a file has another turn of which it is not known how to read it.
_UNKNOWN_S = 0.5

#: How much is read at once to count lines.
_COUNT_BYTES = 1 << 20


class _ChunkRead(NamedTuple):
    """The result of one turn of a source."""

    #: The next complete lines; None if there are none yet.
    chunk: Chunk | None
    #: The turn that the source waits for next.
    turn: Turn
    #: Why not everything can be read; empty if it can.
    problem: str
    #: Whether the file no longer held the settled bytes and is read from its beginning.
    is_restarted: bool


class Source:
    """A file being followed."""

    __slots__ = (
        "_mark",
        "_next_mark",
        "_reader",
        "cut",
        "due_monotonic",
        "file",
        "id",
        "is_sealed",
        "key",
        "place",
        "segment",
        "stage",
        "turn",
    )

    def __init__(self, found: Found) -> None:
        """Follow the file; nothing is read before `begin`."""
        self.file = File(found)
        #: The id of its position; 0 before `begin`.
        self.id = 0
        #: Which segment of an audit stream it is, if any.
        self.segment: Segment | None = None
        #: Whether its lines may be sealed events; each line shows whether it is one.
        self.is_sealed = False
        #: Names the file forever; the ids of its lines begin with it.
        self.key = b""
        #: Where the file was taken to end (`Position.cut`).
        self.cut = 0
        self._mark: Mark = Mark()
        self._next_mark = self._mark
        # Only while there is more to read: most of many files are quiet.
        self._reader: Reader | None = None
        #: When the incomplete end of the file is sent if it has not grown; None where there is no
        #: such end, or where it must become complete.
        self.due_monotonic: float | None = None
        self.place = Place.LISTED
        self.stage = Stage.NEW
        self.turn = Turn.NONE

    # --- its states

    def enter(self, stage: Stage) -> None:
        """Move on to `stage`."""
        if stage not in STAGES[self.stage]:
            raise RuntimeError(f"{self.found.name}: from {self.stage} to {stage}")
        self.stage = stage

    def wait_for(self, turn: Turn) -> None:
        """Wait for `turn` from now on."""
        if turn not in TURNS[self.turn]:
            raise RuntimeError(f"{self.found.name}: from {self.turn} to {turn}")
        self.turn = turn

    def begin(self, ident: int, mark: Mark, segment: Segment | None) -> None:
        """Read on from `mark`, as the file of the position `ident`, with its key if it has one."""
        self.enter(Stage.KNOWN)
        self.id, self._mark, self.segment = ident, mark, segment
        key, self.cut = (mark.key, mark.cut) if isinstance(mark, Position) else (b"", 0)
        self.key = key or os.urandom(_KEY_BYTES)
        self.is_sealed = segment is not None or self.is_sealed

    def relist(self, found: Found) -> None:
        """Note that the latest scan has found it, and where."""
        self.place = Place.LISTED
        self.file.relist(found)

    def note_listed(self) -> None:
        """Note that the running scan has found it, under this name or another one."""
        if self.place is Place.UNLISTED:
            self.place = Place.LISTED

    def leave(self) -> None:
        """Note that it has no listed name, and that everything in it is settled."""
        if not self.has_left:  # a file that was renamed stays so, even if it is deleted later
            self.place = Place.DELETED if self.file.is_deleted() else Place.RENAMED

    def unlist(self) -> None:
        """Note that no pattern names it, unless the running scan finds it (`relist`)."""
        if self.place is Place.LISTED:
            self.place = Place.UNLISTED

    @property
    def is_listed(self) -> bool:
        """Whether the patterns still name it; if not, only the handle leads to it."""
        return self.place is Place.LISTED

    @property
    def has_left(self) -> bool:
        """Whether, in addition, everything in it is settled: only a late writer adds to it."""
        return self.place is Place.DELETED or self.place is Place.RENAMED

    @property
    def found(self) -> Found:
        """Where the file is now."""
        return self.file.found

    @property
    def is_known(self) -> bool:
        """Whether it has a position."""
        return self.stage is Stage.KNOWN

    @property
    def is_waiting(self) -> bool:
        """Whether it may have something to read, and waits for its turn."""
        return self.turn in (Turn.QUEUED, Turn.ARCHIVE, Turn.HELD)

    # --- its position

    @property
    def mark(self) -> Mark:
        """Everything before it is settled."""
        return self._mark

    @property
    def offset(self) -> int:
        """The offset of the position."""
        return self._mark.offset

    def advance(self, now_s: int) -> Position:
        """Move behind the chunk that was read last; the position to commit."""
        self._mark = self._next_mark
        if self.offset >= self.cut:
            self.cut = 0
        self._next_mark = position = self.relocate(now_s)
        return position

    def lines(self, chunk: Chunk) -> Lines:
        """The lines of a chunk, each with an id: its own, or one made of the key and its offset."""
        return chunk.identified(id_key(self.key))

    def announce(self, now_s: int) -> Position:
        """The position to commit before the first lines are sent, so that their ids are kept.

        Until something is settled, the position recognizes the file by the lines that were read.
        """
        if not self.offset:
            following = self._next_mark
            ahead = min(following.offset, HEAD_BYTES)
            self._mark = Mark(head=following.head, ahead=ahead)
        return self.relocate(now_s)

    def relocate(self, now_s: int) -> Position:
        """Renew the position with where the file is now; the position to commit.

        It replaces the mark, so that only one of them is in memory for each of many files. A chunk
        that was read is not forgotten.
        """
        mark, found, (stream, number) = self._mark, self.found, self.segment or ("", 0)
        self._mark = position = Position(
            id=self.id,
            path=found.path,
            device=found.device,
            inode=found.inode,
            offset=mark.offset,
            head=mark.head,
            tail=mark.tail,
            ahead=mark.ahead,
            updated_s=now_s,
            stream=stream,
            segment=number,
            unpacked_bytes=self.file.size if self.file.is_archive else 0,
            key=self.key,
            cut=self.cut,
        )
        return position

    def position_in(self, copy: Handle, now_s: int) -> Position:
        """The position that a copy takes over, at the copy's end if that is earlier."""
        position, mark = self.relocate(now_s), self._mark
        if not (copy.size >= self.offset and mark.fits(copy)):
            mark = Mark().moved(copy, copy.size)
        return replace(position, offset=mark.offset, head=mark.head, tail=mark.tail, ahead=0)

    def begin_rest(self, ident: int) -> None:
        """Go on under another position, because a copy has taken over this one."""
        mark = self._mark
        self._mark = self._next_mark = Mark(mark.offset, mark.head, mark.tail)
        self.begin(ident, self._mark, None)

    def restart(self) -> None:
        """Go back to the beginning: the settled bytes are not in this file any more."""
        _log.warning(
            "%s was truncated or rewritten; reading it from its beginning.", self.found.name
        )
        self._mark = self._next_mark = Mark()
        self._reader, self.cut = None, 0

    def has_lost_inode_to(self, found: Found) -> bool:
        """Whether the file with its inode is another one, as can be only while it is closed."""
        if not self.is_known or self.file.is_open or self.found.path == found.path:
            return False
        try:
            file = Handle(open_found(found))
        except OSError:  # the next scan finds out
            return False
        try:
            return not self._mark.fits(file)
        finally:
            file.close()

    def holds_mark(self) -> bool:
        """Whether the open file still holds the settled bytes."""
        handle = self.file.handle()
        return handle.size >= self.offset and self._mark.fits(handle)

    # --- reading

    def read_chunk(self, limits: Limits) -> _ChunkRead:
        """Read the next complete lines; the position stays until `advance`."""
        before, chunk, turn = self._mark, None, Turn.NONE
        try:
            chunk, turn = self._read(limits)
            fault = self.file.fault
            problem = f"is damaged ({fault}); what can be unpacked of it is read" if fault else ""
        except OSError as error:
            problem = f"cannot be read ({error.strerror}); trying again"
            self.close()
            self.file.forget_read()
            self.due_monotonic = None
        except Torn:
            problem = "was overwritten, and its first byte does not show what it is now"
        except Packed as error:
            problem = f"is {error} now, which is not read"
        return _ChunkRead(chunk, turn, problem, self._mark is not before)

    def peek(self, size: int) -> bytes:
        """The next bytes, if they can be read cheaply."""
        return self.file.peek(self.offset, size)

    def close(self) -> None:
        """Close the handle; the next read opens the file again, by its path."""
        self.file.close()

    def unfinished_bytes(self) -> int:
        """The bytes after the position once everything is read: a line without its end."""
        if self.file.is_archive:
            return self.file.size - self.offset if self.is_known else 0
        seen = self.file.seen
        return max(0, seen.size - self.offset) if seen else 0

    def unread_lines(self) -> int:
        """The lines after the position, counted in the file; 0 if it cannot be read."""
        lines = 0
        with suppress(OSError):
            offset = self.offset if self.holds_mark() else 0
            while data := self.file.handle().read(_COUNT_BYTES, offset):
                lines += data.count(b"\n")
                offset += len(data)
        return lines

    def warn_unfinished(self, because: str = "") -> None:
        """Log which bytes were read and are not a complete line."""
        path = self.found.name
        if not self.is_known and self.file.is_torn:
            _log.warning("%s is an incomplete gzip archive%s.", path, because)
        if left := self.unfinished_bytes():
            lines = self.unread_lines()
            what = (
                f"{lines} lines from offset {self.offset} are not delivered"
                if lines
                else f"the line at offset {self.offset} is incomplete ({left} bytes)"
            )
            _log.warning("%s: %s%s.", path, what, because)

    def _read(self, limits: Limits) -> tuple[Chunk | None, Turn]:
        form = self._form()
        if form is None:
            self.due_monotonic = time.monotonic() + _UNKNOWN_S
            return None, Turn.END
        handle = self._opened()
        if not self.file.explore():
            return None, Turn.QUEUED
        if self.file.size < self.offset or not self._mark.fits(handle):
            self.restart()
            self.is_sealed = starts_segment(handle)
            form = self._form() or form
        size = min(self.file.size, self.cut or self.file.size)
        limits = limits.for_lines(self.found.input.max_line_bytes)
        unread = Unread(handle, self.found.path, form, self.offset, size)
        reader = self._reader or Reader()
        chunk, has_more, rest = reader.read(unread, limits)
        self._reader = reader if has_more or reader.is_skipping else None
        if rest:
            self._wait_for_end(form.patience_s(rest))
            if self._is_end_due or self.cut:
                self.due_monotonic = None
                chunk = with_rest(chunk, rest, unread, limits)
                self.cut = unread.size
        has_more = has_more or size < self.file.size
        if chunk.end > chunk.start:
            # At the end of the file, the very number of its size: one object for many files.
            end = unread.size if chunk.end == unread.size else chunk.end
            self._next_mark = self._mark.moved(handle, end)
        turn = Turn.QUEUED if has_more else Turn.NONE if self.due_monotonic is None else Turn.END
        return chunk if chunk.end > chunk.start else None, turn

    def _opened(self) -> Handle:
        """The open file in its version of now, which is noted as read."""
        file = self.file
        file.refresh()
        is_changed = file.is_changed
        file.note_read()
        if is_changed:
            self.due_monotonic = None  # it may have grown, and is waited for again
            file.recognize()  # or it was overwritten
        return file.handle()

    def _wait_for_end(self, patience_s: float | None) -> None:
        """Set when the incomplete end of the file is due, unless that is set already."""
        if patience_s is None:
            self.due_monotonic = None
        elif self.due_monotonic is None:
            self.due_monotonic = time.monotonic() + patience_s

    @property
    def _is_end_due(self) -> bool:
        return self.due_monotonic is not None and time.monotonic() >= self.due_monotonic

    def _form(self) -> Form | None:
        """How to read the file; None while that is not known."""
        inner = self.found.input.form_of(self.found.path)
        if inner is None:
            return None
        form = Foreign(inner, self.found.input.audit_datasets)
        return Sealed(form) if self.is_sealed else form
