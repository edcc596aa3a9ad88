"""The command line: one module for each family of commands, exit codes from sysexits.h.

A family imports what its commands need inside the functions, so that `run` starts without loading
what other commands need.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from shipper.cli import running
from shipper.cli.commands import (
    EX_CONFIG,
    EX_FAILED,
    EX_IOERR,
    EX_NOPERM,
    EX_UNAVAILABLE,
    Command,
    Commands,
)
from shipper.cli.terminal import warn
from shipper.errors import BadInput, DeliveryError, RegistryError, ShipperError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, which shows the kind of failure."""
    words = sys.argv[1:] if argv is None else argv
    arguments = _parser(words).parse_args(words)
    command: Command = arguments.command
    try:
        code = command(arguments)
        sys.stdout.flush()
    except BadInput as error:
        problems = (f"  {problem}" for problem in error.problems)
        warn("\n".join(["Cannot continue until this is fixed:", *problems]))
        return EX_CONFIG
    except ShipperError as error:
        warn(str(error))
        return _code(error)
    except PermissionError as error:
        warn(f"{error.filename}: {error.strerror}; run this as the shipper's user, or as root")
        return EX_NOPERM
    except BrokenPipeError:  # the reader closed the pipe, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EX_FAILED
    return code


def _code(error: ShipperError) -> int:
    if isinstance(error, RegistryError):
        return EX_IOERR
    return EX_UNAVAILABLE if isinstance(error, DeliveryError) else EX_FAILED


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser, commands = Commands.parser(
        "mcp-shipper", "Audit logging for MCP applications, native to the ELK stack."
    )
    running.add(commands)
    if words[:1] != ["run"]:  # the parsers of the others take 15 ms to make
        _add_others(commands)
    return parser


def _add_others(commands: Commands) -> None:
    """Add the other families, in the order in which help shows them."""
    from shipper.cli import assets, dead_letters, events, faults, keystore, setup, state

    for family in (state, dead_letters, setup, assets, events, keystore, faults):
        family.add(commands)
