"""How fast `verify` checks a signed record in one process and in two, and its peak of memory.

The record has eight streams of equal size. Each round runs `verify` in a new process, first without
checkpoints (the chain alone), then with the signed trees.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.make_events import events as made_events
from bench.report import Column, Report, Row
from shipper.evidence.keys import create_key, signer_of_file
from shipper.evidence.sign import Rules, Signing
from shipper.evidence.store import Store
from shipper.record.format import Segment, parse_segment_start

_STREAMS = 8
_PROGRAM = """
import resource, sys, time
from shipper.cli import main
if __name__ == "__main__":
    before_s = time.monotonic()
    main(sys.argv[1:])
    own, others = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu_s = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
    peak = max(own.ru_maxrss, others.ru_maxrss) / 1024
    print(time.monotonic() - before_s, cpu_s, peak, file=sys.stderr)
"""
_SPEED, _PER_CPU, _MEMORY = "events/s", "events per CPU-second", "MiB"


def verifying(folder: Path, events: int, rounds: int) -> Report:
    """Verify the same record with and without checkpoints, in one and two processes."""
    audit, evidence = folder / "audit", folder / "evidence"
    make_record(audit, events)
    public = _sign(folder, audit, evidence)
    policy = folder / "policy"
    policy.write_text(f"log {public}\n", encoding="utf-8")
    signed = ("--evidence", str(evidence), "--policy", str(policy))
    chain = ("--evidence", str(folder / "none"))
    ways = {
        f"{name}, {jobs} process{'es' if jobs > 1 else ''}": (str(audit), "--jobs", str(jobs), *how)
        for name, how in (("chain", chain), ("signed trees", signed))
        for jobs in (1, 2)
    }
    took = {name: [_run(words, folder) for _ in range(rounds)] for name, words in ways.items()}
    columns = [Column(_SPEED, "{:,.0f}"), Column(_PER_CPU, "{:,.0f}"), Column(_MEMORY, "{:.0f}")]
    rows = [Row(name, dict(_figures(one, events))) for name, one in took.items()]
    return Report("verify", f"Verify {events:,} events of 1 KB", columns, rows, took)


def make_record(audit: Path, events: int) -> None:
    """Write eight streams of equal size, a segment each."""
    audit.mkdir()
    for seed in range(_STREAMS):
        lines = made_events(events // _STREAMS, seed, is_segment=True)
        first = next(lines)
        start = parse_segment_start(first.rstrip())
        assert start is not None
        with (audit / Segment(start.segment.stream, 1).file_name).open("wb") as file:
            file.write(first)
            file.writelines(lines)


def _sign(folder: Path, audit: Path, evidence: Path) -> str:
    public = create_key(folder / "key", "bench")
    signer = signer_of_file(folder / "key")
    signing = Signing(lambda: [audit], Store(evidence), signer, Rules())
    assert len(list(signing.tick(at_close=True))) >= _STREAMS
    return str(public)


def _run(words: tuple[str, ...], folder: Path) -> tuple[float, float, float]:
    """Seconds, CPU-seconds and MiB; starting Python is not in the seconds."""
    command = [sys.executable, "-c", _PROGRAM, "verify", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    assert len(done.stdout.splitlines()) == _STREAMS
    assert "edited" not in done.stdout
    seconds, cpu_s, peak = done.stderr.split()[-3:]
    return float(seconds), float(cpu_s), float(peak)


def _figures(runs: list[tuple[float, float, float]], events: int) -> Iterator[tuple[str, float]]:
    yield _SPEED, events / median(run[0] for run in runs)
    yield _PER_CPU, events / median(run[1] for run in runs)
    yield _MEMORY, max(run[2] for run in runs)
