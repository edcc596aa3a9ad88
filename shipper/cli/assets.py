"""Commands that print, write and check what Elasticsearch, Logstash and Kibana need."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path, PurePath

from shipper.cli.commands import EX_DATAERR, EX_FAILED, Commands, config_of
from shipper.cli.terminal import say, warn
from shipper.errors import BadInput, Problem


def add(commands: Commands) -> None:
    _add_exports(commands.group("export", "print what setup installs; needs no server"))
    validate = commands.add("validate", _validate, "check asset files; needs no server")
    validate.add_argument("path", type=Path, help="a file, or a directory of files")


#: The folder whose files each kind prints.
_EXPORTS = {
    "ilm-policy": ("ilm", "policies"),
    "component-template": ("ilm", "component_templates"),
    "template": ("ilm", "index_templates"),
    "ingest-pipeline": ("ilm", "ingest_pipelines"),
    "overlay": ("ilm", "overlays"),
    "role": ("ilm", "security", "roles"),
    "api-key": ("ilm", "security", "api_keys"),
    "space": ("ilm", "security", "spaces"),
    "pipeline": ("logstash",),
    "dashboard": ("kibana", "saved_objects"),
    "rule": ("kibana", "rules"),
}


def _add_exports(exports: Commands) -> None:
    for what in _EXPORTS:
        one = exports.add(what, _export, f"print every {what}, or one by name")
        one.add_argument("name", nargs="?", help=f"print only this one (default: every {what})")
        one.set_defaults(what=what)
    exports.add("config", _export_config, "print the configuration in effect, without secrets")
    files = exports.add("assets", _export_assets, "write all assets as files")
    files.add_argument(
        "directory",
        nargs="?",
        type=Path,
        default=Path(),
        help="where to write them (default: the current directory)",
    )
    files.add_argument(
        "--check", action="store_true", help="write nothing; list the files that are out of date"
    )


def _export(arguments: argparse.Namespace) -> int:
    """Print what `setup` installs: every asset of a kind, or one by name."""
    from shipper.assets.generate.files import build

    config = config_of(arguments)
    folder = _EXPORTS[arguments.what]
    found = [
        (name, path, text)
        for path, data in build(config.catalog, config.scope).items()
        if path.parts[: len(folder)] == folder
        for name, text in _named(path, data.decode())
    ]
    chosen = [row for row in found if arguments.name in {None, row[0]}]
    if not chosen:
        known = ", ".join(name for name, *_ in found)
        warn(f"no {arguments.what} named {arguments.name!r}; known: {known}")
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


def _export_config(arguments: argparse.Namespace) -> int:
    """Print the configuration in effect: with defaults, without secrets."""
    import yaml

    from shipper.config.show import plain

    say(yaml.safe_dump(plain(config_of(arguments)), sort_keys=False, allow_unicode=True).rstrip())
    return 0


def _export_assets(arguments: argparse.Namespace) -> int:
    """Write the files for this configuration; with --check, list those that differ from it."""
    from shipper.assets.generate.files import stale, write

    config = config_of(arguments)
    if arguments.check:
        differences = stale(arguments.directory, config.catalog, config.scope)
        for difference in differences:
            say(difference)
        return EX_FAILED if differences else 0
    for path in write(arguments.directory, config.catalog, config.scope):
        say(str(path))
    return 0


def _validate(arguments: argparse.Namespace) -> int:
    """Check asset files, as generated or edited, without a server."""
    from shipper.assets.validate import validate

    if not arguments.path.exists():
        raise BadInput([Problem(str(arguments.path), "does not exist")])
    config = config_of(arguments)
    problems = list(validate(arguments.path, config.catalog, config.scope))
    for problem in problems:
        say(str(problem))
    if not problems:
        say(f"{arguments.path}: no problem found")
    return EX_DATAERR if problems else 0
