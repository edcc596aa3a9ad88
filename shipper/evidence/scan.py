"""One pass over the lines of a segment: which of them follow each other, and their tree.

The result has the size of the findings, so a record of any size is verified in little memory, and
segments can be scanned by several processes at the same time.
"""

from binascii import unhexlify
from bisect import bisect_right
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import accumulate, pairwise
from pathlib import Path

from msgspec import Struct

from shipper.evidence.blocks import Damaged, blocks
from shipper.record.format import (
    UNREADABLE,
    Link,
    SegmentEnd,
    SegmentStart,
    all_continue,
    parse_segment_end,
    parse_segment_start,
    sequence_of,
    walk_chain,
)
from shipper.record.seal import GENESIS, unseal
from shipper.wire.tlog import HASH_BYTES, Range, hashes_of_leaves, split_hashes

#: Where the hash of a line lies, counted from its newline.
_HASH_START, _HASH_END = 67, 3
_TIME = slice(len(b'{"@timestamp":"'), len(b'{"@timestamp":"2026-11-30T12:00:00.000000Z'))

#: The first break decides; a file of garbage must not fill the memory with its lines.
_MAX_OPENINGS = 1000


class Run(Struct):
    """Consecutive lines of a file, each of which follows the one before."""

    #: The number of the first line in its file, from 1.
    line: int
    #: Its sequence; None if it is not a sealed event, and then it is alone.
    first: int | None
    #: The first line itself: another one than the line before it may turn out to precede it.
    opening: bytes
    #: The hash that the last line states.
    head: bytes
    count: int = 1

    @property
    def last(self) -> int:
        """The sequence of the last line; 0 if it is not a sealed event."""
        return 0 if self.first is None else self.first + self.count - 1

    def has(self, sequence: int) -> bool:
        """Whether one of its lines has that sequence."""
        return self.first is not None and self.first <= sequence <= self.last


class Part(Struct, frozen=True):
    """The tree of some of the lines, up to a size that is to be compared, and their first time."""

    tree: Range
    time: str


class Scan(Struct):
    """What one pass over a segment has found."""

    path: str
    start: SegmentStart | None = None
    #: The last line, if it ends the segment.
    end: SegmentEnd | None = None
    runs: list[Run] = []
    #: Of a segment without a finding.
    parts: list[Part] = []
    #: Bytes after the last newline: a line that a killed process did not finish.
    torn_bytes: int = 0
    #: Why the rest of the file cannot be read.
    damage: str = ""

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return sum(run.count for run in self.runs)

    @property
    def last(self) -> int:
        """The sequence of the last line."""
        return self.runs[-1].last if self.runs else 0

    @property
    def head(self) -> bytes:
        """The hash of the last line."""
        return self.runs[-1].head if self.runs else GENESIS


def scan_file(path: Path, cuts: Sequence[int], progress: Callable[[int], object] = int) -> Scan:
    """Scan a file; `cuts` are the sizes of the tree, in order, at which a part is to end."""
    walk = Walk(str(path), cuts)
    try:
        for block in blocks(path, progress):
            walk.take(block)
    except Damaged as damage:
        walk.scan.damage = str(damage)
    return walk.finish()


class Walk:
    """Takes the lines of one segment, or of a complete stream, block by block."""

    def __init__(self, name: str, cuts: Sequence[int]) -> None:
        self.scan = Scan(name)
        self._cuts = cuts
        self._run: Run | None = None
        self._line = 0
        self._last_line = b""

    def take(self, block: bytes) -> None:
        """The next block: complete lines, or the bytes after the last newline."""
        if not block.endswith(b"\n"):
            self.scan.torn_bytes = len(block)
            return
        if self._run is None:
            self._open(block.partition(b"\n")[0])
        ends = [after - 1 for after in accumulate(map(len, BytesIO(block)))]
        head, last = self._before()
        if last is not None and self._run and all_continue(block, ends, head, last):
            self._extend(self._run, block, ends)
        else:
            self._walk(block, head, last)
        self._last_line = block[ends[-2] + 1 : -1] if len(ends) > 1 else block[:-1]

    def finish(self) -> Scan:
        """What was found."""
        found = self.scan
        found.end = parse_segment_end(self._last_line)
        if len(found.runs) > 1:
            found.parts = []
        return found

    def _open(self, line: bytes) -> None:
        """Begin with the first line, as if it followed what it states."""
        self.scan.start = start = parse_segment_start(line)
        try:
            first: int | None = sequence_of(line)
        except UNREADABLE:
            first = None
        if unseal(line) is None:
            first = None
        head = start.previous if start else GENESIS
        self._run = Run(1, first, line, head, 0)
        self.scan.runs = [self._run]

    def _before(self) -> tuple[bytes, int | None]:
        run = self._run
        if run is None or run.first is None:
            return GENESIS, None
        return run.head, run.last

    def _extend(self, run: Run, block: bytes, ends: Sequence[int]) -> None:
        """All lines follow each other."""
        hashes = unhexlify(b"".join([block[e - _HASH_START : e - _HASH_END] for e in ends]))
        first = run.last
        run.head = hashes[-HASH_BYTES:]
        run.count += len(ends)
        self._line += len(ends)
        if self._cuts and first < self._cuts[-1]:
            self._grow(first, split_hashes(hashes), block, ends)

    def _grow(self, first: int, entries: list[bytes], block: bytes, ends: Sequence[int]) -> None:
        """Add the lines after the first `first` ones to the tree, up to the last cut."""
        stop = first + len(entries)
        low, high = bisect_right(self._cuts, first), bisect_right(self._cuts, stop)
        for begin, end in pairwise([first, *self._cuts[low:high], stop]):
            if begin == end:
                continue
            leaves = hashes_of_leaves(entries[begin - first : end - first])
            start = ends[begin - first - 1] + 1 if begin > first else 0
            self._add(Range.of(begin, leaves), block[start:][: _TIME.stop])

    def _add(self, tree: Range, line: bytes) -> None:
        parts = self.scan.parts
        if parts and parts[-1].tree.stop not in self._cuts:
            parts[-1] = Part(parts[-1].tree.joined(tree), parts[-1].time)
        else:
            parts.append(Part(tree, line[_TIME].decode("ascii", "replace")))

    def _walk(self, block: bytes, head: bytes, last: int | None) -> None:
        """Line by line: at least one of them does not follow the one before."""
        lines = block.split(b"\n")[:-1]
        for line, link in zip(lines, walk_chain(lines, head, last), strict=True):
            self._line += 1
            self._note(line, link)

    def _note(self, line: bytes, link: Link) -> None:
        run = self._run
        is_first = run is not None and not run.count
        sealed = unseal(line)
        sequence = link.sequence if sealed else None
        is_next = run and (is_first or (link.finding is None and run.first is not None))
        if is_next and run:
            run.count += 1
            run.head = link.head
        else:
            kept = line if len(self.scan.runs) < _MAX_OPENINGS else b""
            self._run = Run(self._line, sequence, kept, link.head)
            self.scan.runs.append(self._run)
