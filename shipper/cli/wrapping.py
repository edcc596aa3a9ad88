"""Stdio servers in any language, recorded without a change: `wrap`."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from shipper.auto.settings import DIRECTORY, INSIDE, environment, options
from shipper.cli.commands import Commands
from shipper.errors import BadInput, Problem
from shipper.home import default_record
from shipper.wrap.options import Options


def add_wrap(commands: Commands) -> None:
    """Add the command; its parser is made without those of the others, which take 15 ms."""
    what = "run a stdio MCP server and record its traffic: wrap [options] -- COMMAND ..."
    parser = commands.add("wrap", "wrapping:wrap", what)
    add_record(parser)
    parser.add_argument(
        "--python",
        action="store_true",
        help="add a hook to a Python server, which sees the exceptions behind its errors",
    )


def add_record(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where and how a server is recorded that nobody changes."""
    where = f"where to write the segments (default: ${DIRECTORY} or {default_record()})"
    parser.add_argument("--directory", metavar="DIR", help=where)
    parser.add_argument("--level", help="the audit level (default: standard)")
    parser.add_argument(
        "--frameworks", metavar="NAMES", help="compliance frameworks, separated by commas"
    )
    parser.add_argument("--service", metavar="NAME", help="service.name of every event")
    parser.add_argument(
        "--catalog", metavar="FILE", help="event types, fields, payloads and secrets of your own"
    )


def split_command(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The words of `wrap` before and after the first `--`: the latter are the server's command."""
    if words[:1] != ["wrap"] or "--" not in words:
        return words, ()
    at = list(words).index("--")
    return words[:at], words[at + 1 :]


def wrap(arguments: argparse.Namespace) -> int:
    """Become the server, recorded by processes beside it."""
    from shipper.wrap.launch import launch

    if not arguments.words:
        raise BadInput([Problem("wrap", "name the server's command after --")])
    options = record_of(arguments)
    launch(arguments.words, options._replace(inside=_inside) if arguments.python else options)


def _inside(pipe: Path) -> dict[str, str]:
    """The variables of a server whose hook reports to this pipe."""
    from shipper.auto.launch import with_hook

    hooked = with_hook({**os.environ, INSIDE: str(pipe)})
    return {name: value for name, value in hooked.items() if os.environ.get(name) != value}


def record_of(given: argparse.Namespace) -> Options:
    """Where and how, by the options and the environment."""
    about = environment(
        given.directory, given.level, given.frameworks, given.service, given.catalog
    )
    known = {**os.environ, **about}
    return Options(Path(known.get(DIRECTORY) or default_record()).absolute(), options(known))
