"""Standard output, for reading and for containers whose output is collected."""

import sys
from collections.abc import Sequence

import msgspec

from shipper.errors import Refused
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, Outcome
from shipper.outputs.console.config import ConsoleConfig


class Console:
    """Writes to `sys.stdout`, looked up for each batch."""

    def __init__(self, config: ConsoleConfig) -> None:
        self._config = config

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Write and flush `lines`."""
        lines = self._config.encoded(lines)
        data = lines.block
        if self._config.is_indented:
            data = b"".join(msgspec.json.format(line, indent=2) + b"\n" for line in lines)
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as error:
            raise Refused(f"standard output: {error.strerror}") from error
        return [DELIVERED] * len(lines)

    def probe(self) -> str:
        """Standard output needs no proof; nothing is written."""
        return "standard output"

    def close(self) -> None:
        """Standard output stays open: it belongs to the process."""
