"""Commands that make events: the JSON interface, the sample month, the demo."""

import argparse
import json
import sys
from pathlib import Path

from shipper.cli.commands import EX_FAILED, Commands, config_of
from shipper.cli.terminal import say


def add(commands: Commands) -> None:
    commands.add("process", _process, "run one JSON operation from standard input")
    sample = commands.add("sample", _sample, "write realistic audit events to explore")
    sample.add_argument("directory", type=Path, help="where to write the segments")
    days = "how many days, ending now (default: %(default)s)"
    sample.add_argument("--days", type=int, default=30, help=days)
    demo = commands.add("demo", _demo, "record and ship the calls to a real MCP server")
    where = "where to put the recorded and the delivered files (default: %(default)s)"
    demo.add_argument("directory", nargs="?", type=Path, default=Path("demo-output"), help=where)
    demo.add_argument("--elasticsearch", metavar="URL", help="also ship to this Elasticsearch")
    demo.add_argument("--logstash", metavar="HOST:PORT", help="also ship to this Logstash")


def _process(arguments: argparse.Namespace) -> int:
    """Run one JSON operation from standard input; its JSON answer goes to standard output."""
    import msgspec

    from shipper.api.operations import process

    try:
        context = msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, object])
    except msgspec.MsgspecError as error:
        what = f"standard input is not a JSON object: {error}"
        answer: dict[str, object] = {"success": False, "operation": "unknown", "error": what}
    else:
        answer = process(context, config_of(arguments))
    say(json.dumps(answer))
    return 0 if answer["success"] else EX_FAILED


def _sample(arguments: argparse.Namespace) -> int:
    """Write realistic audit events for exploring dashboards."""
    from shipper.sample import write_sample

    count = write_sample(arguments.directory, days=arguments.days)
    say(f"wrote {count} events over {arguments.days} days to {arguments.directory}")
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from shipper import demo

    return demo.run(
        arguments.directory,
        elasticsearch=arguments.elasticsearch,
        logstash=arguments.logstash,
        console=Console(),
    )
