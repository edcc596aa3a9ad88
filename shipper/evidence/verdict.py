"""The words of a verification, and where the first bad record is."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Word(StrEnum):
    """What became of a stream."""

    #: Signed to its end, and witnessed as the policy asks.
    INTACT = "intact"
    #: Signed to its end; the policy asks for no witness, or too few have signed.
    INTACT_UNWITNESSED = "intact-unwitnessed"
    #: The beginning was deleted under a signed statement; the rest is signed to its end.
    PRUNED = "pruned-by-policy"
    #: No change is found, but the end is not signed, so it may have been replaced.
    UNSIGNED_TAIL = "unsigned-tail"
    #: No change is found, but the last checkpoint is older than promised, and the stream is open.
    STALE = "stale"
    #: A line, or the history that was signed, was changed.
    EDITED = "edited"
    #: Lines are gone, and later ones are there.
    MISSING = "missing"
    #: All lines are there, in another order.
    REORDERED = "reordered"
    #: A line is there more than once.
    DUPLICATED = "duplicated"
    #: The end is gone.
    CUT = "cut"
    #: There are two histories.
    FORKED = "forked"
    #: A checkpoint is not signed by a key of the policy.
    WRONG_KEY = "wrong-key"


#: Everything that was promised is proven.
PROVEN = frozenset({Word.INTACT, Word.INTACT_UNWITNESSED, Word.PRUNED})
#: Nothing speaks against the record, and not all of it is proven.
UNPROVEN = frozenset({Word.UNSIGNED_TAIL, Word.STALE})


class Finding(Struct, frozen=True):
    """Why a stream has a word, and the first bad record."""

    word: Word
    why: str
    #: The file, and the number of the line in it, from 1.
    path: str | None = None
    line: int | None = None
    sequence: int | None = None


class Verdict(Struct, frozen=True, kw_only=True):
    """The result for one stream."""

    stream: str
    word: Word
    why: str
    path: str | None = None
    line: int | None = None
    sequence: int | None = None
    #: Events that are there.
    events: int = 0
    #: The sequence of the last one that a checkpoint covers.
    signed: int = 0
    #: Events that were deleted by policy before the first one.
    pruned: int = 0
    segments: int = 0
    checkpoints: int = 0
    #: When the last checkpoint was signed; None without one.
    signed_at: str | None = None
    #: The sequence of the last event with a time stamp, and its time; or why that is not valid.
    stamped: int = 0
    stamped_at: str | None = None
    stamp_fault: str | None = None
    #: Files that hold the same lines as others.
    copies: tuple[str, ...] = ()

    @property
    def event_id(self) -> str | None:
        """The id of the first bad event."""
        return f"{self.stream}-{self.sequence}" if self.sequence else None


def is_damaged(verdicts: Iterable[Verdict]) -> bool:
    """Whether anything speaks against the record."""
    return any(one.word not in PROVEN | UNPROVEN for one in verdicts)
