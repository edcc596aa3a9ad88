"""What has been shipped and what has not."""

import argparse
import json
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from shipper.cli.commands import EX_FAILED, Commands, config_of
from shipper.cli.terminal import complain, say, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from shipper.config import Config

_WATCH_INTERVAL_S = 1.0


def add(commands: Commands) -> None:
    status = commands.add("status", _status, "how each output is, and how far behind")
    status.add_argument("--watch", action="store_true", help="again every second, until Ctrl-C")
    status.add_argument("--json", action="store_true", help="as JSON, an object a look")
    inspect = commands.add("inspect", _inspect, "every position, and the dead letters by reason")
    inspect.add_argument("--output", metavar="NAME", help="only those of this output")
    inspect.add_argument("--json", action="store_true", help="as JSON, an object a line")


def _status(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    if not arguments.watch:
        _look(config, as_json=arguments.json)
        return 0
    with suppress(KeyboardInterrupt):  # the way to end it
        _watch(config, as_json=arguments.json)
    return 0


def _look(config: "Config", *, as_json: bool) -> None:
    from shipper.cli.tables import status_view
    from shipper.run.status import output_status

    outputs = output_status(config)
    if as_json:
        _say_json({"outputs": [asdict(one) for one in outputs]})
    else:
        show(status_view(outputs) if outputs else "no output is configured")


def _watch(config: "Config", *, as_json: bool) -> None:
    from rich.console import Console
    from rich.live import Live

    if as_json:
        while True:
            _look(config, as_json=True)
            sys.stdout.flush()
            time.sleep(_WATCH_INTERVAL_S)
    look = _looker(config)
    with Live(look(), console=Console(), auto_refresh=False) as live:
        while True:
            time.sleep(_WATCH_INTERVAL_S)
            live.update(look(), refresh=True)


def _looker(config: "Config") -> "Callable[[], RenderableType]":
    """Gives a table at each call, with what has changed since the last one."""
    from shipper.cli.tables import Rates, status_view
    from shipper.run.status import output_status

    rates = Rates()

    def look() -> "RenderableType":
        outputs = output_status(config)
        return status_view(outputs, rates.since_last(outputs, time.monotonic()))

    return look


def _inspect(arguments: argparse.Namespace) -> int:
    from shipper.run.dead_letters import outputs_with_letters, piles
    from shipper.run.status import file_status

    config = config_of(arguments)
    wanted = arguments.output
    files = [row for row in file_status(config) if wanted in {None, row.output}]
    names = [name for name in outputs_with_letters(config) if wanted in {None, name}]
    letters = [pile for name in names for pile in piles(config, name, lambda _: True)]
    if arguments.json:
        for row in files:
            _say_json({"type": "position", **row.plain()})
        for pile in letters:
            _say_json({"type": "dead_letters", **asdict(pile)})
        return 0
    from shipper.cli.tables import letters_table, positions_table

    if not files and not letters and wanted not in {None, *config.outputs}:
        complain(f"{wanted}: no such output is configured, and none has positions here")
        return EX_FAILED
    show(positions_table(files) if files else f"nothing shipped yet under {config.data}")
    if letters:
        show(letters_table(letters, config.outputs))
    return 0


def _say_json(value: object) -> None:
    say(json.dumps(value))
