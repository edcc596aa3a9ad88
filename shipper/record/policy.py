"""When a segment is closed, and which crash a line survives."""

from enum import StrEnum

from msgspec import Struct

#: Small enough to ship and verify in one go.
MAX_SEGMENT_BYTES = 64 << 20
#: A segment covers a day at most.
MAX_SEGMENT_AGE_S = 86_400.0


class Durability(StrEnum):
    """Which crash a line survives once the log call has returned."""

    FLUSH = "flush"  # of the process: the line is in the page cache
    GROUP = "group"  # of the machine, except for the last interval: a thread calls fsync
    EACH = "each"  # of the machine: fsync before the call returns


class SegmentPolicy(Struct, frozen=True, kw_only=True):
    """When a segment is closed, and how safe its lines are."""

    #: The next line after this size opens a new segment.
    max_bytes: int = MAX_SEGMENT_BYTES
    #: So does the next line after this age.
    max_age_s: float = MAX_SEGMENT_AGE_S
    durability: Durability = Durability.FLUSH
    #: Interval of the fsync thread under `group`.
    group_interval_s: float = 0.1
    #: Only the application and the shipper read audit lines.
    mode: int = 0o600
