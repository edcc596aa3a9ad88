"""Runs the command for each alert, with the event on its standard input.

Exit 0 means that the alert is dealt with, 75 that it is to be tried again, and anything else that
it never will be: it becomes a dead letter. Other lines count as delivered.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from shutil import which
from typing import Any

import msgspec

from shipper.errors import Refused, Unavailable
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, Outcome, Rejected
from shipper.outputs.command.config import CommandConfig
from shipper.outputs.raised import alerts_in
from shipper.shown import printable

#: As much of a program's complaint as a reason holds.
_MAX_REASON = 200


class Command:
    """One process at a time."""

    def __init__(self, config: CommandConfig) -> None:
        self._config = config
        self._name = Path(config.run[0]).name if config.run else ""

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Run the command for the alerts among the lines."""
        outcomes: list[Outcome] = [DELIVERED] * len(lines)
        for at, event in alerts_in(lines, self._config.severity):
            outcomes[at] = self._run(event)
        return outcomes

    def probe(self) -> str:
        """Find the program, without running it."""
        if not self._config.run or not which(self._config.run[0]):
            raise Refused(f"{self._name}: no such program; check output.command.run")
        return f"{self._name} can be run"

    def close(self) -> None:
        """Nothing stays open."""

    def _run(self, event: dict[str, Any]) -> Outcome:
        self.probe()
        threat = event["mcp"]["threat"]["rule"]
        environment = {**os.environ, "MCP_ALERT": threat, "MCP_ALERT_ID": event["event"]["id"]}
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own command
                self._config.run,
                input=msgspec.json.encode(event),
                env=environment,
                timeout=self._config.timeout_s,
                capture_output=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(
                f"{self._name}: not finished after {self._config.timeout_s:g} s"
            ) from error
        except OSError as error:
            raise Refused(f"{self._name}: {error.strerror}; check output.command.run") from error
        if done.returncode == 0:
            return DELIVERED
        complaint = printable(done.stderr[-_MAX_REASON:].decode(errors="replace").strip())
        reason = f"{self._name}: exit {done.returncode} {complaint}".strip()
        if done.returncode == os.EX_TEMPFAIL:
            raise Unavailable(reason)
        return Rejected(reason)
