"""The command line: a module for each family of commands, exit codes by sysexits.h.

A family imports what its commands need within them: `run` starts in the time that it takes to
load what ships, and nothing else.
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
from shipper.cli.terminal import complain
from shipper.errors import BadInput, DeliveryError, RegistryError, ShipperError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code says what kind of thing went wrong."""
    words = sys.argv[1:] if argv is None else argv
    arguments = _parser(words).parse_args(words)
    command: Command = arguments.command
    try:
        code = command(arguments)
        sys.stdout.flush()
    except BadInput as error:
        complain("\n".join(["Cannot be used:", *(f"  {problem}" for problem in error.problems)]))
        return EX_CONFIG
    except ShipperError as error:
        complain(str(error))
        return _code(error)
    except PermissionError as error:
        complain(f"{error.filename}: {error.strerror}; run this as the shipper's user, or as root")
        return EX_NOPERM
    except BrokenPipeError:  # whoever reads has read enough, as `head` does
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
    if words[:1] != ["run"]:  # which does not wait for the parsers of all others: 15 ms
        _add_others(commands)
    return parser


def _add_others(commands: Commands) -> None:
    """The other families, in the order in which help shows them."""
    from shipper.cli import assets, events, faults, keystore, letters, setup, state

    for family in (state, letters, setup, assets, events, keystore, faults):
        family.add(commands)
