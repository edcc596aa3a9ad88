"""Candidates for the identity of a new file: positions without a file, and followed files.

Names change at rotation and inodes are reused, so a file is recognized by its first bytes, as many
as are settled and at most 1024, and by the last bytes before the settled offset. Inode and path
only distinguish files that are equal so far.

The lines of a copy are those of its original (`copytruncate` makes a copy and then empties the
original). While the original still holds them, they are read there; when it is cut, its position
passes to the copy, which holds the lines that were not read yet.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Generic, TypeVar

from shipper.follow.discover import Found
from shipper.follow.handle import Handle
from shipper.follow.mark import HEAD_BYTES, Mark, head_of
from shipper.follow.registry import Position
from shipper.follow.source import Source
from shipper.follow.states import Place
from shipper.record.format import Segment

_SEPARATOR = re.compile(r"[-._]")
_DIGIT = re.compile(r"\d")
_ARCHIVE = ".gz"
#: The number of a rotation; longer numbers are dates.
_COUNT = re.compile(r"(?<=\.)[1-9]\d{0,2}$")

#: A file that is written in place of another is perhaps a copy of it until it stops growing.
_COPYING_S = 5.0

#: Of so many files that begin alike, one may be the original of a copy.
_MAX_TWINS = 1000

#: The inode, the head if the mark is full or else the path, and the segment.
_Key = int | bytes | str | Segment

_K = TypeVar("_K")
_V = TypeVar("_V")


class _Groups(Generic[_K, _V]):
    """The values of each key, in order; a container only for keys with several values."""

    __slots__ = ("_first", "_more")

    def __init__(self) -> None:
        self._first: dict[_K, _V] = {}
        self._more: dict[_K, dict[_V, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._first)

    def get(self, key: _K) -> Iterator[_V]:
        """All values of the key."""
        if key in self._first:
            yield self._first[key]
            yield from self._more.get(key, ())

    def add(self, key: _K, value: _V) -> None:
        """Append the value, unless the key has it."""
        if self._first.setdefault(key, value) != value:
            self._more.setdefault(key, {})[value] = None

    def discard(self, key: _K, value: _V) -> None:
        """Remove the value, if the key has it."""
        more = self._more.get(key, {})
        if value in more:
            del more[value]
        elif self._first.get(key) == value:
            del self._first[key]
            if more:
                self._first[key] = next(iter(more))
                del more[self._first[key]]
        if not more:
            self._more.pop(key, None)


class Unclaimed:
    """Positions without a file: their files have not been found yet."""

    __slots__ = ("_by_id", "_by_key")

    def __init__(self, positions: Iterable[Position]) -> None:
        self._by_id: dict[int, Position] = {}
        self._by_key: _Groups[_Key, Position] = _Groups()
        for position in positions:
            self.add(position)

    def add(self, position: Position) -> None:
        """Keep a position until its file is found."""
        self.drop(position.id)
        self._by_id[position.id] = position
        for key in _keys(position):
            self._by_key.add(key, position)

    def find(self, found: Found, file: Handle, segment: Segment | None) -> Position | None:
        """The position of the open file `found`, if there is one."""
        doubtful: tuple[Position, ...] = ()
        for group in self._candidates(found, file, segment):
            # The further a position that fits, the more certain it is that this is its file.
            fitting = (*doubtful, *(position for position in group if _fits(position, file)))
            best = min(fitting, key=lambda p: (p.path != found.path, -p.offset), default=None)
            if best is not None and not _is_doubtful(best, found):
                return best
            doubtful = () if best is None else (best,)
        return next(iter(doubtful), None)

    def has_inode(self, found: Found) -> bool:
        """Whether a position names the inode of the file."""
        return any(self._at_inode(found))

    def fits_inode(self, found: Found, file: Handle) -> bool:
        """Whether a position that names the inode also fits the open file: inodes are reused."""
        return any(_fits(position, file) for position in self._named(found, file))

    def at_place_of(self, found: Found) -> list[int]:
        """The ids of the positions with the same path and inode."""
        return [one.id for one in self._at_inode(found) if one.path == found.path]

    def drop(self, ident: int) -> Position | None:
        """Remove the position; None if it was not here."""
        if position := self._by_id.pop(ident, None):
            for key in _keys(position):
                self._by_key.discard(key, position)
        return position

    def drop_older(self, than_s: Callable[[Position], float]) -> list[int]:
        """Remove the positions that were last committed before that time; their ids."""
        old = [one.id for one in self._by_id.values() if one.updated_s < than_s(one)]
        for ident in old:
            self.drop(ident)
        return old

    def _at_inode(self, found: Found) -> Iterator[Position]:
        return (one for one in self._by_key.get(found.inode) if one.device == found.device)

    def _named(self, found: Found, file: Handle) -> list[Position]:
        """The positions that name the inode, unless the file got it from a file that is gone."""
        named = list(self._at_inode(found))
        is_sure = not all(_is_doubtful(one, found) for one in named)
        return named if not named or is_sure or not _is_being_copied(file, found) else []

    def _candidates(
        self, found: Found, file: Handle, segment: Segment | None
    ) -> Iterator[Iterable[Position]]:
        if not self._by_id:
            return
        if segment:
            yield self._by_key.get(segment)
        yield self._named(found, file)
        yield self._by_key.get(head_of(file))
        # Many files may begin with the same few bytes: then the name must fit too.
        for path in (found.path, *_former_paths(found.path)):
            yield self._by_key.get(path)


class Originals:
    """The followed files, by what may show that a new file is a copy of one."""

    __slots__ = ("_by_head", "_by_path", "_undecided")

    def __init__(self) -> None:
        self._by_path: _Groups[str, Source] = _Groups()
        # By path, new files that may be copies of the ones whose places they took.
        self._undecided: dict[str, tuple[Source, Source]] = {}
        self._by_head: _Groups[bytes, Source] = _Groups()

    def note(self, source: Source) -> None:
        """Register the file under its path and head of now."""
        self._by_path.add(source.found.path, source)
        if source.mark.is_full:
            self._by_head.add(source.mark.head, source)

    def forget(self, source: Source, mark: Mark) -> None:
        """Unregister it under its path and the head of `mark`, before either changes."""
        self._by_path.discard(source.found.path, source)
        self._by_head.discard(mark.head, source)

    def suspect(self, successor: Source, original: Source) -> None:
        """Note that a later scan shows whether a new file at the place of the original copies it.

        Until then nothing else is known to be a copy of the new file.
        """
        self._undecided[successor.found.path] = successor, original

    def drop_suspects(self) -> None:
        """Forget the files that are undecided: the scan that begins finds them again."""
        self._undecided.clear()

    def awaited(self, copy: Source) -> Source | None:
        """The original of the undecided file that `copy` is a copy of, if there is one."""
        for path in _former_paths(copy.found.path) if self._undecided else ():
            undecided, original = self._undecided.get(path, (copy, copy))
            if undecided is not copy and _is_beginning_of_closed(copy, undecided):
                return original
        return None

    def find(self, copy: Source, likely: Source | None = None) -> Source | None:
        """The followed file that `copy` is a copy of; `likely` is checked first."""
        for original in (likely, *self._twins(copy)):
            if original and original is not copy and _is_copy(copy, original):
                return original
        # Many files may begin with the same few bytes: then the name must fit too, and the more of
        # the copy is found in a file, the more certain it is.
        others = (one for one in self._namesakes(copy) if one is not copy and _is_copy(copy, one))
        return max(others, key=lambda one: _shown(copy, one), default=None)

    def _twins(self, copy: Source) -> Iterator[Source]:
        if not self._by_head:  # as at a first start, with all files new
            return
        twins = tuple(islice(self._by_head.get(head_of(copy.file.handle())), _MAX_TWINS))
        yield from (one for one in twins if _may_be_copied_to(copy.found.path, one.found.path))

    def _namesakes(self, copy: Source) -> Iterator[Source]:
        for path in (copy.found.path, *_former_paths(copy.found.path)):
            # Of those that were deleted one after the other, the one that was read furthest.
            yield from sorted(self._by_path.get(path), key=lambda one: -one.offset)


def is_certain(position: Position, found: Found) -> bool:
    """Whether the position that fits the file can be no other's, as if it was deleted."""
    is_at_inode = (position.inode, position.device) == (found.inode, found.device)
    return position.is_full or (is_at_inode and not _is_doubtful(position, found))


def _is_doubtful(position: Position, found: Found) -> bool:
    """Whether only few settled bytes and the inode lead to the file: inodes are used again."""
    if position.is_full or position.path == found.path:  # of nearly all, and quickly known
        return False
    return position.path not in _former_paths(found.path)


def may_succeed(copy: Source, original: Source) -> bool:
    """Whether the position of the original belongs to the copy now.

    The original was cut, or it has no name and is settled. The copy holds the lines that were
    settled in it.
    """
    file = copy.file.handle()
    if not original.has_left:
        return _was_cut(original) and _holds_settled(file, original)
    is_in_place = _is_in_place_of(copy, original)
    if is_in_place and original.place is Place.RENAMED:
        return False  # this is the next file of the same program
    is_beginning = _is_beginning(file, original.file.handle())
    if file.is_archive and file.size > 0 and is_beginning:
        return True  # complete, even if late lines followed the part that it was made of
    # The settled bytes may be few, and another file may begin with them: a copy elsewhere holds
    # nothing else than the file, which is still open.
    return _holds_settled(file, original) and (is_in_place or is_beginning)


def _is_copy(copy: Source, original: Source) -> bool:
    """Whether everything in `copy` is, or was, in `original`, or will succeed it.

    `OSError` if the original cannot be opened, and the next scan finds out where it is.
    """
    try:
        if may_succeed(copy, original):
            return True
        if _is_in_place_of(copy, original):
            return _may_replace(copy, original)
        return not original.has_left and _is_beginning(copy.file.handle(), original.file.handle())
    except OSError:
        if original.is_listed:
            raise
        return False


def _was_cut(original: Source) -> bool:
    """Whether it lost its settled bytes, or is gone with them; `OSError` until a scan shows it."""
    try:
        return not original.holds_mark()
    except OSError:
        if original.is_listed:
            raise
        return True


def _may_replace(copy: Source, original: Source) -> bool:
    """Whether the file at the path of another may still prove to be a copy of it."""
    file = copy.file.handle()
    is_part = file.size >= HEAD_BYTES and _is_beginning(file, original.file.handle())
    if not original.has_left:  # it is not settled, or the next scan finds it under another path
        return is_part or _holds_settled(file, original)
    is_recent = time.time() - copy.found.mtime_ns / 1e9 < _COPYING_S
    return is_part and is_recent and original.place is not Place.RENAMED


def _is_in_place_of(copy: Source, original: Source) -> bool:
    return copy.found.path == original.found.path


def _holds_settled(file: Handle, original: Source) -> bool:
    """Whether the open file holds the settled bytes of the original, at both ends of them."""
    return 0 < original.offset <= file.size and original.mark.fits(file)


def _is_beginning(file: Handle, whole: Handle) -> bool:
    """Whether `whole` begins with the content of `file`, as far as the two ends of it show."""
    size = file.size
    parts = ((min(HEAD_BYTES, size), at) for at in {0, max(0, size - HEAD_BYTES)})
    return all(file.read(*part) == whole.read(*part) for part in parts)


def _shown(copy: Source, original: Source) -> tuple[bool, bool]:
    """Whether all of the copy is in the file, and the file is listed: its lines are read there."""
    try:
        is_part = _is_beginning(copy.file.handle(), original.file.handle())
    except OSError:  # gone, and known by its mark alone
        is_part = False
    return is_part, is_part and original.is_listed


def _is_being_copied(file: Handle, found: Found) -> bool:
    """Whether a file that may have been rotated to its path begins with all of the open file."""
    paths = () if file.is_archive else _former_paths(found.path)
    for path in paths:
        with suppress(OSError):
            other = Handle(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
            try:
                if path != found.path and _is_beginning(file, other):
                    return True
            finally:
                other.close()
    return False


def _is_beginning_of_closed(copy: Source, whole: Source) -> bool:
    """Whether a file that is opened only for this begins with the content of `copy`."""
    try:
        return _is_beginning(copy.file.handle(), whole.file.handle())
    except OSError:  # gone or replaced: the next scan finds out
        return False
    finally:
        whole.close()


def _keys(position: Position) -> Iterator[_Key]:
    yield position.inode
    yield position.head if position.is_full else position.path
    if position.stream:
        yield Segment(position.stream, position.segment)


def _fits(position: Position, file: Handle) -> bool:
    return position.offset <= file.size and position.fits(file)


def _may_be_copied_to(path: str, original: str) -> bool:
    """Whether the places fit: in other folders, services of one kind have files of equal content.

    A rotation that copies into another folder gives the copy a number or a date.
    """
    (folder, _, _), (before, _, name) = path.rpartition("/"), original.rpartition("/")
    if folder == before:
        return True
    return any(one.rpartition("/")[2] == name for one in _former_paths(path) if one != path)


def _former_paths(path: str) -> Iterator[str]:
    """The paths from which a rotation may have moved a file to `path`.

    `a.log` for `a.log.1` and `a-2026.log`; `a.log.1` for `a.log.1.gz` and for `a.log.2.gz`, because
    archives are made and renamed in one run.
    """
    if path.endswith(_ARCHIVE):
        path = path.removesuffix(_ARCHIVE)
        yield path
        yield _COUNT.sub(lambda found: str(int(found[0]) - 1), path)
    folder, slash, name = path.rpartition("/")
    extension = os.path.splitext(name)[1]  # noqa: PTH122  # thousands a second
    for separator in _SEPARATOR.finditer(name):
        before, after = name[: separator.start()], name[separator.start() :]
        if _DIGIT.search(after):
            yield folder + slash + before
        if _DIGIT.search(after.removesuffix(extension)):
            yield folder + slash + before + extension
