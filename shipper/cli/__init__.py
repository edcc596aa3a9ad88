"""The command line: a module for each family of commands, exit codes by sysexits.h.

A family imports what its commands need within them: `run` starts in the time that it takes to
load what ships, and nothing else.
"""

import argparse
from collections.abc import Sequence

from shipper.cli import assets, events, faults, keystore, letters, running, setup, state
from shipper.cli.commands import EX_CONFIG, EX_FAILED, EX_IOERR, EX_UNAVAILABLE, Command, Commands
from shipper.cli.terminal import complain
from shipper.errors import BadInput, DeliveryError, RegistryError, ShipperError

#: In the order in which help shows them.
FAMILIES = (running, state, letters, setup, assets, events, keystore, faults)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code says what kind of thing went wrong."""
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    try:
        return command(arguments)
    except BadInput as error:
        complain("\n".join(["Cannot be used:", *(f"  {problem}" for problem in error.problems)]))
        return EX_CONFIG
    except RegistryError as error:
        complain(str(error))
        return EX_IOERR
    except DeliveryError as error:
        complain(str(error))
        return EX_UNAVAILABLE
    except ShipperError as error:
        complain(str(error))
        return EX_FAILED


def _parser() -> argparse.ArgumentParser:
    parser, commands = Commands.parser(
        "mcp-shipper", "Audit logging for MCP applications, native to the ELK stack."
    )
    for family in FAMILIES:
        family.add(commands)
    return parser
