"""Exercises on a copy of a record: tampering, loss and silence, and the right words for them.

The copy is signed by a key of its own, so the exercises need neither the real key nor the evidence
folder, and never write to the record.
"""

import fcntl
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from shipper.errors import ShipperError
from shipper.evidence.chain import lines_of_file
from shipper.evidence.collect import File, files_of
from shipper.evidence.keys import create_key, signer_of_file
from shipper.evidence.policy import Policy
from shipper.evidence.sign import Rules, Signed, Signing
from shipper.evidence.store import Store
from shipper.evidence.verdict import Verdict, Word
from shipper.evidence.verify import Trust, verify
from shipper.record.format import UNREADABLE, parse_segment_end, sequence_of
from shipper.record.seal import GENESIS, seal, unseal

#: Larger streams are not copied, and fewer lines have no middle to change.
_MOST_BYTES = 64 << 20
_LEAST_LINES = 5
#: Longer than any checkpoint may be late.
SILENCE_S = 86_400.0

#: The lines of each segment file.
_Segments = list[list[bytes]]


class CannotDrill(ShipperError):
    """There is nothing to exercise on."""


class Exercise(Struct, frozen=True):
    """Something done to the copy, the word of `verify` that fits, and the alert that must fire."""

    name: str
    word: Word
    alert: str
    change: Callable[[_Segments], None]
    #: How much later it is verified.
    later_s: float = 0


class Copy:
    """One stream in a folder of its own, open, and signed by a key of its own."""

    def __init__(self, folder: Path, files: Iterable[File]) -> None:
        self.folder = folder
        rows = [list(group) for _, group in groupby(files, attrgetter("number"))]
        self._names = [group[0].path.name.removesuffix(".gz") for group in rows]
        self.segments = [[*lines_of_file(str(group[0].path))] for group in rows]
        if parse_segment_end(self.segments[-1][-1]):
            self.segments[-1].pop()  # an ended stream is expected to be silent
        create_key(folder / "key", "drill")
        self.signed = self._sign()

    def _sign(self) -> Signed:
        self._write(self.segments)
        signer, store = signer_of_file(self.folder / "key"), Store(self.folder / "evidence")
        self.trust = Trust(policy=Policy(logs=[signer.public]), store=store)
        signing = Signing(lambda: [self.folder], store, signer, Rules())
        with ExitStack() as stack:
            for name in self._names:  # as their writer does
                file = stack.enter_context((self.folder / name).open("rb"))
                fcntl.flock(file, fcntl.LOCK_EX)
            found = [one for one in signing.tick(at_close=True) if isinstance(one, Signed)]
        if not found:
            raise CannotDrill(f"{self._names[0]}: the stream does not start here, or is damaged")
        return found[-1]

    def after(self, exercise: Exercise) -> tuple[Verdict, list[bytes]]:
        """What `verify` finds after the exercise, and the lines that are left."""
        segments = [list(lines) for lines in self.segments]
        exercise.change(segments)
        self._write(segments)
        at_s = self.trust.policy.signed_at(self.signed.note) or 0
        trust = replace(self.trust, now_s=at_s + exercise.later_s)
        (found,) = verify([self.folder], trust)
        return found, [line for lines in segments for line in lines]

    def _write(self, segments: _Segments) -> None:
        for name, lines in zip(self._names, segments, strict=True):
            path = self.folder / name
            path.unlink(missing_ok=True)
            if lines:
                path.write_bytes(b"".join(line + b"\n" for line in lines))


def stream_for_drill(paths: Iterable[Path]) -> list[File]:
    """The files of the largest stream that is there from its first event; raises `CannotDrill`."""
    streams = [list(group) for _, group in groupby(files_of(paths), attrgetter("stream"))]
    fitting = [files for files in streams if _fits(files)]
    if not fitting:
        raise CannotDrill(
            f"no stream is there from its first event, with {_LEAST_LINES} events or more and at "
            f"most {_MOST_BYTES >> 20} MiB; name others, or record with AuditHandler first"
        )
    return max(fitting, key=_bytes_of)


def _bytes_of(files: list[File]) -> int:
    return sum(file.size for file in files)


def _fits(files: list[File]) -> bool:
    if _bytes_of(files) > _MOST_BYTES:
        return False
    lines = [line for file in files for line in lines_of_file(str(file.path))]
    try:
        return len(lines) > _LEAST_LINES and sequence_of(lines[0]) == 1
    except UNREADABLE:
        return False


def _middle(segments: _Segments) -> tuple[list[bytes], int]:
    """A line that is neither the first nor the last of the stream, nor the start of a segment."""
    lines = max(segments, key=len)
    return lines, len(lines) // 2


def _edit(segments: _Segments) -> None:
    lines, at = _middle(segments)
    lines[at] = _changed(lines[at])


def _changed(line: bytes) -> bytes:
    return line.replace(b'"pid":', b'"pid":1', 1)


def _rewrite(segments: _Segments) -> None:
    """Edit a line, and give all later lines the hashes that fit."""
    _edit(segments)
    head = GENESIS
    for lines in segments:
        for at, line in enumerate(lines):
            body, _ = unseal(line) or (line, b"")
            lines[at], head = seal(body, head)


def _delete(segments: _Segments) -> None:
    lines, at = _middle(segments)
    del lines[at]


def _truncate(segments: _Segments) -> None:
    segments[-1].pop()


def _fork(segments: _Segments) -> None:
    """Append another history that follows an earlier line."""
    lines = max(segments, key=len)
    begin = len(lines) // 2
    _, head = unseal(lines[begin - 1]) or (b"", b"")
    made = []
    for line in lines[begin:]:
        body, _ = unseal(_changed(line)) or (line, b"")
        sealed, head = seal(body, head)
        made.append(sealed)
    lines += made


def _old_copy(segments: _Segments) -> None:
    """Put back the last segment as it was earlier."""
    last = segments[-1]
    del last[max(1, len(last) // 2) :]
    if len(last) == 1 and len(segments) > 1:
        last.clear()


def _lose(segments: _Segments) -> None:
    """Several events in a row never arrive."""
    lines, at = _middle(segments)
    del lines[at : at + max(1, (len(lines) - at) // 2)]


def _nothing(_segments: _Segments) -> None:
    """Nobody writes or signs any more."""


_DAMAGE, _GAP, _SILENCE = "record_refused", "sequence_gap", "checkpoint_overdue"

EXERCISES = (
    Exercise("edit a line", Word.EDITED, _DAMAGE, _edit),
    Exercise("edit, and compute the hashes again", Word.EDITED, _DAMAGE, _rewrite),
    Exercise("delete a line", Word.MISSING, _DAMAGE, _delete),
    Exercise("cut off the end", Word.CUT, _DAMAGE, _truncate),
    Exercise("append another history", Word.FORKED, _DAMAGE, _fork),
    Exercise("put an old copy back", Word.CUT, _DAMAGE, _old_copy),
    Exercise("lose events on the way", Word.MISSING, _GAP, _lose),
    Exercise("silence the writer and the signer", Word.STALE, _SILENCE, _nothing, SILENCE_S),
)
