"""What lines state about events that the record does not hold, or not completely."""

import msgspec
from msgspec import Struct

from shipper.forms.search import has


class Counted(Struct):
    """What some lines state about events that they do not hold."""

    lost: int = 0
    suppressed: int = 0
    redacted: int = 0

    def add(self, other: "Counted") -> None:
        """Add what other lines state."""
        self.lost += other.lost
        self.suppressed += other.suppressed
        self.redacted += other.redacted


class _Redaction(Struct, frozen=True):
    count: int = 0


class _Compliance(Struct, frozen=True):
    records: int = 0


class _Mcp(Struct, frozen=True):
    redaction: _Redaction = _Redaction()
    compliance: _Compliance = _Compliance()


class _Line(Struct):
    mcp: _Mcp = _Mcp()


_decode = msgspec.json.Decoder(_Line).decode
_LOST, _SUPPRESSED = b'"audit-records-lost"', b'"audit-records-suppressed"'
_REDACTION = b'"redaction":{'
#: Few blocks hold one of these. C looks for the first two bytes: the rarer they are, the faster.
_MARKS = ((b"-records-", b'"audit-records-'), (b'edaction":{', _REDACTION))


def stated_in(block: bytes) -> Counted:
    """What complete lines state; raises `UNREADABLE` if one that states something is damaged."""
    counted = Counted()
    if not any(has(block, rare) and mark in block for rare, mark in _MARKS):
        return counted
    for line in block.split(b"\n")[:-1]:
        if _REDACTION in line:
            counted.redacted += _decode(line).mcp.redaction.count
        if _LOST in line:
            counted.lost += _decode(line).mcp.compliance.records
        if _SUPPRESSED in line:
            counted.suppressed += _decode(line).mcp.compliance.records
    return counted
