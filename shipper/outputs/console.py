"""Standard output, for eyes and for containers whose output somebody else collects."""

import sys
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from shipper.errors import Refused
from shipper.outputs.base import DELIVERED, Count, Lines, Outcome, OutputConfig


class ConsoleConfig(OutputConfig, Struct, frozen=True, kw_only=True):
    """How lines look."""

    #: Indented over several lines, for reading; otherwise the bytes as they came.
    pretty: bool = False
    #: Lines written at once.
    bulk_max_size: Count = 2048


class Console:
    """Writes to standard output as it is when the lines come."""

    def __init__(self, config: ConsoleConfig) -> None:
        self._pretty = config.pretty

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Write and flush `lines`."""
        data = lines.block
        if self._pretty:
            data = b"".join(msgspec.json.format(line, indent=2) + b"\n" for line in lines)
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as error:
            raise Refused(f"standard output: {error.strerror}") from error
        return [DELIVERED] * len(lines)

    def probe(self) -> str:
        """Standard output is there or it is not; nothing is written."""
        return "standard output"

    def close(self) -> None:
        """Standard output is not ours to close."""
