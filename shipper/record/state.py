"""What the files of a stream hold, before and after a line is written."""

from msgspec import Struct

from shipper.record.seal import GENESIS
from shipper.record.segment import OpenSegment


class State(Struct, frozen=True, gc=False):
    """What the files hold: replaced as one, so that no signal comes in between."""

    sequence: int = 0
    head: bytes = GENESIS
    #: Events.
    written: int = 0
    #: Lost events that a line states.
    stated: int = 0


class Pending(Struct, frozen=True):
    """A line that may be in its file or not, and what is true if it is."""

    segment: OpenSegment
    end: int
    after: State
