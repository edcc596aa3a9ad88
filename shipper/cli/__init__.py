"""The command line: a table of commands, and a module for each group of related commands.

A command is named as `module:function` in this package, and `main` imports its module only when it
runs. Thus each command, above all `run`, starts without loading what only others need.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

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
from shipper.cli.wrapping import add_wrap, split_command
from shipper.errors import (
    BadInput,
    DeliveryError,
    RegistryError,
    ShipperError,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, which shows the kind of failure."""
    words = sys.argv[1:] if argv is None else argv
    words, command = split_command(words)
    arguments = _parser(words).parse_args(words)
    arguments.words = command
    try:
        code = _command(arguments.command)(arguments)
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
    except OSError as error:
        warn(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return EX_IOERR
    return code


def _command(name: str) -> Command:
    module, _, function = name.partition(":")
    command: Command = getattr(import_module(f"shipper.cli.{module}"), function)
    return command


def _code(error: ShipperError) -> int:
    return next((code for kind, code in _CODES if isinstance(error, kind)), EX_FAILED)


_CODES: tuple[tuple[type[ShipperError], int], ...] = (
    (RegistryError, EX_IOERR),
    (DeliveryError, EX_UNAVAILABLE),
)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser, commands = Commands.parser(
        "mcp-shipper", "Audit logging for MCP applications, native to the ELK stack."
    )
    run = commands.add("run", "running:run", "ship the inputs to every output until stopped")
    run.add_argument("--once", action="store_true", help="ship what is there, then exit")
    if words[:1] == ["wrap"]:
        add_wrap(commands)
    elif words[:1] != ["run"]:  # the parsers of the others take 15 ms to make
        from shipper.cli.parsers import add_others

        add_wrap(commands)
        add_others(commands)
    return parser
