"""What the formats of others cost: the same events to a file with each codec."""

import statistics
from collections import defaultdict
from typing import get_args

from bench.processes import measured, shipper
from bench.report import Column, Report, Row
from bench.shipping import Job
from shipper.formats.codec import Codec


def formats(job: Job, rounds: int) -> Report:
    """The events of the job with each codec in turn."""
    found: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        for codec in get_args(Codec):
            home = job.folder / f"{number}-{codec}"
            output: dict[str, object] = {
                "file": {"path": str(home), "filename": "out", "codec": codec}
            }
            command = shipper(home, job.file, output)
            found[codec].append(job.events / measured([*command, "--once"]).cpu_s)
            for path in home.glob("out*.ndjson"):
                path.unlink()
    columns = (Column("events per CPU-second", "{:,.0f}"), Column("of json", "{:.2f}"))
    medians = {name: statistics.median(rounds) for name, rounds in found.items()}
    rows = [
        Row(name, {"events per CPU-second": one, "of json": one / medians["json"]})
        for name, one in medians.items()
    ]
    return Report("formats", "Formats, events to a file", columns, rows, dict(found))
