"""The contract of every output: lines in, one outcome per line out.

Lines travel as one block of bytes, exactly as in the file: splitting them costs more than checking
them, and most destinations want them joined again.

An output moves bytes. It opens its connections lazily inside `send`, and is used by one thread at
a time; its own threads end with `send`, or deliver nothing after it. Conditions that affect all
lines of a batch are raised (`errors.DeliveryError`).
"""

from collections.abc import Sequence
from enum import Enum
from typing import Literal, Protocol

from msgspec import Struct

from shipper.lines import Lines


class _Plain(Enum):
    """The outcomes that need no reason."""

    DELIVERED = "delivered"
    #: Delivered before: the destination already holds it, under the same id.
    DUPLICATE = "duplicate"
    #: Delivered, but into a store for failures (Elasticsearch's failure store).
    DIVERTED = "diverted"
    #: Not now: send this line again.
    RETRY = "retry"


DELIVERED: Literal[_Plain.DELIVERED] = _Plain.DELIVERED
DUPLICATE: Literal[_Plain.DUPLICATE] = _Plain.DUPLICATE
DIVERTED: Literal[_Plain.DIVERTED] = _Plain.DIVERTED
RETRY: Literal[_Plain.RETRY] = _Plain.RETRY


class Rejected(Struct, frozen=True):
    """The destination will never take this line; it goes to the dead letters with the reason."""

    reason: str


class Failed(Struct, frozen=True):
    """The destination works, but failed on this line: send it again, until the line is to blame."""

    reason: str


class Held(Struct, frozen=True):
    """The destination takes no such line until a person acts, and the line is not to blame."""

    reason: str


#: What became of one line.
Outcome = _Plain | Rejected | Failed | Held


class Output(Protocol):
    """A destination."""

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Deliver `lines`; one outcome per line."""
        ...

    def probe(self) -> str:
        """Prove that the destination answers, without sending an event; describe the proof."""
        ...

    def close(self) -> None:
        """Close the connections; the next `send` opens new ones."""
        ...
