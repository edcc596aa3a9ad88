"""The request `add-checkpoint` of C2SP tlog-witness; no I/O, and no cryptography."""

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence

from msgspec import Struct

from shipper.wire.note import Note, parse_note
from shipper.wire.tlog import HASH_BYTES

SIZE_TYPE = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")
_MAX_PROOF = 63


class AddCheckpoint(Struct, frozen=True):
    """A checkpoint, and the proof that it extends the tree of `old` leaves."""

    old: int
    proof: Sequence[bytes]
    note: Note

    def __str__(self) -> str:
        lines = [f"old {self.old}", *(b64encode(one).decode() for one in self.proof), ""]
        return "\n".join([*lines, str(self.note)])


def parse_add_checkpoint(text: str) -> AddCheckpoint:
    """The request of that text; raises `ValueError` if it is not one."""
    head, found, note = text.partition("\n\n")
    old, *lines = head.split("\n")
    size = _OLD.fullmatch(old)
    if not found or not size or len(lines) > _MAX_PROOF:
        raise ValueError("expected the line `old SIZE`, proof lines, an empty line and a note")
    proof = [b64decode(line, validate=True) for line in lines]
    if any(len(one) != HASH_BYTES for one in proof):
        raise ValueError("a line of the proof is not a SHA-256")
    return AddCheckpoint(int(size[1]), proof, parse_note(note))
