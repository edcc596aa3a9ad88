"""What every output is: lines in, one outcome a line out.

Lines travel as one block of bytes, as they stand in the file: cutting them apart costs more than
checking them, and most destinations want them joined again.

An output moves bytes. It opens its connections lazily inside `send`, and is used by one thread at
a time; threads of its own end with `send`, or take no part in it. Whole-batch conditions are raised
(`errors.DeliveryError`).
"""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Final, Literal, Protocol

from msgspec import Struct

from shipper.bounds import Bounds, Span
from shipper.lines import Lines


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


#: Connections to a host.
Workers = Annotated[int, Bounds(1, MAX_LANES)]


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
