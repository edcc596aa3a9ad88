"""What a pipeline has done so far, readable from any thread."""

from enum import Enum

from msgspec import Struct


class State(Enum):
    """What a pipeline is doing."""

    STARTING = "starting"
    #: Everything that is there is settled.
    IDLE = "idle"
    DELIVERING = "delivering"
    #: The destination cannot be reached or is overloaded; trying again.
    UNAVAILABLE = "unavailable"
    #: A person must act: credentials, certificate, disk; trying again slowly.
    REFUSED = "refused"
    #: The dead letters are full; holding until there is room.
    FULL = "full"
    STOPPED = "stopped"


class Stats(Struct):
    """Counters since the start; written by the pipeline's thread alone."""

    state: State = State.STARTING
    #: Files being followed.
    files: int = 0
    #: Of these, files with an open handle; and how many were begun and let go since the start.
    open_files: int = 0
    started: int = 0
    closed: int = 0
    #: Files left out, being old or packed.
    left_out: int = 0
    #: Good lines read, and the bytes settled and committed, bad lines and blanks included.
    read_lines: int = 0
    read_bytes: int = 0
    batches: int = 0
    #: Lines that processors dropped.
    filtered: int = 0
    #: Lines that were sent without their ends.
    truncated: int = 0
    #: Lines the destination has taken, those it had already and those it put aside included.
    delivered: int = 0
    duplicates: int = 0
    diverted: int = 0
    #: Lines sent again, once for each time.
    retried: int = 0
    #: Lines in the dead letters.
    rejected: int = 0
    #: When the destination last took a line (time.monotonic).
    last_ack_monotonic: float | None = None
    #: Good lines that were read and are not settled.
    active: int = 0
    #: The time of the oldest line that is there and not acknowledged (time.time), as far as the
    #: line or its file tell it; None where there is none.
    oldest_s: float | None = None
    #: Why the state is not idle or delivering, or was not when it last changed.
    last_error: str = ""
