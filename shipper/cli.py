"""The command line: one function a command, exit codes by sysexits.h."""

import argparse
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from shipper import assets
from shipper.catalog import Scope, builtin
from shipper.config import KEYSTORE_NAME, Config, from_mapping, keystore_of, load
from shipper.config.keystore import Keystore
from shipper.errors import BadInput, DeliveryError, Problem, RegistryError, ShipperError
from shipper.operations import process
from shipper.outputs.elasticsearch import ElasticsearchConfig
from shipper.service import probe, status
from shipper.supervise import supervise

#: Looked for, in this order, when no -c is given.
CONFIG_FILES = (Path("mcp-shipper.yml"), Path("/etc/mcp-shipper/mcp-shipper.yml"))

EX_FAILED = 1
EX_UNAVAILABLE = os.EX_UNAVAILABLE
EX_CONFIG = os.EX_CONFIG
EX_IOERR = os.EX_IOERR

out = Console()
err = Console(stderr=True)

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code says what kind of thing went wrong."""
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    try:
        return command(arguments)
    except BadInput as error:
        _complain("\n".join(f"  {problem}" for problem in error.problems), "Cannot be used:")
        return EX_CONFIG
    except RegistryError as error:
        _complain(str(error))
        return EX_IOERR
    except DeliveryError as error:
        _complain(str(error))
        return EX_UNAVAILABLE
    except ShipperError as error:
        _complain(str(error))
        return EX_FAILED


def _complain(what: str, heading: str = "") -> None:
    err.print(f"{heading}\n{what}" if heading else what, style="red", markup=False, soft_wrap=True)


def _config(arguments: argparse.Namespace) -> Config:
    """The configuration named by -c, else the first that is found, else the defaults."""
    named: Path | None = getattr(arguments, "config", None)
    if named:
        return load(named)
    found = _found()
    return load(found) if found else from_mapping({})


def _found() -> Path | None:
    return next((path for path in CONFIG_FILES if path.is_file()), None)


def _run(arguments: argparse.Namespace) -> int:
    supervise(lambda: _config(arguments), once=arguments.once)
    return 0


def _test_config(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    for note in config.notes:
        out.print(f"note: {note}", markup=False)
    out.print(
        f"Config OK: {len(config.inputs)} inputs, outputs: {', '.join(config.outputs) or 'none'}; "
        f"{len(config.scope.active(config.catalog))} event types are recorded"
    )
    return 0


def _test_output(arguments: argparse.Namespace) -> int:
    code = 0
    for name, what, is_good in probe(_config(arguments)):
        out.print(f"{name}: {'OK, ' if is_good else 'FAILED: '}{what}", markup=False)
        code = code if is_good else EX_UNAVAILABLE
    return code


def _setup(arguments: argparse.Namespace) -> int:
    """Install in Elasticsearch and, where its address is known, in Kibana."""
    config = _config(arguments)
    settings = config.outputs.get("elasticsearch")
    if not isinstance(settings, ElasticsearchConfig):
        _complain("setup needs output.elasticsearch (or elasticsearch_url) in the configuration")
        return EX_CONFIG
    from shipper.outputs.elasticsearch_api import api_client  # half a second to import

    with api_client(settings) as client:
        steps = (
            assets.remove(client, dry_run=arguments.dry_run)
            if arguments.remove
            else assets.install(client, config.catalog, config.scope, dry_run=arguments.dry_run)
        )
        failed = _tell(steps)
    if config.kibana_url and not arguments.remove:
        failed += _tell(_kibana_steps(config, settings, dry_run=arguments.dry_run))
    return EX_FAILED if failed else 0


def _kibana_steps(
    config: Config, settings: ElasticsearchConfig, *, dry_run: bool
) -> Iterator[assets.Step]:
    """Kibana is asked with the credentials and the trust of Elasticsearch."""
    from shipper.assets.kibana import saved_objects
    from shipper.assets.kibana.install import install_kibana
    from shipper.outputs.elasticsearch_api import kibana_access

    headers, context = kibana_access(settings)
    objects = saved_objects(config.catalog, config.scope)
    assert config.kibana_url is not None
    return install_kibana(config.kibana_url, headers, objects, context=context, dry_run=dry_run)


def _tell(steps: Iterable[assets.Step]) -> int:
    """Print each step as it is done; how many failed."""
    failed = 0
    for step in steps:
        line = f"{step.action:<12}{step.kind:<20}{step.name}  {step.detail}"
        out.print(line.rstrip(), markup=False, highlight=False, soft_wrap=True)
        failed += step.action is assets.Action.FAILED
    return failed


def _validate(arguments: argparse.Namespace) -> int:
    """Check asset files, ours or edited, without a server."""
    from shipper.assets.validate import validate

    if not arguments.path.exists():
        raise BadInput([Problem(str(arguments.path), "is not there")])
    problems = list(validate(arguments.path, _config(arguments).catalog))
    for problem in problems:
        out.print(str(problem), markup=False, highlight=False, soft_wrap=True)
    return os.EX_DATAERR if problems else 0


def _sample(arguments: argparse.Namespace) -> int:
    """Write a believable record, for dashboards to be looked at."""
    from shipper.sample import write_sample

    count = write_sample(arguments.directory, days=arguments.days)
    out.print(f"{count} events of {arguments.days} days in {arguments.directory}", markup=False)
    return 0


def _export(arguments: argparse.Namespace) -> int:
    """Print what `setup` installs, all of a kind or one by name."""
    config = _config(arguments)
    files = assets.build(config.catalog, config.scope)
    chosen = {
        path: data
        for path, data in files.items()
        if path.parts[: len(_EXPORTS[arguments.what])] == _EXPORTS[arguments.what]
        and arguments.name in {None, path.stem}
    }
    if not chosen:
        known = [p.stem for p in files if p.parts[:-1] == _EXPORTS[arguments.what]]
        _complain(f"no {arguments.what} named {arguments.name!r}; known: {', '.join(known)}")
        return EX_FAILED
    for path, data in chosen.items():
        if len(chosen) > 1 and not path.name.endswith(".json"):
            sys.stdout.write(f"# {path}\n")
        sys.stdout.write(data.decode())
    return 0


_EXPORTS = {
    "ilm-policy": ("ilm", "policies"),
    "component-template": ("ilm", "component_templates"),
    "template": ("ilm", "index_templates"),
    "pipeline": ("logstash", "pipelines"),
}


def _export_assets(arguments: argparse.Namespace) -> int:
    """Write the committed assets, or with --check say which differ from the catalog."""
    if arguments.check:
        differences = assets.stale(arguments.directory, builtin(), Scope())
        for difference in differences:
            out.print(difference, markup=False)
        return EX_FAILED if differences else 0
    for path in assets.write(arguments.directory, builtin(), Scope()):
        out.print(str(path), markup=False, highlight=False)
    return 0


def _status(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    table = Table("output", "file", "acknowledged", "size", "behind", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    rows = status(config)
    for row in rows:
        size = "gone" if row.size is None else f"{row.size:,}"
        table.add_row(row.output, row.path, f"{row.offset:,}", size, f"{row.behind:,}")
    out.print(table if rows else f"nothing shipped yet under {config.data}")
    return 0


def _process(arguments: argparse.Namespace) -> int:
    """One JSON operation from standard input, its JSON answer to standard output."""
    try:
        context = msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, object])
    except msgspec.MsgspecError as error:
        what = f"standard input is not a JSON object: {error}"
        answer: dict[str, object] = {"success": False, "operation": "unknown", "error": what}
    else:
        answer = process(context, _config(arguments))
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0 if answer["success"] else EX_FAILED


def _keystore(arguments: argparse.Namespace) -> Keystore:
    """The keystore of the configuration in use."""
    named: Path | None = getattr(arguments, "config", None) or _found()
    if named is None:
        return Keystore(from_mapping({}).data / KEYSTORE_NAME)
    return keystore_of(named.read_text(encoding="utf-8"), str(named), os.environ)


def _keystore_create(arguments: argparse.Namespace) -> int:
    keystore = _keystore(arguments)
    if keystore.path.exists() and not arguments.force:
        _complain(f"{keystore.path} exists; --force replaces it and its secrets")
        return EX_FAILED
    keystore.write({})
    out.print(f"created {keystore.path}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _keystore_add(arguments: argparse.Namespace) -> int:
    """The value comes from standard input: an argument would show in the list of processes."""
    keystore = _keystore(arguments)
    secrets = keystore.read()
    if arguments.name in secrets and not arguments.force:
        _complain(f"{arguments.name} is there already; --force replaces it")
        return EX_FAILED
    is_terminal = sys.stdin.isatty()
    value = getpass.getpass(f"{arguments.name}: ") if is_terminal else sys.stdin.read()
    keystore.write({**secrets, arguments.name: value.rstrip("\n")})
    return 0


def _keystore_list(arguments: argparse.Namespace) -> int:
    for name in sorted(_keystore(arguments).read()):
        out.print(name, markup=False, highlight=False)
    return 0


def _keystore_remove(arguments: argparse.Namespace) -> int:
    keystore = _keystore(arguments)
    secrets = keystore.read()
    if secrets.pop(arguments.name, None) is None:
        _complain(f"{arguments.name} is not in {keystore.path}")
        return EX_FAILED
    keystore.write(secrets)
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from shipper import demo

    return demo.run(
        arguments.directory,
        elasticsearch=arguments.elasticsearch,
        logstash=arguments.logstash,
        console=out,
    )


def _version(_arguments: argparse.Namespace) -> int:
    out.print(f"mcp-shipper {version('mcp-shipper')}", highlight=False)
    return 0


class _Commands:
    """Commands at one level; all of them take -c."""

    def __init__(self, parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
        self._common = common
        self._level = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(self, name: str, command: Command, text: str) -> argparse.ArgumentParser:
        made = self._level.add_parser(name, parents=[self._common], help=text, description=text)
        made.set_defaults(command=command)
        return made

    def group(self, name: str, text: str) -> "_Commands":
        """Commands below a command."""
        return _Commands(self._level.add_parser(name, help=text, description=text), self._common)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "-c",
        dest="config",
        metavar="FILE",
        type=Path,
        default=argparse.SUPPRESS,  # so that it may stand before or after the command's name
        help=f"configuration (default: {' or '.join(map(str, CONFIG_FILES))})",
    )
    parser = argparse.ArgumentParser(
        prog="mcp-shipper",
        parents=[common],
        description="Audit logging for MCP applications, native to the ELK stack.",
    )
    _add_commands(_Commands(parser, common))
    return parser


def _add_commands(commands: _Commands) -> None:
    run = commands.add("run", _run, "ship the inputs to every output until stopped")
    run.add_argument("--once", action="store_true", help="ship what is there, then end")
    setup = commands.add("setup", _setup, "install what Elasticsearch and Kibana need")
    setup.add_argument("--dry-run", action="store_true", help="say what would be done")
    setup.add_argument("--remove", action="store_true", help="remove what setup installed")
    test = commands.group("test", "check the configuration, or reach the outputs")
    test.add("config", _test_config, "check the configuration")
    test.add("output", _test_output, "reach each output without sending an event")
    _add_exports(commands.group("export", "print what setup installs, without a server"))
    validate = commands.add("validate", _validate, "check asset files without a server")
    validate.add_argument("path", type=Path)
    sample = commands.add("sample", _sample, "write a believable record to look at")
    sample.add_argument("directory", type=Path)
    sample.add_argument("--days", type=int, default=30)
    commands.add("status", _status, "how far each output is with each file")
    commands.add("process", _process, "one JSON operation from standard input")
    _add_keystore(commands.group("keystore", "secrets for ${NAME} in the configuration"))
    demo = commands.add("demo", _demo, "a real MCP server and client, recorded and shipped")
    demo.add_argument("directory", nargs="?", type=Path, default=Path("demo-output"))
    demo.add_argument("--elasticsearch", metavar="URL", help="ship there as well")
    demo.add_argument("--logstash", metavar="HOST:PORT", help="ship there as well")
    commands.add("version", _version, "print the version")


def _add_keystore(keystore: _Commands) -> None:
    create = keystore.add("create", _keystore_create, "make an empty keystore")
    create.add_argument("--force", action="store_true", help="replace one that is there")
    add = keystore.add("add", _keystore_add, "add a secret, its value from standard input")
    add.add_argument("name")
    add.add_argument("--force", action="store_true", help="replace one of that name")
    keystore.add("list", _keystore_list, "print the names")
    keystore.add("remove", _keystore_remove, "remove a secret").add_argument("name")


def _add_exports(exports: _Commands) -> None:
    for what in _EXPORTS:
        one = exports.add(what, _export, f"print every {what}, or one by name")
        one.add_argument("name", nargs="?")
        one.set_defaults(what=what)
    files = exports.add("assets", _export_assets, "write the committed asset files")
    files.add_argument("directory", nargs="?", type=Path, default=Path())
    files.add_argument("--check", action="store_true", help="only say which are stale")
