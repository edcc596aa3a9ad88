"""Sign what the streams in some directories hold, without their writers' help.

The sidecar runs this: it takes the hash of each line, which follows what was signed before, adds it
to the stream's tree and signs a checkpoint. The writer of a stream never has the key.

Delivery hands over the hashes of the lines that it reads (`follow/verified.py`). All others are
read here: those that no output takes, or not soon enough.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from io import BytesIO
from itertools import accumulate
from pathlib import Path

from msgspec import Struct, field

from shipper.evidence.keys import Signer
from shipper.evidence.policy import origin_of
from shipper.evidence.stated import Counted, stated_in
from shipper.evidence.store import CHECKPOINT, Store, StreamStore
from shipper.follow.handle import Handle
from shipper.follow.segments import is_ended
from shipper.follow.verified import Chain, Chains
from shipper.record.format import UNREADABLE, segment_named, sequence_of, streams_in
from shipper.record.seal import GENESIS, hashes_of
from shipper.wire.note import Checkpoint, Note, parse_note
from shipper.wire.tlog import HASH_BYTES, Range, split_hashes

#: A block of this size stays in the processor's cache; a line may be longer.
_READ_BYTES = 256 << 10
#: 3 MB of hashes.
_MAX_ENTRIES = 100_000


class State(StrEnum):
    """Whether more lines are due."""

    OPEN = "open"
    #: The last line of the stream ends its segment, or its writer is gone.
    ENDED = "ended"


class Rules(Struct, frozen=True, kw_only=True):
    """When a checkpoint is signed."""

    #: Also without new events: silence is a statement.
    interval_s: float = 60.0
    #: Earlier, after this many events.
    events: int = 10_000


class Signed(Struct, frozen=True, kw_only=True, tag=True):
    """A checkpoint that was signed, and what the event about it states."""

    stream: str
    note: Note
    #: The digest of the note before; empty for the first.
    previous: str
    #: The sequences of the events that it adds; `last` is before `first` if it adds none.
    first: int
    last: int
    segment: int
    state: State
    #: The user that owns the segment.
    uid: int
    counted: Counted


class Refusal(Struct, frozen=True, kw_only=True, tag=True):
    """A stream that does not follow what was signed: nothing more of it is signed."""

    stream: str
    sequence: int
    why: str


class _Broken(Exception):  # caught in this module
    """The lines do not follow what was signed; the argument says why."""


class _Stream(Struct):
    """How far a stream is signed, and where its lines continue."""

    id: str
    store: StreamStore
    size: int
    #: The note of the tree of `size` events.
    note: Note | None = None
    #: The size of the tree on the disk, which may be ahead of the note.
    head: bytes = GENESIS
    path: Path | None = None
    offset: int = 0
    segment: int = 0
    uid: int = 0
    #: The size of that segment before it was read.
    read_size: int = 0
    #: When it was signed last, on the clock of `time.monotonic`.
    signed_s: float = 0.0
    #: When it was read to its end last, on the same clock.
    complete_s: float = field(default_factory=time.monotonic)
    #: The hashes of the lines that are not signed, joined.
    hashes: bytearray = field(default_factory=bytearray)
    counted: Counted = field(default_factory=Counted)
    #: Whether more is there to read than fits into the memory.
    is_behind: bool = False
    #: The size of its last segment when that seemed to be complete; None before.
    ended_size: int | None = None
    is_refused: bool = False

    @property
    def last(self) -> int:
        """The sequence of the last line that was taken."""
        return self.size + len(self.hashes) // HASH_BYTES

    def is_over(self, paths: Sequence[Path]) -> bool:
        """Whether there is nothing more to sign.

        What seemed to be the end may not be one: a segment follows the one that was closed, or the
        writer had not locked the segment that it had just created.
        """
        if self.is_refused or self.ended_size is None or self.path != paths[-1]:
            return self.is_refused
        with suppress(OSError):
            return self.path.stat().st_size == self.ended_size
        return True


class Signing:
    """Signs the streams in directories; used by one thread. Call `tick` every second or so."""

    def __init__(
        self,
        directories: Callable[[], Iterable[Path]],
        store: Store,
        signer: Signer,
        rules: Rules,
    ) -> None:
        self._directories = directories
        self._chains: Chains = {}
        self._store = store
        self._signer = signer
        self._rules = rules
        self._streams: dict[str, _Stream] = {}

    def tick(
        self, chains: Chains | None = None, *, at_close: bool = False
    ) -> Iterator[Signed | Refusal]:
        """Read what is new, and sign where it is time; everything that is open, if `at_close`.

        `chains` are those of the lines that delivery has read since the last call. Raises
        `CannotSign` if the key cannot be used, `OSError` if the folder cannot be written.
        """
        self._chains = chains or {}
        for directory in self._directories():
            for stream, paths in streams_in(directory).items() if directory.is_dir() else ():
                yield from self._visit(stream, paths, at_close=at_close)

    def _visit(
        self, stream: str, paths: Sequence[Path], *, at_close: bool
    ) -> Iterator[Signed | Refusal]:
        known = self._streams.get(stream)
        if known and known.is_over(paths):
            return
        try:
            if known is None:
                known = self._streams[stream] = self._resume(stream, paths)
            while True:
                is_patient = not at_close and self._is_patient(known)
                is_ended = _read_on(known, paths, self._chains, is_patient=is_patient)
                if self._is_due(known, at_close=at_close or is_ended or known.is_behind):
                    yield self._sign(known, State.ENDED if is_ended else State.OPEN)
                    known.ended_size = known.read_size if is_ended else None
                if not known.is_behind:
                    break
        except _Broken as broken:
            self._streams[stream] = known or _Stream(stream, self._store.stream(stream), 0)
            self._streams[stream].is_refused = True
            yield Refusal(stream=stream, sequence=self._streams[stream].size + 1, why=str(broken))

    def _is_patient(self, known: _Stream) -> bool:
        """Whether lines may wait until delivery reaches them: while any are being delivered."""
        waited_s = time.monotonic() - known.complete_s
        return bool(self._chains) and waited_s < self._rules.interval_s

    def _is_due(self, known: _Stream, *, at_close: bool) -> bool:
        if at_close or known.note is None or known.last - known.size >= self._rules.events:
            return bool(known.hashes or known.note)
        return time.monotonic() - known.signed_s >= self._rules.interval_s

    def _resume(self, stream: str, paths: Sequence[Path]) -> _Stream:
        """Find the place where the last run stopped: the lines before it are the signed ones."""
        store = self._store.stream(stream)
        text = store.text(CHECKPOINT)
        if text is None:
            return _Stream(stream, store, 0)
        note = self._own(stream, text)
        size = note.checkpoint.size
        known = _Stream(stream, store, size, note)
        if size:
            known.head = store.entries((size - 1) // 256, size)[-1]
            _seek(known, paths)
        is_current = note.signatures[0].key_id == self._signer.public.id
        known.signed_s = time.monotonic() if is_current else -self._rules.interval_s
        return known

    def _own(self, stream: str, text: str) -> Note:
        """The checkpoint on the disk, if the tiles below it are complete."""
        try:
            note = parse_note(text)
            tree = self._store.stream(stream).range(note.checkpoint.size, note.checkpoint.size)
        except (ValueError, FileNotFoundError) as error:
            raise _Broken(f"the evidence folder is damaged: {error}") from error
        if tree.root() != note.checkpoint.root:
            raise _Broken("the tiles in the evidence folder do not belong to its checkpoint")
        return note

    def _sign(self, known: _Stream, state: State) -> Signed:
        before, first = known.note, known.size + 1
        store, size = known.store, known.last
        if known.hashes:
            store.grow(known.size, split_hashes(bytes(known.hashes)))
        root = store.range(size, size).root() if size else Range().root()
        checkpoint = Checkpoint(origin_of(self._signer.public, known.id), size, root)
        note = self._signer.note(checkpoint, int(time.time()))
        store.publish(note, known.size)
        known.note, known.size, known.hashes = note, size, bytearray()
        known.signed_s = time.monotonic()
        counted, known.counted = known.counted, Counted()
        return Signed(
            stream=known.id,
            note=note,
            previous=before.digest.hex() if before else "",
            first=first,
            last=size,
            segment=known.segment,
            state=state,
            uid=known.uid,
            counted=counted,
        )


def _seek(known: _Stream, paths: Sequence[Path]) -> None:
    """Set the place of the first line that is not signed."""
    for path in reversed(paths):
        first = _first_sequence(path)
        if first is not None and first <= known.size:
            known.path = path
            known.offset = _end_of(path, known.size, known.head)
            return
    raise _Broken(f"event {known.size}, the last one that was signed, is gone")


def _first_sequence(path: Path) -> int | None:
    try:
        with path.open("rb") as file:
            return sequence_of(file.readline(_READ_BYTES))
    except (OSError, *UNREADABLE):
        return None


def _end_of(path: Path, sequence: int, head: bytes) -> int:
    """Where the event with that sequence ends in its file; its hash must be `head`."""
    stated = b'"hash":"%b"}}\n' % head.hex().encode()
    with path.open("rb") as file:
        for line in file:
            if line.endswith(stated) and sequence_of(line[:-1]) == sequence:
                return file.tell()
    raise _Broken(f"event {sequence}, the last one that was signed, is gone or was changed")


def _read_on(known: _Stream, paths: Sequence[Path], chains: Chains, *, is_patient: bool) -> bool:
    """Take the new lines of a stream, and wait until the disk has them; whether it is over."""
    later = [path for path in paths if known.path is None or path >= known.path]
    if known.path is not None and known.path not in later:
        raise _Broken(f"the segment {known.path.name} is gone")
    is_over = known.is_behind = False
    for path in later:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            is_over = is_ended(Handle(file.fileno()))  # before the last line is read
            _enter(known, path, about)
            _take_chains(known, chains.get((about.st_dev, about.st_ino), ()), file.fileno())
            if not is_patient:
                _read_file(known, file.fileno(), None)
            if os.fstat(file.fileno()).st_size < known.offset:
                raise _Broken(f"{path.name} is shorter than it was when it was signed")
            os.fdatasync(file)  # what is signed must not be lost by a crash
        if known.is_behind or (is_patient and known.offset < about.st_size):
            return False
    known.complete_s = time.monotonic()
    return is_over


def _enter(known: _Stream, path: Path, about: os.stat_result) -> None:
    """Continue in that segment, at its beginning if it is the next one."""
    if path != known.path:
        known.path, known.offset = path, 0
    named = segment_named(path.name)
    known.segment = named.number if named else 0
    known.uid, known.read_size = about.st_uid, about.st_size


def _take_chains(known: _Stream, chains: Iterable[Chain], file: int) -> None:
    """Take the lines that delivery has read of a file, and read those between that it left out."""
    for chain in chains:
        if chain.end <= known.offset or known.is_behind:
            continue
        if not chain.hashes.startswith(known.head):
            _read_file(known, file, chain.end)
            continue
        with suppress(*UNREADABLE):  # what was delivered may be gone
            known.counted.add(stated_in(os.pread(file, chain.end - known.offset, known.offset)))
        _add(known, chain.hashes[HASH_BYTES:], chain.end)
        _check_sequence(known, chain.sequence)


def _add(known: _Stream, hashes: bytes, end: int) -> None:
    known.hashes += hashes
    known.head, known.offset = hashes[-HASH_BYTES:], end


def _check_sequence(known: _Stream, sequence: int) -> None:
    """Of the last line of a block: if it is right, the number of lines is."""
    if sequence != known.last:
        raise _Broken(f"event {known.last} states the sequence {sequence}")


def _read_file(known: _Stream, file: int, stop: int | None) -> None:
    """Take the complete lines up to `stop`, or to the end of the file."""
    size = _READ_BYTES
    while not known.is_behind:
        want = size if stop is None else min(size, stop - known.offset)
        data = os.pread(file, want, known.offset)
        end = data.rfind(b"\n") + 1
        if end:
            _take(known, data[:end])
        elif len(data) < size:
            return
        else:
            size *= 2
        known.is_behind = known.last - known.size >= _MAX_ENTRIES


def _take(known: _Stream, block: bytes) -> None:
    """Take complete lines; `_Broken` if they do not follow."""
    ends = [after - 1 for after in accumulate(map(len, BytesIO(block)))]
    hashes, last = hashes_of(block, ends, known.head), known.last
    if hashes is None:
        raise _Broken(f"the events after {last} do not follow from it")
    try:
        sequence = sequence_of(block[ends[-2] + 1 if len(ends) > 1 else 0 : -1])
        known.counted.add(stated_in(block))
    except UNREADABLE as error:
        raise _Broken(f"the events after {last} cannot be read: {error}") from error
    _add(known, hashes, known.offset + len(block))
    _check_sequence(known, sequence)
