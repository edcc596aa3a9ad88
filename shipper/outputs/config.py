"""What the configurations of several outputs have in common."""

from typing import Annotated, Final

from msgspec import Struct

from shipper.bounds import Bounds, Span

#: One block as it is read: everything sent together is in memory twice.
BATCH_BYTES: Final = 1 << 20

#: With many connections; a batch is in memory as it was read, framed and compressed.
_MAX_BATCH_BYTES: Final = 16 << 20

#: Connections of one output; each costs a thread, and memory for its lines in flight.
MAX_LANES: Final = 64


#: Connections to a host.
Workers = Annotated[int, Bounds(1, MAX_LANES)]


class BackoffConfig(Struct, frozen=True, kw_only=True):
    """How long to wait before trying again: doubled from the first to the longest, with jitter."""

    init_s: Span = 1.0
    max_s: Span = 60.0


class OutputConfig:
    """What the pipeline reads from the configuration of every output."""

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
    """The same for an output with several connections, its lanes."""

    __slots__ = ()

    hosts: tuple[str, ...]
    loadbalance: bool
    workers: int

    @property
    def lanes(self) -> int:
        """How many connections are used at the same time."""
        return self.workers * (len(self.hosts) if self.loadbalance else 1)

    @property
    def parts(self) -> int:
        """How many requests are in flight at the same time, on all connections."""
        return self.lanes

    @property
    def batch_max_lines(self) -> int:
        return self.bulk_max_size * self.parts

    @property
    def batch_max_bytes(self) -> int:
        return min(BATCH_BYTES * self.parts, _MAX_BATCH_BYTES)
