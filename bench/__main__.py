"""Everything side by side, in rounds on the same machine: `make bench`.

Shipping: our pipeline and the reference loops on Elastic's client library, same file, same sink.
Recording: our handler and ecs-logging's formatter with a FileHandler, same events.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.real.golang import go_program
from tests.real.lumberjack import LumberjackSink

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="mcp-shipper-bench-") as folder:
        file = Path(folder) / "events.ndjson"
        maker = [sys.executable, "-m", "bench.make_events", str(options.events), str(file)]
        subprocess.run(maker, check=True)
        size = file.stat().st_size / options.events
        console.print(f"{options.events:,} events of {size:.0f} bytes, {options.rounds} rounds\n")
        for level in (0, 3):
            console.print(_shipping(file, level, options.rounds))
    subprocess.run([sys.executable, "-m", "bench.handler"], check=True)


def _shipping(file: Path, level: int, rounds: int) -> Table:
    """Events per CPU-second of the shipping process alone, and its memory: medians."""
    loops = str(go_program(HERE / "peers"))
    with LumberjackSink(keep=False) as sink:
        common = ["-compression", str(level), "-file", str(file), "-address", sink.address]
        ours = [sys.executable, "-m", "bench.deliver", str(file), sink.address]
        commands = {
            "mcp-shipper": [*ours, "--compression-level", str(level)],
            "raw loop": [loops, "-mode", "raw", *common],
            "decoding loop": [loops, "-mode", "decode", *common],
        }
        figures = defaultdict(list)
        for _ in range(rounds):  # in turn, so that a slow moment of the machine hits them all
            for name, command in commands.items():
                figures[name].append(_measured(command))
    return _table(f"to Lumberjack, compression {level}", figures)


def _measured(command: list[str]) -> tuple[float, float]:
    """Events per CPU-second, and MiB resident at most."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    said = json.loads(done.stdout.splitlines()[-1])
    memory_mib = said["rss_mib"] if "rss_mib" in said else said["max_rss_kib"] / 1024
    return said["events"] / said["cpu_s"], memory_mib


def _table(title: str, figures: dict[str, list[tuple[float, float]]]) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("")
    for heading in ("events per CPU-second", "lowest to highest", "ours / it", "MiB"):
        table.add_column(heading, justify="right")
    ours = statistics.median(rate for rate, _ in figures["mcp-shipper"])
    for name, rounds in figures.items():
        rates = sorted(rate for rate, _ in rounds)
        median = statistics.median(rates)
        table.add_row(
            name,
            f"{median:,.0f}",
            f"{rates[0]:,.0f} to {rates[-1]:,.0f}",
            "" if name == "mcp-shipper" else f"{ours / median:.2f}",
            f"{max(memory for _, memory in rounds):.0f}",
        )
    return table


if __name__ == "__main__":
    main()
