"""Search the events of a record on disk: a scan that skips segments outside the range of time."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from shipper.evidence.blocks import Damaged, blocks
from shipper.evidence.collect import File, files_of
from shipper.evidence.query import TIME, Needles, Query
from shipper.forms.search import Find, finder

#: An event may be written later than it happened, so the times in a segment are not in order.
_MARGIN = timedelta(hours=1)
#: Where at least one line in this many has a needle, decoding all is faster than looking for it.
_MOST = 3
#: Holds the last line of nearly every segment.
_END_BYTES = 1 << 16


def search(paths: Iterable[Path], query: Query) -> Iterator[bytes]:
    """The lines that match, in the order of streams and sequences.

    A segment is skipped if it lies an hour or more outside the range of time. A line that a killed
    process did not finish is not found. Raises `OSError` where a path cannot be read.
    """
    matches, groups = query.matcher(), query.needles
    for path in segments_within(paths, query):
        chosen: Needles | None = None
        with suppress(Damaged):
            for block in blocks(path):
                if block.endswith(b"\n"):
                    chosen = _rarest(groups, block) if chosen is None else chosen
                    yield from filter(matches, _candidates(block, chosen, groups))


def _rarest(groups: Sequence[Needles], block: bytes) -> Needles:
    """The group that the fewest lines have; empty if most have it, as then each is decoded."""
    if not groups:
        return ()
    counts = {group: sum(map(block.count, group)) for group in groups}
    rarest = min(counts, key=counts.__getitem__)
    return rarest if counts[rarest] * _MOST < block.count(b"\n") else ()


def _candidates(block: bytes, chosen: Needles, groups: Sequence[Needles]) -> Iterable[bytes]:
    """The lines that have a needle of every group."""
    if not chosen:
        return block.split(b"\n")[:-1]
    others = [group for group in groups if group is not chosen]
    return (
        line
        for line in _hits_in(block, chosen)
        if all(any(needle in line for needle in group) for group in others)
    )


def _hits_in(block: bytes, needles: Needles) -> list[bytes]:
    """The lines of a block that have one of the needles, in order."""
    find = finder(block)
    starts = sorted({start for needle in needles for start in _starts(block, needle, find)})
    return [block[start : block.find(b"\n", start)] for start in starts]


def _starts(block: bytes, needle: bytes, find: Find) -> Iterator[int]:
    """Where the lines with the needle begin."""
    at = find(needle, 0)
    while at >= 0:
        yield block.rfind(b"\n", 0, at) + 1
        at = find(needle, block.find(b"\n", at))


def earliest(paths: Iterable[Path]) -> datetime | None:
    """The beginning of the day of the first event; None without one."""
    times = list(filter(None, (_first_time(file.path) for file in files_of(paths))))
    if not times:
        return None
    return (min(times) - _MARGIN).replace(hour=0, minute=0, second=0, microsecond=0)


def _first_time(path: Path) -> datetime | None:
    try:
        text = next(blocks(path), b"")[TIME].decode("ascii")
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except (Damaged, ValueError):
        return None


def segments_within(paths: Iterable[Path], query: Query) -> Iterator[Path]:
    """One file for each segment that may have lines in the range of time."""
    is_before, is_after = query.is_before(_MARGIN), query.is_after(_MARGIN)
    for _, copies in groupby(files_of(paths), attrgetter("stream", "number")):
        path = max(copies, key=_is_plain).path
        first, last = _ends(path)
        if not is_after(first[TIME]) and not (last and is_before(last[TIME])):
            yield path


def _is_plain(file: File) -> bool:
    return file.path.suffix != ".gz"


def _ends(path: Path) -> tuple[bytes, bytes]:
    """The first line and the last complete one; empty where it is not known."""
    with path.open("rb") as file:
        first = file.read(_END_BYTES)
        if not first.startswith(b"{"):
            return b"", b""
        file.seek(max(0, path.stat().st_size - _END_BYTES))
        end = file.read()
    lines = end[: end.rfind(b"\n") + 1].split(b"\n")
    return first, lines[-2] if len(lines) > 2 else b""  # noqa: PLR2004 - one complete line before
