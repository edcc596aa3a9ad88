"""Commands that show what has been shipped and what has not."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import asdict
from rich.console import Console, RenderableType
from rich.live import Live

from shipper.cli.commands import EX_FAILED
from shipper.cli.configuration import config_of
from shipper.cli.tables import (
    Rates,
    dead_letters_table,
    positions_table,
    record_view,
    show,
    status_view,
)
from shipper.cli.terminal import say, warn
from shipper.config import Config
from shipper.run.dead_letters import dead_letter_groups, outputs_with_dead_letters
from shipper.run.status import file_status, output_status
from shipper.run.usage import Usage

_WATCH_INTERVAL_S = 1.0


def status(arguments: argparse.Namespace) -> int:
    """Show each output's state and how far it is behind."""
    config = config_of(arguments)
    if not arguments.watch:
        _show_status(config, as_json=arguments.json)
        return 0
    with suppress(KeyboardInterrupt):  # the way to end it
        _watch(config, as_json=arguments.json)
    return 0


def _show_status(config: Config, *, as_json: bool) -> None:
    outputs, measured = output_status(config), Usage(config).measure()
    if as_json:
        _say_json({"outputs": [one.plain() for one in outputs], "record": measured.plain()})
    else:
        show(status_view(outputs) if outputs else "no output is configured")
        show(record_view(measured))


def _watch(config: Config, *, as_json: bool) -> None:
    if as_json:
        while True:
            _show_status(config, as_json=True)
            sys.stdout.flush()
            time.sleep(_WATCH_INTERVAL_S)
    view = _status_with_rates(config)
    with Live(view(), console=Console(), auto_refresh=False) as live:
        while True:
            time.sleep(_WATCH_INTERVAL_S)
            live.update(view(), refresh=True)


def _status_with_rates(config: Config) -> Callable[[], RenderableType]:
    """A function that returns the current table, with the rates since its last call."""
    rates = Rates()

    def view() -> RenderableType:
        outputs = output_status(config)
        return status_view(outputs, rates.since_last(outputs, time.monotonic()))

    return view


def inspect(arguments: argparse.Namespace) -> int:
    """Show every position, and the dead letters by reason."""
    config = config_of(arguments)
    wanted = arguments.output
    files = [row for row in file_status(config) if wanted in {None, row.output}]
    names = [name for name in outputs_with_dead_letters(config) if wanted in {None, name}]
    dead_letters = [
        group for name in names for group in dead_letter_groups(config, name, lambda _: True)
    ]
    if arguments.json:
        for row in files:
            _say_json({"type": "position", **row.plain()})
        for group in dead_letters:
            _say_json({"type": "dead_letters", **asdict(group)})
        return 0
    if not files and not dead_letters and wanted not in {None, *config.outputs}:
        warn(f"{wanted}: this output is not configured, and it has no positions here")
        return EX_FAILED
    show(positions_table(files) if files else f"nothing shipped yet under {config.data}")
    if dead_letters:
        show(dead_letters_table(dead_letters, config.outputs))
    return 0


def _say_json(value: object) -> None:
    say(json.dumps(value))
