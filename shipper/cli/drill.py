"""The command that exercises tampering, loss and silence on a copy of the record."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec

from shipper.api.record import record_operation, recorded_in
from shipper.cli.commands import EX_FAILED
from shipper.cli.configuration import config_of
from shipper.cli.exercises import Result, exercised
from shipper.cli.terminal import say, warn


def drill(arguments: argparse.Namespace) -> int:
    """Print for each exercise whether it was noticed; 0 if all were."""
    config = config_of(arguments)
    paths: Sequence[Path] = arguments.paths or recorded_in(config)
    found = []
    for one in exercised(config, paths):
        found.append(one)
        say(_as_json(one) if arguments.json else _row(one))
    noticed = sum(one.is_noticed for one in found)
    record_operation(
        config, "drill", success=noticed == len(found), exercises=len(found), noticed=noticed
    )
    if off := sorted({one.alert for one in found if not one.is_on}):
        warn(f"not in security_monitoring.real_time_alerts, so not raised here: {', '.join(off)}")
    return 0 if noticed == len(found) else EX_FAILED


def _as_json(one: Result) -> str:
    return msgspec.json.encode({**msgspec.structs.asdict(one), "noticed": one.is_noticed}).decode()


def _row(one: Result) -> str:
    word = str(one.found) if one.found is one.expected else f"{one.found}, not {one.expected}"
    alert = f"{one.alert} {'fired' if one.fired else 'did not fire'}"
    return f"{'noticed' if one.is_noticed else 'MISSED':<8} {one.exercise}: {word}; {alert}"
