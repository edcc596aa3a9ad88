"""Servers that nobody changes: `wrap`."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from shipper.cli.commands import Commands
from shipper.errors import BadInput, Problem
from shipper.home import default_record
from shipper.wrap.options import Options

_LEVELS = ("basic", "standard", "enterprise")


def add_wrap(commands: Commands) -> None:
    """Add the command; its parser is made without those of the others, which take 15 ms."""
    what = "run a stdio MCP server and record what passes: wrap [options] -- COMMAND ..."
    wrap = commands.add("wrap", "wrapping:wrap", what)
    add_recording(wrap)


def add_recording(parser: argparse.ArgumentParser) -> None:
    """Add where and how to record. Each option has a variable, for configurations of clients."""
    given = os.environ
    parser.add_argument(
        "--directory",
        metavar="DIR",
        type=Path,
        default=Path(given.get("MCP_SHIPPER_DIRECTORY") or default_record()),
        help="where to record (default: $MCP_SHIPPER_DIRECTORY or %(default)s)",
    )
    parser.add_argument(
        "--level",
        choices=_LEVELS,
        default=given.get("MCP_SHIPPER_LEVEL") or "standard",
        help="how much to record (default: $MCP_SHIPPER_LEVEL or %(default)s)",
    )
    parser.add_argument(
        "--service",
        metavar="NAME",
        default=given.get("MCP_SHIPPER_SERVICE"),
        help="the service's name in each event (default: $MCP_SHIPPER_SERVICE)",
    )


def split_command(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The words before and after the first `--`: the latter are of the wrapped command."""
    if "--" not in words:
        return words, ()
    at = list(words).index("--")
    return words[:at], words[at + 1 :]


def wrap(arguments: argparse.Namespace) -> int:
    """Become the server, recorded by processes beside it."""
    from shipper.wrap.launch import launch

    if not arguments.words:
        raise BadInput([Problem("wrap", "name the server's command after --")])
    launch(arguments.words, options_of(arguments))


def options_of(arguments: argparse.Namespace) -> Options:
    """Where and how to record. Raises `BadInput`."""
    if arguments.level not in _LEVELS:  # a default is not checked
        raise BadInput([Problem("level", f"{arguments.level!r} is none of {', '.join(_LEVELS)}")])
    return Options(arguments.directory.absolute(), arguments.level, arguments.service)
