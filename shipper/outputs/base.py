"""What every output is: lines in, one outcome a line out.

An output moves bytes. It opens its connection lazily inside `send`, holds at most one, and is
used by one thread at a time. Whole-batch conditions are raised (`errors.DeliveryError`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol


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


@dataclass(frozen=True, slots=True)
class Rejected:
    """The destination will never take this line; it goes to the dead letters with the reason."""

    reason: str


Outcome = Verdict | Rejected


class Output(Protocol):
    """A destination."""

    def send(self, lines: Sequence[bytes]) -> Sequence[Outcome]:
        """Deliver `lines`, each one strict JSON object without its newline; one outcome a line."""
        ...

    def probe(self) -> str:
        """Prove that the destination answers, without sending an event; say what was proven."""
        ...

    def close(self) -> None:
        """Let go of the connection; the next `send` opens a new one."""
        ...
