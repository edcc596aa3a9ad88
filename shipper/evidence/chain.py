"""The first break in the chain of one stream, and its name.

Scans give runs: lines that follow each other. In an unchanged stream each run also follows the one
before. Where one does not, its first line, and where else its sequence and the expected one occur,
show what was done.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from msgspec import Struct

from shipper.evidence.blocks import Damaged, blocks
from shipper.evidence.scan import Run, Scan
from shipper.evidence.verdict import Finding, Word
from shipper.record.format import stream_of
from shipper.record.seal import GENESIS, follows, unseal

_NO_HEAD = b""

#: The lines of a file, or of what else was scanned under that name, read again.
Reader = Callable[[str], Iterator[bytes]]


class Place(Struct, frozen=True):
    """A run, the scan that it is from, and what reads its lines again."""

    scan: Scan
    run: Run
    read: Reader

    def finding(self, word: Word, why: str) -> Finding:
        """That word, with the run's first line as the bad record."""
        return Finding(word, why, self.scan.path, self.run.line, self.run.first)

    def head_at(self, sequence: int) -> bytes:
        """The hash that the event with that sequence states."""
        run = self.run
        if sequence == run.last or run.first is None:
            return run.head
        before = run.line + sequence - run.first - 1
        sealed = unseal(next(islice(self.read(self.scan.path), before, None), b""))
        return sealed[1] if sealed else _NO_HEAD


def _places(scans: Sequence[Scan], read: Reader) -> list[Place]:
    return [Place(scan, run, read) for scan in scans for run in scan.runs]


def first_break(stream: str, scans: Sequence[Scan], read: Reader) -> Finding | None:
    """The first line that does not follow the one before; None if all do.

    The first line of the first scan may have any sequence: whether lines are missing before it is
    for the caller to find out.
    """
    places = _places(scans, read)
    expected, head = _beginning(places)
    for index, place in enumerate(places):
        run, start = place.run, place.scan.start
        is_next = run.first == expected and follows(run.opening, head)
        is_as_stated = run.line > 1 or start is None or start.previous == head
        if not (is_next and is_as_stated and stream_of(run.opening) == stream):
            return _named(stream, places, index, expected)
        expected, head = run.last + 1, run.head
    return next((damage for scan in scans if (damage := _damage(scan))), None)


def _beginning(places: list[Place]) -> tuple[int, bytes]:
    """The sequence of the first line, and the hash that it follows."""
    first = min((one.run.first for one in places if one.run.first), default=1)
    if places and places[0].run.first == first > 1 and (start := places[0].scan.start):
        return first, start.previous
    return 1, GENESIS


def _damage(scan: Scan) -> Finding | None:
    if not scan.damage:
        return None
    return Finding(Word.CUT, scan.damage, scan.path, scan.lines + 1, scan.last + 1)


def _named(stream: str, places: list[Place], index: int, expected: int) -> Finding:
    """The name of the break before `places[index]`."""
    place = places[index]
    first = place.run.first
    if first is None:
        return place.finding(Word.EDITED, "the line is not a sealed event")
    if (other := stream_of(place.run.opening)) != stream:
        return place.finding(Word.EDITED, f"the line is an event of the stream {other}")
    if first == expected:
        why = "the hash does not follow from the line before: one of the two was changed"
        return place.finding(Word.EDITED, why)
    twin = next((one for one in places if one is not place and one.run.has(first)), None)
    return _of_twin(places, place, twin, first) if twin else _moved(places, index, expected, first)


def _moved(places: list[Place], index: int, expected: int, first: int) -> Finding:
    """The line has another sequence than the expected one, and no other line has it."""
    place, after = places[index], places[index + 1 :]
    if first < expected or any(one.run.has(expected) for one in after):
        why = f"event {expected} is expected here; it is elsewhere"
        return place.finding(Word.REORDERED, why)
    if place.run.count == 1 and after and after[0].run.first == expected + 1:
        return place.finding(Word.EDITED, f"the sequence is {first} in place of {expected}")
    return place.finding(Word.MISSING, f"events {expected} to {first - 1} are missing")


def _of_twin(places: list[Place], place: Place, twin: Place, first: int) -> Finding:
    """There is another line with the same sequence."""
    head = _first_head(place.run)
    if twin.head_at(first) == head:
        return place.finding(Word.DUPLICATED, f"event {first} is there more than once")
    before = next((one for one in places if one.run.has(first - 1)), None)
    previous = GENESIS if first == 1 else before.head_at(first - 1) if before else _NO_HEAD
    if follows(place.run.opening, previous):
        return place.finding(Word.FORKED, f"there are two different events {first}")
    return place.finding(Word.EDITED, f"another line claims to be event {first}")


def _first_head(run: Run) -> bytes:
    """The hash that the first line of a run states."""
    sealed = unseal(run.opening)
    return sealed[1] if sealed else _NO_HEAD


def head_in(scans: Sequence[Scan], sequence: int, read: Reader) -> bytes:
    """The hash that the event with that sequence states; empty if there is none."""
    found = (place for place in _places(scans, read) if place.run.has(sequence))
    return next((place.head_at(sequence) for place in found), _NO_HEAD)


def lines_of_file(path: str) -> Iterator[bytes]:
    """The lines of a file, without their newlines."""
    with suppress(Damaged):
        for block in blocks(Path(path)):
            yield from block.split(b"\n")[:-1]
