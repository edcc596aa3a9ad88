"""Commands that print, write and check what Elasticsearch, Logstash and Kibana need."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import PurePath

import yaml

from shipper.assets.generate.files import build, stale, write
from shipper.assets.validate import validate as problems_of
from shipper.cli.commands import EX_DATAERR, EX_FAILED
from shipper.cli.configuration import config_of
from shipper.cli.terminal import say, warn
from shipper.config.show import plain
from shipper.errors import BadInput, Problem


def export(arguments: argparse.Namespace) -> int:
    """Print what `setup` installs: every asset of a kind, or one by name."""
    config = config_of(arguments)
    folder = arguments.folder
    found = [
        (name, path, text)
        for path, data in build(config.catalog, config.scope).items()
        if path.parts[: len(folder)] == folder
        for name, text in _named(path, data.decode())
    ]
    chosen = [row for row in found if arguments.name in {None, row[0]}]
    if not chosen:
        known = ", ".join(name for name, *_ in found)
        warn(f"no {arguments.kind} named {arguments.name!r}; known: {known}")
        return EX_FAILED
    for _, path, text in chosen:
        if len(chosen) > 1 and path.suffix not in {".json", ".ndjson"}:
            sys.stdout.write(f"# {path}\n")
        sys.stdout.write(text)
    return 0


def _named(path: PurePath, text: str) -> Iterator[tuple[str, str]]:
    """The file under its name; for NDJSON, each object under its id."""
    if path.suffix != ".ndjson":
        yield path.stem, text
        return
    for line in text.splitlines(keepends=True):
        body = json.loads(line)
        yield body.get("id") or body["name"], line


def export_config(arguments: argparse.Namespace) -> int:
    """Print the configuration in effect: with defaults, without secrets."""
    say(yaml.safe_dump(plain(config_of(arguments)), sort_keys=False, allow_unicode=True).rstrip())
    return 0


def export_assets(arguments: argparse.Namespace) -> int:
    """Write the files for this configuration; with --check, list those that differ from it."""
    config = config_of(arguments)
    if arguments.check:
        differences = stale(arguments.directory, config.catalog, config.scope)
        for difference in differences:
            say(difference)
        return EX_FAILED if differences else 0
    for path in write(arguments.directory, config.catalog, config.scope):
        say(str(path))
    return 0


def validate(arguments: argparse.Namespace) -> int:
    """Check asset files, as generated or edited, without a server."""
    if not arguments.path.exists():
        raise BadInput([Problem(str(arguments.path), "does not exist")])
    config = config_of(arguments)
    problems = list(problems_of(arguments.path, config.catalog, config.scope))
    for problem in problems:
        say(str(problem))
    if not problems:
        say(f"{arguments.path}: no problem found")
    return EX_DATAERR if problems else 0
