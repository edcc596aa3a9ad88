"""Events to look at: one by the JSON interface, a believable record, a demonstration."""

import argparse
import json
import sys
from pathlib import Path

from shipper.cli.commands import EX_FAILED, Commands, config_of
from shipper.cli.terminal import say


def add(commands: Commands) -> None:
    commands.add("process", _process, "one JSON operation from standard input")
    sample = commands.add("sample", _sample, "write a believable record to look at")
    sample.add_argument("directory", type=Path, help="where its segments go")
    sample.add_argument("--days", type=int, default=30, help="up to now (%(default)s)")
    demo = commands.add("demo", _demo, "a real MCP server and client, recorded and shipped")
    where = "of what is recorded and what arrives (%(default)s)"
    demo.add_argument("directory", nargs="?", type=Path, default=Path("demo-output"), help=where)
    demo.add_argument("--elasticsearch", metavar="URL", help="ship there as well")
    demo.add_argument("--logstash", metavar="HOST:PORT", help="ship there as well")


def _process(arguments: argparse.Namespace) -> int:
    """One JSON operation from standard input, its JSON answer to standard output."""
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
    """Write a believable record, for dashboards to be looked at."""
    from shipper.sample import write_sample

    count = write_sample(arguments.directory, days=arguments.days)
    say(f"{count} events of {arguments.days} days in {arguments.directory}")
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
