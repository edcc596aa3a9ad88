"""What all built-in alerts cost for each event, over the sample month: `python -m bench.detection`.

CPU time of the best of several passes, in one thread, from a line to the end of its rules. The
lines of a batch are made just before, as the shipper makes them of a block; neither that nor the
journal, which is written once for each batch, is counted.
"""

import tempfile
import time
from pathlib import Path

from shipper.catalog.alerts import alerts
from shipper.detect.engine import Engine
from shipper.lines import Lines
from shipper.sample import write_sample

_PASSES = 7
_BATCH = 2048


def seconds_an_event(lines: list[bytes], names: list[str]) -> float:
    """CPU time of one event under these alerts."""
    best = float("inf")
    blocks = [Lines.of(lines[at : at + _BATCH]) for at in range(0, len(lines), _BATCH)]
    for _ in range(_PASSES):
        engine = Engine(alerts()[name] for name in names)
        took_s = 0.0
        for block in blocks:
            batch = [*block]
            begin_s = time.process_time()
            engine.take(batch)
            engine.settle()
            took_s += time.process_time() - begin_s
        best = min(best, took_s)
    return best / len(lines)


def main() -> None:
    """Print the cost of none, of each, and of all."""
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder), days=30, seed=1)
        paths = sorted(Path(folder).glob("*.jsonl"))
        lines = [line for path in paths for line in path.read_bytes().splitlines()]
    base_us = seconds_an_event(lines, []) * 1e6
    print(f"{len(lines)} events; none: {base_us:.2f} us an event")
    for name in alerts():
        print(f"{name}: +{seconds_an_event(lines, [name]) * 1e6 - base_us:.2f} us")
    print(f"all {len(alerts())}: {seconds_an_event(lines, [*alerts()]) * 1e6:.2f} us an event")


if __name__ == "__main__":
    main()
