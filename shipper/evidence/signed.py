"""The signed history of a stream against the one that is there."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct, field

from shipper.evidence.policy import Policy
from shipper.evidence.scan import Scan
from shipper.evidence.verdict import Finding, Word
from shipper.wire.note import Checkpoint, Note, parse_note
from shipper.wire.tlog import Range

#: The suffix of the origin of a statement that the first events of a stream were deleted.
PRUNED_ORIGIN = "/pruned"


class Notes(Struct):
    """The checkpoints of a stream that were found, wherever they were found."""

    trusted: list[Note] = field(default_factory=list)
    #: The size and the fault of each that no key of the policy signed.
    doubtful: list[tuple[int, str]] = field(default_factory=list)
    #: How many events at the beginning were deleted by statements of trusted keys.
    pruned: set[int] = field(default_factory=set)

    @property
    def latest(self) -> Note | None:
        """The one of the largest tree, and of these the last one found."""
        found = sorted(self.trusted, key=lambda note: note.checkpoint.size)
        return found[-1] if found else None

    @property
    def size(self) -> int:
        """The largest size that is signed."""
        return self.latest.checkpoint.size if self.latest else 0

    @property
    def cuts(self) -> list[int]:
        """The sizes at which roots are to be compared, in order."""
        return sorted({note.checkpoint.size for note in self.trusted} - {0})


def notes_by_stream(texts: Iterable[str]) -> dict[str, list[str]]:
    """Notes that events state, by the stream that each is about."""
    found: dict[str, list[str]] = {}
    for text in texts:
        origin = text.partition("\n")[0].removesuffix(PRUNED_ORIGIN)
        found.setdefault(origin.rpartition("/")[2], []).append(text)
    return found


def sort_notes(stream: str, texts: Sequence[str], policy: Policy) -> Notes:
    """Check the signatures of notes about that stream."""
    notes = Notes()
    for text in dict.fromkeys(texts):
        _sort(notes, stream, text, policy)
    return notes


def _sort(notes: Notes, stream: str, text: str, policy: Policy) -> None:
    try:
        note = parse_note(text)
    except ValueError as error:
        notes.doubtful.append((notes.size + 1, f"a checkpoint cannot be read: {error}"))
        return
    size = note.checkpoint.size
    if policy.signer(note, stream):
        notes.trusted.append(note)
    elif policy.signer(note, stream + PRUNED_ORIGIN):
        if policy.is_approved(note):
            notes.pruned.add(size)
    elif not policy.is_other(note, stream):
        notes.doubtful.append((size, _doubt(note, policy)))


def _doubt(note: Note, policy: Policy) -> str:
    size, names = note.checkpoint.size, ", ".join(one.name for one in note.signatures)
    revoked = {key.id for key in policy.revoked}
    if any(one.key_id in revoked for one in note.signatures):
        return f"the checkpoint at {size} is signed by a revoked key only ({names})"
    return f"no key of the policy signed the checkpoint at {size} (it names {names})"


def fault_of(
    notes: Notes, scans: Sequence[Scan], base: Range | None, find: "Find"
) -> Finding | None:
    """What the signed history contradicts; None if it agrees with the lines."""
    for check in (_wrong_key, _forked, _cut):
        if finding := check(notes, scans):
            return finding
    return _edited(notes, scans, base, find) if base is not None else None


#: Where the first leaf that differs is, given the sizes that it lies between.
Find = Callable[[int, int], int | None]


def _wrong_key(notes: Notes, _scans: Sequence[Scan]) -> Finding | None:
    # A later checkpoint by a trusted key covers what an old key signed.
    doubts = [why for size, why in notes.doubtful if size > notes.size]
    return Finding(Word.WRONG_KEY, doubts[0]) if doubts else None


def _forked(notes: Notes, _scans: Sequence[Scan]) -> Finding | None:
    roots: dict[int, bytes] = {}
    for note in notes.trusted:
        one = note.checkpoint
        if roots.setdefault(one.size, one.root) != one.root:
            return Finding(Word.FORKED, f"two signed checkpoints at {one.size} differ")
    return None


def _cut(notes: Notes, scans: Sequence[Scan]) -> Finding | None:
    last = max(scans, key=lambda scan: scan.last)
    if notes.size <= last.last:
        return None
    why = f"{notes.size} events are signed, but the last one here is {last.last}"
    return Finding(Word.CUT, why, last.path, last.lines + 1, last.last + 1)


def _edited(notes: Notes, scans: Sequence[Scan], base: Range, find: Find) -> Finding | None:
    roots = dict(_roots(scans, base, notes.cuts))
    good = base.stop
    for one in _by_size(notes):
        if one.size < base.stop:
            continue
        if roots.get(one.size) != one.root:
            return _changed(scans, good, one.size, find)
        good = one.size
    return None


def _by_size(notes: Notes) -> list[Checkpoint]:
    return sorted((note.checkpoint for note in notes.trusted), key=lambda one: one.size)


def _roots(scans: Sequence[Scan], base: Range, cuts: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The root of the tree of the lines, at each of these sizes."""
    yield base.stop, base.root()
    tree, wanted = base, set(cuts)
    for part in (part for scan in scans for part in scan.parts):
        tree = tree.joined(part.tree)
        if tree.stop in wanted:
            yield tree.stop, tree.root()


def _changed(scans: Sequence[Scan], good: int, bad: int, find: Find) -> Finding:
    index = find(good, bad)
    first = good if index is None else index
    where = f"event {first + 1}" if index is not None else f"events {good + 1} to {bad}"
    why = f"the history was written again after it was signed: {where}"
    for scan in scans:
        if any(run.has(first + 1) for run in scan.runs):
            begin = scan.runs[0].first or 1
            return Finding(Word.EDITED, why, scan.path, first + 2 - begin, first + 1)
    return Finding(Word.EDITED, why, sequence=first + 1)
