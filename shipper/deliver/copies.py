"""Copies: what `copytruncate` makes of a file before it empties it.

A copy's lines are the original's. While the original still holds them, they are read there; when
it is cut, its position passes to the copy, which holds what the original had left unread.
"""

from collections.abc import Iterator

from shipper.deliver.handle import Handle
from shipper.deliver.identity import HEAD_BYTES, Mark, originals
from shipper.deliver.source import Source


class Originals:
    """The followed files, as what a new file may be a copy of."""

    __slots__ = ("_by_head", "_by_path", "_keys")

    def __init__(self) -> None:
        self._by_path: dict[str, dict[Source, None]] = {}
        self._by_head: dict[str, Source] = {}
        self._keys: dict[Source, tuple[str, str]] = {}

    def note(self, source: Source) -> None:
        """Know the file by what it is called and begins with now."""
        keys = source.found.path, source.mark.head_sha256 if source.mark.is_full else ""
        if self._keys.get(source) != keys:
            self.forget(source)
            self._keys[source] = keys
            self._by_path.setdefault(keys[0], {})[source] = None
            if keys[1]:
                self._by_head[keys[1]] = source

    def forget(self, source: Source) -> None:
        """It is followed no more."""
        path, head = self._keys.pop(source, ("", ""))
        group = self._by_path.get(path, {})
        group.pop(source, None)
        if not group:
            self._by_path.pop(path, None)
        if self._by_head.get(head) is source:
            del self._by_head[head]

    def of(self, copy: Source, likely: Source | None = None) -> Source | None:
        """The followed file whose lines `copy` holds; `likely` may be it."""
        for original in (likely, *self._candidates(copy)):
            if original and original is not copy and _is_copy(copy, original):
                return original
        return None

    def _candidates(self, copy: Source) -> Iterator[Source]:
        head = Mark().moved(copy.handle(), HEAD_BYTES).head_sha256
        if head in self._by_head:
            yield self._by_head[head]
        # A few bytes alone may be what many files begin with: there the name must fit too.
        for path in originals(copy.found.path):
            yield from tuple(self._by_path.get(path, ()))


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
