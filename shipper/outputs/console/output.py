"""Standard output, for eyes and for containers whose output somebody else collects."""

import sys
from collections.abc import Sequence

import msgspec

from shipper.errors import Refused
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, Outcome
from shipper.outputs.console.config import ConsoleConfig


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
