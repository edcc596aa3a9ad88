"""The state and the counters of a pipeline, readable from any thread."""

from enum import Enum

from msgspec import Struct

from shipper.follow.account import Account


class State(Enum):
    """What a pipeline is doing."""

    STARTING = "starting"
    #: Every line that is there is settled.
    IDLE = "idle"
    DELIVERING = "delivering"
    #: The destination is unreachable or overloaded; trying again.
    UNAVAILABLE = "unavailable"
    #: A person must act: credentials, certificate, disk; trying again slowly.
    REFUSED = "refused"
    #: There is no room for more dead letters; waiting until there is.
    FULL = "full"
    STOPPED = "stopped"


#: States in which an output takes no lines.
TROUBLES = (State.UNAVAILABLE, State.REFUSED, State.FULL)


class Stats(Struct):
    """Counters since the start; written by the pipeline's thread alone."""

    state: State = State.STARTING
    #: Files being followed.
    files: int = 0
    #: How many of these are open, and how many were started and closed since the shipper's start.
    open_files: int = 0
    started: int = 0
    closed: int = 0
    #: Files left out because they are old or packed.
    left_out: int = 0
    #: Good lines read.
    read_lines: int = 0
    #: Bytes settled and committed, including bad and blank lines.
    read_bytes: int = 0
    batches: int = 0
    #: Lines that processors dropped.
    filtered: int = 0
    #: Lines that were cut and sent without their ends.
    truncated: int = 0
    #: Lines that the destination accepted, including `duplicates` and `diverted`.
    delivered: int = 0
    #: Lines that the destination already had.
    duplicates: int = 0
    #: Lines that the destination set aside.
    diverted: int = 0
    #: How many times a line was sent again.
    retried: int = 0
    #: Lines in the dead letters.
    rejected: int = 0
    #: Files that wait because the destination takes none of their lines, and why.
    held: int = 0
    held_reason: str = ""
    #: When the destination last accepted a line (time.monotonic).
    last_ack_monotonic: float | None = None
    #: Good lines that were read and are not settled.
    active: int = 0
    #: The account of all lines of the inputs that are settled, since the positions were made.
    account: Account = Account()
    #: The time (time.time) of the oldest line that is in a file and not acknowledged, by its own
    #: timestamp or its file's; None if every line is acknowledged.
    oldest_s: float | None = None
    #: Why the state is neither idle nor delivering; kept as the last reason afterwards.
    last_error: str = ""
