"""Verify a record on disk: files, directories and archives."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, zip_longest
from multiprocessing import get_context
from operator import attrgetter
from pathlib import Path

from msgspec import Struct, field

from shipper.evidence.chain import lines_of_file
from shipper.evidence.collect import File, files_of, notes_of_file
from shipper.evidence.judge import Case, judge, seen_by
from shipper.evidence.policy import Policy
from shipper.evidence.scan import Scan, scan_file
from shipper.evidence.signed import Notes, notes_by_stream, sort_notes
from shipper.evidence.store import CHECKPOINT, PRUNED, STAMPED, WITNESSED, Store
from shipper.evidence.verdict import Finding, Verdict, Word
from shipper.record.format import UNREADABLE, sequence_of

#: Is called with how many bytes of the files are done.
Progress = Callable[[int], object]
#: Those of one size that come last count as the latest.
_NOTES = (WITNESSED, STAMPED, CHECKPOINT, PRUNED)


class Trust(Struct, frozen=True, kw_only=True):
    """What a record is verified against."""

    policy: Policy = field(default_factory=Policy)
    store: Store | None = None
    #: The time to compare the age of checkpoints with; None is now.
    now_s: float | None = None


def verify(
    paths: Iterable[Path], trust: Trust, *, jobs: int = 1, progress: Progress = int
) -> Iterator[Verdict]:
    """The verdict on each stream that is found, in order of the streams."""
    files = files_of(paths)
    stated = notes_by_stream(
        note for file in files if file.is_own for note in notes_of_file(file.path)
    )
    streams = [stream for stream, _ in groupby(files, attrgetter("stream"))]
    notes = {stream: notes_of(stream, trust, stated.get(stream, ())) for stream in streams}
    scans = dict(_scanned(files, notes, jobs, progress))
    rows = {
        stream: [(file, scans[file.path]) for file in group]
        for stream, group in groupby(files, attrgetter("stream"))
    }
    seen = seen_by({stream: [scan for _, scan in row] for stream, row in rows.items()})
    for stream, row in rows.items():
        kept, copies, fork = _without_copies(row)
        yield judge(
            Case(
                stream=stream,
                scans=kept,
                read=lines_of_file,
                notes=notes[stream],
                policy=trust.policy,
                store=trust.store.stream(stream) if trust.store else None,
                seen=seen.get(stream, ()),
                copies=copies,
                fork=fork,
                now_s=time.time() if trust.now_s is None else trust.now_s,
            )
        )


def notes_of(stream: str, trust: Trust, stated: Sequence[str]) -> Notes:
    """The checkpoints of a stream: those in the evidence folder, and those that events state."""
    texts = list(stated)
    if trust.store:
        there = trust.store.stream(stream)
        texts += [text for name in _NOTES if (text := there.text(name))]
    return sort_notes(stream, texts, trust.policy)


def _scanned(
    files: Sequence[File], notes: Mapping[str, Notes], jobs: int, progress: Progress
) -> Iterator[tuple[Path, Scan]]:
    """Scan every file, the largest first, so that several processes end at the same time."""
    if jobs == 1 or len(files) == 1:
        for file in files:
            yield file.path, scan_file(file.path, notes[file.stream].cuts, progress)
        return
    order = sorted(files, key=attrgetter("size"), reverse=True)
    tasks = [(file.path, notes[file.stream].cuts) for file in order]
    with get_context("spawn").Pool(min(jobs, len(files))) as pool:
        for file, scan in zip(order, pool.imap(_scan_task, tasks), strict=True):
            progress(file.size)
            yield file.path, scan


def _scan_task(task: tuple[Path, list[int]]) -> Scan:
    return scan_file(*task)


def _without_copies(
    scans: Sequence[tuple[File, Scan]],
) -> tuple[list[Scan], list[str], Finding | None]:
    """The segments of a stream, the files that copy others, and the first that contradicts one."""
    kept: list[Scan] = []
    copies: list[str] = []
    fork: Finding | None = None
    for _, group in groupby(scans, lambda pair: pair[0].number):
        longest, *others = sorted((scan for _, scan in group), key=_length, reverse=True)
        kept.append(longest)
        for other in others:
            if finding := _difference(longest, other):
                fork = fork or finding
            else:
                copies.append(other.path)
    return kept, copies, fork


def _length(scan: Scan) -> int:
    return scan.lines


def _difference(one: Scan, other: Scan) -> Finding | None:
    """The first line of a file that differs from the same segment in another file."""
    pairs = zip_longest(lines_of_file(one.path), lines_of_file(other.path))
    for number, (line, copy) in enumerate(pairs, 1):
        if copy is None:
            return None
        if line != copy:
            why = f"another file holds another version of the segment: {one.path}"
            return Finding(Word.FORKED, why, other.path, number, _sequence(copy))
    return None


def _sequence(line: bytes) -> int | None:
    try:
        return sequence_of(line)
    except UNREADABLE:
        return None
