"""Ships a file with the real pipeline and prints what it cost, as one JSON line.

python -m bench.deliver FILE HOST:PORT [--output logstash|elasticsearch] [--compression-level N]

The CPU seconds are this process's own, from its very start: interpreter, imports, shipping.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

from shipper.deliver.discover import InputConfig
from shipper.deliver.pipeline import Pipeline, PipelineConfig
from shipper.memory import keep_memory
from shipper.outputs import OUTPUTS
from shipper.outputs.base import Output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("address")
    parser.add_argument("--output", choices=("logstash", "elasticsearch"), default="logstash")
    parser.add_argument("--compression-level", type=int, default=3)
    options = parser.parse_args()
    output = _output(options.output, options.address, options.compression_level)
    keep_memory()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mcp-shipper-bench-") as data_path:
        config = PipelineConfig(
            name=options.output,
            inputs=(InputConfig(paths=(str(options.file),)),),
            data_path=Path(data_path),
        )
        pipeline = Pipeline(config, output)
        pipeline.drain()
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = used.ru_utime + used.ru_stime
    figures = {
        "events": pipeline.stats.delivered,
        "cpu_s": round(cpu_s, 3),
        "wall_s": round(time.monotonic() - started, 3),
        "events_per_cpu_s": round(pipeline.stats.delivered / cpu_s),
        "rss_mib": round(used.ru_maxrss / 1024, 1),
    }
    print(json.dumps(figures))


def _output(kind: str, address: str, level: int) -> Output:
    row = OUTPUTS[kind]
    output: Output = row.create(row.config(hosts=(address,), compression_level=level))
    return output


if __name__ == "__main__":
    main()
