"""The command `doctor`."""

import argparse
import json
import sys

from msgspec.structs import asdict

from shipper.cli.configuration import config_of
from shipper.cli.terminal import say
from shipper.doctor.checkup import examine
from shipper.doctor.finding import Finding


def doctor(arguments: argparse.Namespace) -> int:
    """Print a line for each finding; the exit code is that of the first problem."""
    code = 0
    for one in examine(lambda: config_of(arguments)):
        say(json.dumps(asdict(one)) if arguments.json else _row(one))
        sys.stdout.flush()  # a server may keep the next one waiting
        code = code or one.code
    return code


def _row(one: Finding) -> str:
    fix = f"; to do: {one.fix}" if one.fix else ""
    return f"{one.grade:<8} {one.topic}: {one.what}{fix}"
