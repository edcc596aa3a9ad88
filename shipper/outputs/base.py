"""What every output is: lines in, one outcome a line out.

Lines travel as one block of bytes, as they stand in the file: cutting them apart costs more than
checking them, and most destinations want them joined again.

An output moves bytes. It opens its connections lazily inside `send`, and is used by one thread at
a time; threads of its own end with `send`, or take no part in it. Whole-batch conditions are raised
(`errors.DeliveryError`).
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import accumulate, repeat
from operator import add, itemgetter
from typing import Annotated, Final, Literal, Protocol, Self

from msgspec import Struct


class Lines(Struct, frozen=True):
    """Lines one after the other, each one strict JSON object followed by a newline."""

    block: bytes
    #: Where the newline of each line is.
    ends: Sequence[int]
    #: Whether each is known to begin with `{"`; if not, it has to be looked at.
    is_usual: bool = False

    @classmethod
    def of(cls, lines: Iterable[bytes]) -> Self:
        """Join lines that are apart."""
        pieces = tuple(lines)
        after = accumulate(map(add, map(len, pieces), repeat(1)))
        return cls(b"\n".join((*pieces, b"")), [position - 1 for position in after])

    @classmethod
    def joined(cls, parts: Sequence["Lines"]) -> Self:
        """The lines of all parts, in order."""
        ends: list[int] = []
        base = 0
        for part in parts:
            ends.extend(map(add, part.ends, repeat(base)))
            base += len(part.block)
        is_usual = all(part.is_usual for part in parts)
        return cls(b"".join(part.block for part in parts), ends, is_usual)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> bytes:
        return self.block[self.start(index) : self.ends[index]]

    def __iter__(self) -> Iterator[bytes]:
        return map(bytes, self.views())

    def start(self, index: int) -> int:
        """Where the line of that index begins in the block."""
        return self.ends[index - 1] + 1 if index else 0

    def starts(self) -> list[int]:
        """Where each line begins in the block."""
        starts = [0, *map(add, self.ends, repeat(1))]
        starts.pop()
        return starts

    def bytes_at(self, index: int) -> set[int]:
        """The different bytes that are at `index` of the lines, newlines included."""
        if not self.ends:
            return set()
        # One call fetches them all; naming the first twice makes it a tuple for a single line too.
        places = map(add, self.ends[:-1], repeat(index + 1))
        return set(itemgetter(index, index, *places)(self.block))

    def views(self, *, skip: int = 0, past: int = 0) -> list[memoryview]:
        """Each line, without a copy: from `skip` bytes after its start to `past` after its end."""
        # Views are small objects; bytes of a line's size would go through malloc, whose heap the
        # coming and going of blocks between them tears to pieces (80 MiB where 35 do).
        # Cut by a comprehension, which needs no new slice object for each as `map` does: half the
        # time.
        view, first, before = memoryview(self.block), skip + 1, -1
        return [view[before + first : (before := end) + past] for end in self.ends]

    def part(self, start: int, stop: int) -> "Lines":
        """The lines `start` to `stop`, without the latter."""
        base = self.start(start)
        ends = [end - base for end in self.ends[start:stop]]
        block = self.block[base : base + ends[-1] + 1] if ends else b""
        return Lines(block, ends, self.is_usual)


NO_LINES: Final = Lines(b"", ())


class Verdict(Enum):
    """What became of a line that the destination did not refuse."""

    DELIVERED = "delivered"
    #: Delivered before: the destination already holds it, under the same id.
    DUPLICATE = "duplicate"
    #: Delivered, but put aside by the destination (Elasticsearch's failure store).
    DIVERTED = "diverted"
    #: Not now: send this one again.
    RETRY = "retry"


DELIVERED: Literal[Verdict.DELIVERED] = Verdict.DELIVERED
DUPLICATE: Literal[Verdict.DUPLICATE] = Verdict.DUPLICATE
DIVERTED: Literal[Verdict.DIVERTED] = Verdict.DIVERTED
RETRY: Literal[Verdict.RETRY] = Verdict.RETRY


class Rejected(Struct, frozen=True):
    """The destination will never take this line; it goes to the dead letters with the reason."""

    reason: str


Outcome = Verdict | Rejected


#: A batch of one block, as it is read: what goes out at once is kept in memory twice.
BATCH_BYTES: Final = 1 << 20

#: With many connections; a batch is in memory as it was read, framed and compressed.
MAX_BATCH_BYTES: Final = 16 << 20


#: Connections of one output; each costs a thread, and memory for what it has under way.
MAX_LANES: Final = 64


class Bounds(Struct, frozen=True):
    """What a number of a configuration may be."""

    least: float
    most: float | None = None

    def __contains__(self, number: float) -> bool:
        return self.least <= number and (self.most is None or number <= self.most)

    def __str__(self) -> str:
        least, most = f"{self.least:g}", f"{self.most:g}" if self.most else ""
        return f"{least} to {most}" if most else f"{least} or more"


Count = Annotated[int, Bounds(1)]
Level = Annotated[int, Bounds(0, 9)]
#: Connections to a host.
Workers = Annotated[int, Bounds(1, MAX_LANES)]
#: At zero nothing would ever be in time, and what is tried again would be so at once.
Span = Annotated[float, Bounds(0.001)]

#: Marks what is no key of the section, but follows from others.
INNER: Final = "inner"


class BackoffConfig(Struct, frozen=True, kw_only=True):
    """How long to wait before trying again: doubled from the first to the longest, with jitter."""

    init_s: Span = 1.0
    max_s: Span = 60.0


class OutputConfig:
    """What every output's configuration says besides its own keys."""

    __slots__ = ()

    bulk_max_size: int

    @property
    def batch_max_lines(self) -> int:
        """How many lines `send` can use at once."""
        return self.bulk_max_size

    @property
    def batch_max_bytes(self) -> int:
        """How many bytes `send` can use at once."""
        return BATCH_BYTES

    @property
    def backoff(self) -> BackoffConfig:
        """How long to wait for the destination; a key of every output that has a connection."""
        return BackoffConfig()


class LanesConfig(OutputConfig):
    """The same of an output that has several connections, its lanes."""

    __slots__ = ()

    hosts: tuple[str, ...]
    loadbalance: bool
    workers: int

    @property
    def lanes(self) -> int:
        """Connections at once."""
        return self.workers * (len(self.hosts) if self.loadbalance else 1)

    @property
    def parts(self) -> int:
        """Requests under way at once, on all connections."""
        return self.lanes

    @property
    def batch_max_lines(self) -> int:
        return self.bulk_max_size * self.parts

    @property
    def batch_max_bytes(self) -> int:
        return min(BATCH_BYTES * self.parts, MAX_BATCH_BYTES)


class Output(Protocol):
    """A destination."""

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Deliver `lines`; one outcome a line."""
        ...

    def probe(self) -> str:
        """Prove that the destination answers, without sending an event; say what was proven."""
        ...

    def close(self) -> None:
        """Let go of the connection; the next `send` opens a new one."""
        ...
