"""From the scans of a stream and its checkpoints to one word."""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct, field

from shipper.evidence.chain import Reader, first_break, head_in
from shipper.evidence.policy import Policy
from shipper.evidence.scan import Scan
from shipper.evidence.signed import Notes, fault_of
from shipper.evidence.store import StreamStore
from shipper.evidence.verdict import Finding, Verdict, Word
from shipper.record.format import Previous, iso_timestamp
from shipper.wire.tlog import Range, leaf_hash

#: A checkpoint may be late by one interval before anything is called stale.
_INTERVALS = 2


class Case(Struct, frozen=True, kw_only=True):
    """All that is known about one stream."""

    stream: str
    #: Its segments in order, without copies of others.
    scans: Sequence[Scan]
    read: Reader
    notes: Notes = field(default_factory=Notes)
    policy: Policy = field(default_factory=Policy)
    store: StreamStore | None = None
    #: The last line of the stream, as the stream after it found it.
    seen: Sequence[Previous] = ()
    #: Files with the same lines as others, and what is wrong with others that differ.
    copies: Sequence[str] = ()
    fork: Finding | None = None
    now_s: float = 0.0

    @property
    def first(self) -> int:
        """The sequence of the first line."""
        return next((run.first for scan in self.scans for run in scan.runs), 1) or 1

    @property
    def last(self) -> int:
        """The sequence of the last line."""
        return max(scan.last for scan in self.scans)

    @property
    def is_ended(self) -> bool:
        """Whether no more lines are due: the stream was closed, or a later one saw its end."""
        return any(scan.end and scan.last == self.last for scan in self.scans) or any(
            one.sequence == self.last for one in self.seen
        )


def judge(case: Case) -> Verdict:
    """The word of a stream, and why."""
    finding = case.fork or first_break(case.stream, case.scans, case.read) or _false_count(case)
    pruned = case.first - 1
    finding = finding or _unlawful(case) or _against_signed(case) or _against_seen(case)
    is_wrong = finding is not None
    finding = finding or _unproven(case) or _proven(case)
    latest = case.notes.latest
    at_s = case.policy.signed_at(latest) if latest else None
    return Verdict(
        stream=case.stream,
        events=sum(scan.lines for scan in case.scans),
        signed=0 if is_wrong else case.notes.size,
        pruned=pruned if finding.word is Word.PRUNED else 0,
        segments=len(case.scans),
        checkpoints=len(case.notes.trusted),
        signed_at=iso_timestamp(at_s) if at_s else None,
        copies=tuple(case.copies),
        **_stamp(case),
        **msgspec.structs.asdict(finding),
    )


def _stamp(case: Case) -> dict[str, Any]:
    """What an authority states about the time of the signed events."""
    if case.store is None or case.policy.authorities is None:
        return {}
    from shipper.evidence.stamp import NotStamped, stamp_of

    try:
        found = stamp_of(case.store, case.policy)
    except NotStamped as error:
        return {"stamp_fault": str(error)}
    if found is None or found.note not in case.notes.trusted:
        return {}
    return {
        "stamped": found.note.checkpoint.size,
        "stamped_at": iso_timestamp(found.at.timestamp()),
    }


def _false_count(case: Case) -> Finding | None:
    """A segment whose last line counts other lines than there are."""
    for scan in case.scans:
        if scan.end and scan.end.records != scan.lines:
            why = f"the segment states {scan.end.records} lines but has {scan.lines}"
            return Finding(Word.EDITED, why, scan.path, scan.lines, scan.last)
    return None


def _unlawful(case: Case) -> Finding | None:
    """Events missing before the first one, without a signed statement."""
    gone = case.first - 1
    if gone <= max(case.notes.pruned, default=0):
        return None
    why = f"events 1 to {gone} are missing, and no signed statement allows it"
    return Finding(Word.MISSING, why, case.scans[0].path, 1, case.first)


def _against_signed(case: Case) -> Finding | None:
    return fault_of(case.notes, case.scans, _base(case), lambda a, b: _first_other(case, a, b))


def _base(case: Case) -> Range | None:
    """The tree of the deleted events; None if it is not known."""
    gone = case.first - 1
    if not gone:
        return Range()
    try:
        return case.store.range(gone, case.notes.size) if case.store else None
    except (FileNotFoundError, ValueError):
        return None


def _first_other(case: Case, start: int, stop: int) -> int | None:
    """The first leaf in that part of the tree that the tiles have otherwise; None if unknown."""
    if case.store is None:
        return None
    try:
        signed = list(case.store.leaves(start, stop, case.notes.size))
    except FileNotFoundError:
        return None
    there = islice(_leaves(case), start - case.first + 1, None)
    pairs = zip(signed, there, strict=False)
    return next((start + at for at, (one, other) in enumerate(pairs) if one != other), None)


def _leaves(case: Case) -> Iterator[bytes]:
    from shipper.record.seal import unseal

    for scan in case.scans:
        for line in case.read(scan.path):
            sealed = unseal(line)
            yield leaf_hash(sealed[1]) if sealed else b""


def _against_seen(case: Case) -> Finding | None:
    """What the first line of the next stream contradicts."""
    last = case.scans[-1]
    for one in case.seen:
        if one.sequence > case.last:
            why = f"a later stream names event {one.sequence}, but the last one here is {case.last}"
            return Finding(Word.CUT, why, last.path, last.lines + 1, case.last + 1)
        if one.sequence >= case.first and head_in(case.scans, one.sequence, case.read) != one.head:
            why = f"a later stream names another event {one.sequence}"
            return Finding(Word.EDITED, why, sequence=one.sequence)
    return None


def _unproven(case: Case) -> Finding | None:
    unsigned = case.last - case.notes.size
    if not case.notes.trusted:
        return Finding(Word.UNSIGNED_TAIL, f"no checkpoint: {unsigned} events are not signed")
    if case.first > 1 and _base(case) is None:
        return Finding(Word.UNSIGNED_TAIL, "the tiles of the deleted events are missing")
    patience_s = _INTERVALS * case.policy.interval_s
    if unsigned > 0 and (age_s := _age_s(case)) > patience_s:
        why = f"the last {unsigned} events are not signed; the first of them is {age_s:.0f} s old"
        return Finding(Word.UNSIGNED_TAIL, why, case.scans[-1].path, None, case.notes.size + 1)
    latest = case.notes.latest
    at_s = (case.policy.signed_at(latest) if latest else None) or 0
    if not case.is_ended and case.now_s - at_s > patience_s:
        age_s = case.now_s - at_s
        why = f"the stream is open, and its last checkpoint is {age_s:.0f} s old"
        return Finding(Word.STALE, why, case.scans[-1].path, None, case.last)
    return None


def _age_s(case: Case) -> float:
    """The age of the first event that is not signed."""
    wanted = case.notes.size + 1
    for scan in case.scans:
        run = scan.runs[0] if scan.runs else None
        if run and run.first and run.has(wanted):
            line = next(islice(case.read(scan.path), wanted - run.first, None), b"")
            return case.now_s - _time_s(line)
    return 0.0


def _time_s(line: bytes) -> float:
    text = line[15:34].decode("ascii", "replace")
    try:
        import calendar

        return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return 0.0


def _proven(case: Case) -> Finding:
    if case.first > 1:
        return Finding(Word.PRUNED, f"events 1 to {case.first - 1} were deleted by policy")
    size = case.notes.size  # the latest note may be another one of the same tree
    same = (note for note in case.notes.trusted if note.checkpoint.size == size)
    if any(map(case.policy.is_witnessed, same)):
        return Finding(Word.INTACT, "signed and witnessed")
    return Finding(Word.INTACT_UNWITNESSED, "signed")


def seen_by(scans: Mapping[str, Sequence[Scan]]) -> Mapping[str, list[Previous]]:
    """For each stream, what the first lines of later ones state about it."""
    seen: dict[str, list[Previous]] = {}
    for row in scans.values():
        before = row[0].start.stream_before if row and row[0].start else None
        if before:
            seen.setdefault(before.stream, []).append(before)
    return seen
