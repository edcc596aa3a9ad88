"""Which faults make shippers lose, double or delay lines, as a Markdown table.

`python -m bench.faults`: each run has a new folder, a fault server in this process and a shipper as
a separate process. 5,000 lines are written in three seconds while the server, the file or the
shipper misbehaves.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.faults.scenarios import SCENARIOS, Run, Scenario
from bench.faults.shippers import SHIPPERS, Shipper, versions
from bench.make_events import events
from shipper.faults.bulk import BulkServer
from shipper.faults.ledger import Ledger, Report
from shipper.faults.script import BULK, Phase, compiled, parse

LINES = 5000

#: A shipper that has sent nothing for this time has given up: the longest delay of any is 120 s.
_GONE_S = 130
_LIMIT_S = 300
_QUIET_S = 3


class Watched(BulkServer):
    """Records when the server last received something."""

    heard = 0.0

    def next_phase(self, what: str) -> Phase:
        self.heard = time.monotonic()
        return super().next_phase(what)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shipper", help="only those whose name begins so")
    parser.add_argument("--scenario", help="only those whose name begins so")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=6, help="runs at the same time")
    options = parser.parse_args()
    shippers = [one for one in SHIPPERS if one.name.startswith(options.shipper or "")]
    scenarios = [one for one in SCENARIOS if one.name.startswith(options.scenario or "")]
    lines = list(events(LINES, seed=1))
    print(f"{versions()}; {LINES:,} lines, {options.rounds} rounds\n")
    print(f"| | {' | '.join(one.name for one in shippers)} |")
    print("|---|" + "---|" * len(shippers))
    with ThreadPoolExecutor(options.jobs) as pool:  # the runs mostly wait
        rows = [
            [
                [pool.submit(_run, one, row, lines) for _ in range(options.rounds)]
                for one in shippers
            ]
            for row in scenarios
        ]
        for scenario, cells in zip(scenarios, rows, strict=True):
            words = [_words([round_.result() for round_ in rounds]) for rounds in cells]
            print(f"| {scenario.name} | {' | '.join(words)} |")
            sys.stdout.flush()


@dataclass(frozen=True)
class Result:
    """The result of one run."""

    report: Report
    #: From the last line written to the last line accepted; None if none came after it.
    took_s: float | None
    set_aside: int


def _run(shipper: Shipper, scenario: Scenario, lines: Sequence[bytes]) -> Result:
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
        return Result(ledger.report(), took_s, shipper.set_aside(folder))


def _settle(server: Watched, ledger: Ledger) -> float | None:
    """Seconds from the last line written to the last line accepted; None if none came after it."""
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


def _words(rounds: Sequence[Result]) -> str:
    """One cell: the lowest and the highest of all rounds."""
    lost = _range([one.report.lost for one in rounds])
    said = [f"**{lost} missing**"] if lost else ["all"]
    if lost and any(one.took_s == _LIMIT_S for one in rounds):
        said = [f"{lost} missing and still sending after {_LIMIT_S} s"]
    for what, counts in {
        "doubled": [one.report.duplicated for one in rounds],
        "out of order": [one.report.out_of_order for one in rounds],
        "set aside": [one.set_aside for one in rounds],
        "s": [round(one.took_s) for one in rounds if one.took_s is not None],
    }.items():
        if counted := _range(counts):
            said.append(f"{counted} {what}")
    return ", ".join(said)


def _range(values: Sequence[int]) -> str:
    """Empty for zeros; otherwise one number, or the lowest and the highest."""
    low, high = min(values, default=0), max(values, default=0)
    return "" if not high else f"{high:,}" if low == high else f"{low:,} to {high:,}"


if __name__ == "__main__":
    main()
