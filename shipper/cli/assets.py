"""What Elasticsearch and Kibana need: installed, printed, written, checked."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from shipper.cli.commands import EX_CONFIG, EX_DATAERR, EX_FAILED, Commands, config_of
from shipper.cli.terminal import complain, say
from shipper.errors import BadInput, Problem

if TYPE_CHECKING:
    from shipper.assets import Step
    from shipper.config import Config
    from shipper.outputs.elasticsearch import ElasticsearchConfig


def add(commands: Commands) -> None:
    setup = commands.add("setup", _setup, "install what Elasticsearch and Kibana need")
    setup.add_argument("--dry-run", action="store_true", help="say what would be done")
    setup.add_argument("--remove", action="store_true", help="remove what setup installed")
    _add_exports(commands.group("export", "print what setup installs, without a server"))
    validate = commands.add("validate", _validate, "check asset files without a server")
    validate.add_argument("path", type=Path)


_EXPORTS = {
    "ilm-policy": ("ilm", "policies"),
    "component-template": ("ilm", "component_templates"),
    "template": ("ilm", "index_templates"),
    "pipeline": ("logstash", "pipelines"),
}


def _add_exports(exports: Commands) -> None:
    for what in _EXPORTS:
        one = exports.add(what, _export, f"print every {what}, or one by name")
        one.add_argument("name", nargs="?")
        one.set_defaults(what=what)
    files = exports.add("assets", _export_assets, "write the committed asset files")
    files.add_argument("directory", nargs="?", type=Path, default=Path())
    files.add_argument("--check", action="store_true", help="only say which are stale")


def _setup(arguments: argparse.Namespace) -> int:
    """Install in Elasticsearch and, where its address is known, in Kibana."""
    from shipper.assets import install, remove
    from shipper.outputs.elasticsearch import ElasticsearchConfig

    config = config_of(arguments)
    settings = config.outputs.get("elasticsearch")
    if not isinstance(settings, ElasticsearchConfig):
        complain("setup needs output.elasticsearch (or elasticsearch_url) in the configuration")
        return EX_CONFIG
    from shipper.outputs.elasticsearch_api import api_client  # half a second to import

    with api_client(settings) as client:
        steps = (
            remove(client, dry_run=arguments.dry_run)
            if arguments.remove
            else install(client, config.catalog, config.scope, dry_run=arguments.dry_run)
        )
        failed = _tell(steps)
    if config.kibana_url and not arguments.remove:
        failed += _tell(_kibana_steps(config, settings, dry_run=arguments.dry_run))
    return EX_FAILED if failed else 0


def _kibana_steps(
    config: "Config", settings: "ElasticsearchConfig", *, dry_run: bool
) -> "Iterator[Step]":
    """Kibana is asked with the credentials and the trust of Elasticsearch."""
    from shipper.assets.kibana import saved_objects
    from shipper.assets.kibana.install import install_kibana
    from shipper.outputs.elasticsearch_api import kibana_access

    headers, context = kibana_access(settings)
    objects = saved_objects(config.catalog, config.scope)
    assert config.kibana_url is not None
    return install_kibana(config.kibana_url, headers, objects, context=context, dry_run=dry_run)


def _tell(steps: "Iterable[Step]") -> int:
    """Print each step as it is done; how many failed."""
    from shipper.assets import Action

    failed = 0
    for step in steps:
        say(f"{step.action:<12}{step.kind:<20}{step.name}  {step.detail}".rstrip())
        failed += step.action is Action.FAILED
    return failed


def _export(arguments: argparse.Namespace) -> int:
    """Print what `setup` installs, all of a kind or one by name."""
    from shipper.assets import build

    config = config_of(arguments)
    files = build(config.catalog, config.scope)
    folder = _EXPORTS[arguments.what]
    chosen = {
        path: data
        for path, data in files.items()
        if path.parts[: len(folder)] == folder and arguments.name in {None, path.stem}
    }
    if not chosen:
        known = [p.stem for p in files if p.parts[:-1] == folder]
        complain(f"no {arguments.what} named {arguments.name!r}; known: {', '.join(known)}")
        return EX_FAILED
    for path, data in chosen.items():
        if len(chosen) > 1 and not path.name.endswith(".json"):
            sys.stdout.write(f"# {path}\n")
        sys.stdout.write(data.decode())
    return 0


def _export_assets(arguments: argparse.Namespace) -> int:
    """Write the committed assets, or with --check say which differ from the catalog."""
    from shipper.assets import stale, write
    from shipper.catalog import Scope, builtin

    if arguments.check:
        differences = stale(arguments.directory, builtin(), Scope())
        for difference in differences:
            say(difference)
        return EX_FAILED if differences else 0
    for path in write(arguments.directory, builtin(), Scope()):
        say(str(path))
    return 0


def _validate(arguments: argparse.Namespace) -> int:
    """Check asset files, ours or edited, without a server."""
    from shipper.assets.validate import validate

    if not arguments.path.exists():
        raise BadInput([Problem(str(arguments.path), "is not there")])
    problems = list(validate(arguments.path, config_of(arguments).catalog))
    for problem in problems:
        say(str(problem))
    return EX_DATAERR if problems else 0
