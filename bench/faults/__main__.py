"""What shippers lose, double and stall on: `python -m bench.faults`, a table in Markdown.

Each cell is a run of its own: a new folder, a fault server in this process, a shipper as a process,
5,000 lines written in three seconds while the server, the file or the shipper misbehaves.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.faults.scenarios import SCENARIOS, Run, Scenario
from bench.faults.shippers import SHIPPERS, Shipper, versions
from bench.make_events import events
from shipper.faults.bulk import BulkServer
from shipper.faults.ledger import Ledger, Report
from shipper.faults.script import BULK, Phase, compiled, parse

LINES = 5000

#: A shipper that has not come in so long will not come: the longest wait of any is 60 s.
_GONE_S = 70
_LIMIT_S = 180
_QUIET_S = 3


class Watched(BulkServer):
    """Knows when somebody was last heard."""

    heard = 0.0

    def next_phase(self, what: str) -> Phase:
        self.heard = time.monotonic()
        return super().next_phase(what)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shipper", help="only those whose name begins so")
    parser.add_argument("--scenario", help="only those whose name begins so")
    parser.add_argument("--jobs", type=int, default=6, help="cells at the same time")
    options = parser.parse_args()
    shippers = [one for one in SHIPPERS if one.name.startswith(options.shipper or "")]
    scenarios = [one for one in SCENARIOS if one.name.startswith(options.scenario or "")]
    lines = list(events(LINES, seed=1))
    print(f"{versions()}; {LINES:,} lines\n")
    print(f"| | {' | '.join(one.name for one in shippers)} |")
    print("|---|" + "---|" * len(shippers))
    with ThreadPoolExecutor(options.jobs) as pool:  # most of the time all of them wait
        rows = [[pool.submit(_cell, one, row, lines) for one in shippers] for row in scenarios]
        for scenario, cells in zip(scenarios, rows, strict=True):
            print(f"| {scenario.name} | {' | '.join(cell.result() for cell in cells)} |")
            sys.stdout.flush()


def _cell(shipper: Shipper, scenario: Scenario, lines: Sequence[bytes]) -> str:
    with tempfile.TemporaryDirectory(prefix="mcp-shipper-faults-") as name:
        folder = Path(name)
        expected = folder / "expected"
        expected.write_bytes(b"".join(lines))
        poison = compiled(scenario.poison) if scenario.poison else None
        ledger = Ledger("event.id", [expected], poison)
        server = Watched(
            parse(scenario.script, BULK),
            ledger.take,
            poison=poison,
            max_body_bytes=scenario.max_body_bytes,
        )
        with server:
            run = Run(folder, shipper.configure(folder, server.port), lines)
            run.start()
            try:
                scenario.act(run)
                took_s = _settle(server, ledger)
            finally:
                run.stop()
        return _words(ledger.report(), took_s, shipper.set_aside(folder))


def _settle(server: Watched, ledger: Ledger) -> float | None:
    """Seconds from the last line written to the last that was taken; None if no more come."""
    began = changed = time.monotonic()
    seen = ledger.acknowledged
    while (now := time.monotonic()) - began < _LIMIT_S:
        if ledger.acknowledged != seen:
            seen, changed = ledger.acknowledged, now
        if ledger.is_complete and now - changed > _QUIET_S:
            return changed - began
        if now - max(changed, server.heard) > _GONE_S:
            return None
        time.sleep(0.1)
    return _LIMIT_S


def _words(report: Report, took_s: float | None, set_aside: int) -> str:
    said = [f"**lost {report.lost:,}**"] if report.lost else ["all"]
    if report.lost and took_s:
        said = [f"still sending, {report.lost:,} missing"]
    said += [f"{report.duplicated:,} doubled"] if report.duplicated else []
    said += [f"{report.out_of_order:,} out of order"] if report.out_of_order else []
    said += [f"{set_aside:,} set aside"] if set_aside else []
    said += [f"{took_s:.0f} s"] if took_s is not None and took_s >= 1 else []
    return ", ".join(said)


if __name__ == "__main__":
    main()
