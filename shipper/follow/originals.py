"""Copies: what `copytruncate` makes of a file before it empties it.

A copy's lines are the original's. While the original still holds them, they are read there; when
it is cut, its position passes to the copy, which holds what the original had left unread.
"""

from collections.abc import Iterator

from shipper.follow.groups import Groups
from shipper.follow.handle import Handle
from shipper.follow.mark import HEAD_BYTES, Mark, head_of
from shipper.follow.source import Source
from shipper.follow.strays import originals


class Originals:
    """The followed files, as what a new file may be a copy of."""

    __slots__ = ("_by_head", "_by_path")

    def __init__(self) -> None:
        self._by_path: Groups[str, Source] = Groups()
        self._by_head: dict[bytes, Source] = {}

    def note(self, source: Source) -> None:
        """Know the file by what it is called and begins with now."""
        self._by_path.add(source.found.path, source)
        if source.mark.is_full:
            self._by_head[source.mark.head] = source

    def forget(self, source: Source, mark: Mark) -> None:
        """Know it no longer by its path, nor by `mark`, before either changes."""
        self._by_path.discard(source.found.path, source)
        if self._by_head.get(mark.head) is source:
            del self._by_head[mark.head]

    def of(self, copy: Source, likely: Source | None = None) -> Source | None:
        """The followed file whose lines `copy` holds; `likely` may be it."""
        for original in (likely, *self._candidates(copy)):
            if original and original is not copy and _is_copy(copy, original):
                return original
        return None

    def _candidates(self, copy: Source) -> Iterator[Source]:
        if self._by_head and (original := self._by_head.get(head_of(copy.handle()))):
            yield original
        # A few bytes alone may be what many files begin with: there the name must fit too.
        for path in originals(copy.found.path):
            yield from tuple(self._by_path.of(path))


def is_left_to(copy: Source, original: Source) -> bool:
    """Whether the original was cut, and the copy holds what was settled of it."""
    if not original.offset or original.holds_mark():
        return False
    return original.mark.is_of(copy.handle())


def _is_copy(copy: Source, original: Source) -> bool:
    """Whether `copy` holds nothing but what `original` holds, or what it held."""
    try:
        return is_left_to(copy, original) or _is_beginning(copy.handle(), original.handle())
    except OSError:  # it has just gone, or was replaced: the next scan tells
        return False


def _is_beginning(file: Handle, of: Handle) -> bool:
    """Whether the one open file is the other one's beginning, as far as its two ends tell."""
    size = file.size
    parts = ((min(HEAD_BYTES, size), at) for at in {0, max(0, size - HEAD_BYTES)})
    return all(file.read(*part) == of.read(*part) for part in parts)
