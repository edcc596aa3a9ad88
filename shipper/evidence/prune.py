"""Delete the oldest segments of signed streams, so that the rest stays verifiable.

A signed statement names how many events are gone and the root of their tree. The tiles stay, so
the tree of all later checkpoints can still be computed.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from operator import attrgetter
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from shipper.durable import sync_directory
from shipper.errors import ShipperError
from shipper.evidence.approval import approved
from shipper.evidence.chain import lines_of_file
from shipper.evidence.collect import File, files_of
from shipper.evidence.keys import Signer
from shipper.evidence.policy import Policy, origin_of
from shipper.evidence.prove import latest_note
from shipper.evidence.signed import PRUNED_ORIGIN
from shipper.evidence.store import Store
from shipper.evidence.verdict import PROVEN, UNPROVEN
from shipper.evidence.verify import Trust, verify
from shipper.record.format import UNREADABLE, iso_timestamp, sequence_of
from shipper.wire.note import Checkpoint, Note, parse_note

_TIME = slice(len(b'{"@timestamp":"'), len(b'{"@timestamp":"2026-11-30T12:00:00.000000Z'))


class CannotPrune(ShipperError):
    """Deleting would hide what is wrong with a stream, or could not be stated."""


class Pruning(Struct, frozen=True, kw_only=True):
    """The segments of one stream that are to be deleted, and the statement about them."""

    stream: str
    #: The sequence of the last event that is deleted.
    last: int
    note: Note
    paths: tuple[Path, ...]


#: Which of these files may be deleted.
Deletable = Callable[[Collection[Path]], Collection[Path]]


def plan(
    paths: Sequence[Path], trust: Trust, signer: Signer, before_s: float, deletable: Deletable
) -> Iterator[Pruning]:
    """What can be deleted: closed segments with no event after `before_s`, shipped and signed.

    Raises `CannotPrune` for a stream that does not verify.
    """
    if trust.store is None:
        raise CannotPrune("there is no evidence folder, so the deletion cannot be proven")
    words = {one.stream: one for one in verify(paths, trust)}
    for stream, group in groupby(files_of(paths), attrgetter("stream")):
        old = list(_old(list(group), before_s, deletable))
        if not old:
            continue
        verdict = words[stream]
        if verdict.word not in PROVEN | UNPROVEN:
            raise CannotPrune(f"{stream} is {verdict.word}: {verdict.why}; nothing is deleted")
        if old[-1][1] > verdict.signed:
            old = [pair for pair in old if pair[1] <= verdict.signed]
        if old:
            yield _pruning(trust.store, signer, stream, old)


def _old(
    files: list[File], before_s: float, deletable: Deletable
) -> Iterator[tuple[tuple[Path, ...], int]]:
    """The files of each old segment, and its last sequence; the last segment stays."""
    cutoff = iso_timestamp(before_s).encode()
    segments = [list(group) for _, group in groupby(files, attrgetter("number"))]
    for segment, after in pairwise(segments):
        line = next(lines_of_file(str(after[0].path)), b"")
        paths = tuple(file.path for file in segment)
        try:
            last = sequence_of(line) - 1
        except UNREADABLE:
            return
        if line[_TIME] >= cutoff or set(deletable(paths)) != set(paths):
            return
        yield paths, last


def _pruning(
    store: Store, signer: Signer, stream: str, old: Iterable[tuple[tuple[Path, ...], int]]
) -> Pruning:
    pairs = list(old)
    last = pairs[-1][1]
    there = store.stream(stream)
    root = there.range(last, latest_note(there).checkpoint.size).root()
    origin = origin_of(signer.public, stream) + PRUNED_ORIGIN
    note = signer.note(Checkpoint(origin, last, root), int(time.time()))
    paths = tuple(path for paths, _ in pairs for path in paths)
    return Pruning(stream=stream, last=last, note=note, paths=paths)


def approved_pruning(policy: Policy, path: Path, pruning: Pruning) -> Pruning:
    """The same with the signatures of approvers in its statement; raises `NotApproved`."""
    note = pruning.note
    return replace(
        pruning, note=parse_note(approved(policy, path, str(note.checkpoint), note.signatures))
    )


def carry_out(store: Store, pruning: Pruning) -> None:
    """Write the statement, and then delete."""
    store.stream(pruning.stream).write_pruned(pruning.note)
    for path in pruning.paths:
        path.unlink(missing_ok=True)
    for folder in {path.parent for path in pruning.paths}:
        sync_directory(folder)
