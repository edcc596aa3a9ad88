"""The command line of `mcp-shipper auto`, which is also that of `python -m shipper.auto`."""

import argparse

from shipper.auto.launch import run
from shipper.auto.settings import DIRECTORY, environment
from shipper.home import default_record


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and the command to start."""
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
    parser.add_argument(
        "line", metavar="command", nargs=argparse.REMAINDER, help="the server to start, after --"
    )


def start(given: argparse.Namespace) -> int:
    """Become the command; returns only if there is none. Raises as `run`."""
    line = given.line[1:] if given.line[:1] == ["--"] else given.line
    if not line:
        raise SystemExit("mcp-shipper auto: give the server to start, after --")
    about = environment(
        given.directory, given.level, given.frameworks, given.service, given.catalog
    )
    run(line, about)
