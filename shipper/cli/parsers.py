"""All commands except `run`, with their options, in the order in which help shows them."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from shipper.assets.install.parts import Part
from shipper.auto import arguments
from shipper.cli import proxying
from shipper.cli.commands import Commands


def add_others(commands: Commands) -> None:
    """Add the commands."""
    for add in (
        _add_auto,
        _add_proxy,
        _add_checks,
        _add_status,
        _add_replay,
        _add_import,
        _add_evidence,
        _add_keys,
        _add_persons,
        _add_setup,
        _add_assets,
        _add_events,
        _add_keystore,
        _add_faults,
    ):
        add(commands)


def _add_auto(commands: Commands) -> None:
    what = "start a Python MCP server so that its requests are recorded"
    arguments.add(commands.add("auto", "auto:auto", what))


def _add_proxy(commands: Commands) -> None:
    what = "record MCP servers over HTTP, as a reverse proxy"
    proxying.add_options(commands.add("proxy", "proxying:proxy", what))


def _add_checks(commands: Commands) -> None:
    test = commands.group("test", "check the configuration or the outputs")
    test.add("config", "checks:check_config", "check the configuration")
    test.add("output", "checks:check_outputs", "connect to each output without sending an event")
    what = "check for common mistakes, and print what to do"
    doctor = commands.add("doctor", "doctor:doctor", what)
    doctor.add_argument("--json", action="store_true", help="print JSON, one object per finding")
    commands.add("version", "running:version", "print the version")


def _add_status(commands: Commands) -> None:
    what = "show each output's state and how far it is behind"
    status = commands.add("status", "state:status", what)
    status.add_argument("--watch", action="store_true", help="repeat every second, until Ctrl-C")
    status.add_argument("--json", action="store_true", help="print JSON, one object per refresh")
    positions = "show every position, and the dead letters by reason"
    inspect = commands.add("inspect", "state:inspect", positions)
    inspect.add_argument("--output", metavar="NAME", help="only those of this output")
    inspect.add_argument("--json", action="store_true", help="print JSON, one object per line")


def _add_replay(commands: Commands) -> None:
    what = "send dead letters again, after the cause is fixed"
    replay = commands.add("replay", "dead_letters:replay", what)
    replay.add_argument("--output", metavar="NAME", help="only those of this output")
    replay.add_argument(
        "--reason",
        metavar="TEXT",
        default="",
        help="only those whose reason contains this text; * and ? are wildcards",
    )
    replay.add_argument("--dry-run", action="store_true", help="show what would be sent")


def _add_import(commands: Commands) -> None:
    what = "take over Filebeat's positions, so that nothing is sent twice"
    taken = commands.add("import-registry", "takeover:import_registry", what)
    folder = "its registry, usually /var/lib/filebeat/registry/filebeat"
    taken.add_argument("registry", metavar="FOLDER", type=Path, help=folder)
    taken.add_argument("--dry-run", action="store_true", help="only print what would be done")


_MOST_DAYS = 3650
_PARTS: Mapping[Part, str] = {
    Part.INDEX_MANAGEMENT: "only templates, policies and first indices",
    Part.PIPELINES: "only ingest pipelines",
    Part.KIBANA: "only the data view, searches and dashboards",
    Part.RULES: "only alerting and detection rules",
    Part.ROLES: "only roles; without this switch they are left alone",
}


def _add_setup(commands: Commands) -> None:
    setup = commands.add("setup", "setup:setup", "install what Elasticsearch and Kibana need")
    for part, text in _PARTS.items():
        setup.add_argument(f"--{part}", dest="parts", action="append_const", const=part, help=text)
    setup.add_argument("--space", metavar="ID", help="the space of Kibana; created if missing")
    setup.add_argument("--dry-run", action="store_true", help="only print what would be done")
    setup.add_argument("--remove", action="store_true", help="remove what setup installed")


#: The folder of the files of each kind of asset.
_ASSETS: Mapping[str, tuple[str, ...]] = {
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


def _add_assets(commands: Commands) -> None:
    exports = commands.group("export", "print what setup installs; needs no server")
    for kind, folder in _ASSETS.items():
        one = exports.add(kind, "assets:export", f"print every {kind}, or one by name")
        one.add_argument("name", nargs="?", help=f"print only this one (default: every {kind})")
        one.set_defaults(kind=kind, folder=folder)
    what = "print every alert as a Sigma rule, or one by name"
    sigma = exports.add("sigma", "sigma:export", what)
    sigma.add_argument("name", nargs="?", help="print only this one (default: every alert)")
    imports = commands.group("import", "convert rules of other tools for the configuration")
    what = "convert Sigma rules to rows for catalog.alerts"
    taken = imports.add("sigma", "sigma:take_in", what)
    taken.add_argument("files", nargs="+", metavar="FILE", type=Path, help="Sigma rules in YAML")
    what = "print the configuration in effect, without secrets"
    exports.add("config", "assets:export_config", what)
    files = exports.add("assets", "assets:export_assets", "write all assets as files")
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
    what = "copy checkpoints and tiles to a folder that can be published"
    tiles = exports.add("tiles", "evidence:export_all_tiles", what)
    tiles.add_argument("directory", type=Path, help="where to write them")
    _add_folder(tiles)
    validate = commands.add("validate", "assets:validate", "check asset files; needs no server")
    validate.add_argument("path", type=Path, help="a file, or a directory of files")


def _days(text: str) -> int:
    """A number of days that a sample can have: its events lie in the past, and fit on a disk."""
    days = int(text)
    if not 0 < days <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"expected 1 to {_MOST_DAYS}, found {text}")
    return days


def _add_events(commands: Commands) -> None:
    _add_redact(commands)
    commands.add("process", "process:process", "run one JSON operation from standard input")
    commands.add("serve", "process:serve", "answer JSON operations over HTTP, until stopped")
    what = "write realistic audit events to explore"
    sample = commands.add("sample", "samples:sample", what)
    sample.add_argument("directory", type=Path, help="where to write the segments")
    days = "how many days, ending now (default: %(default)s)"
    sample.add_argument("--days", type=_days, default=30, help=days)
    what = "record and ship the calls to a real MCP server"
    demo = commands.add("demo", "samples:demo", what)
    where = "where to put the recorded and the delivered files (default: %(default)s)"
    demo.add_argument("directory", nargs="?", type=Path, default=Path("demo-output"), help=where)
    demo.add_argument("--elasticsearch", metavar="URL", help="also ship to this Elasticsearch")
    demo.add_argument("--logstash", metavar="HOST:PORT", help="also ship to this Logstash")


def _add_redact(commands: Commands) -> None:
    what = "print a file with its secrets masked, or list them"
    redact = commands.add("redact", "redacting:redact", what)
    redact.add_argument("file", metavar="FILE", type=Path, help="JSON lines or text")
    redact.add_argument(
        "--check", action="store_true", help="print each masked place, its kind and why"
    )
    redact.add_argument(
        "--json", action="store_true", help="with --check: JSON, one object per place"
    )


def _add_keystore(commands: Commands) -> None:
    keystore = commands.group("keystore", "keep secrets for ${NAME} in the configuration")
    create = keystore.add("create", "keystore:create", "create an empty keystore")
    create.add_argument("--force", action="store_true", help="replace an existing keystore")
    what = "add a secret, from a prompt or standard input"
    adding = keystore.add("add", "keystore:add", what)
    adding.add_argument("name", help="its name, as in ${NAME}")
    adding.add_argument("--stdin", action="store_true", help="read standard input; do not prompt")
    adding.add_argument("--force", action="store_true", help="replace an existing secret")
    keystore.add("list", "keystore:list_names", "print the names of the secrets")
    removing = keystore.add("remove", "keystore:remove", "remove a secret")
    removing.add_argument("name", help="its name, as `list` prints it")


def _add_faults(commands: Commands) -> None:
    faults = commands.group("faults", "start servers that misbehave by script, to test any shipper")
    one = faults.add("lumberjack", "faults:lumberjack", "act as Logstash")
    _add_script(one, 5044)
    _add_ledger(one)
    one = faults.add("elasticsearch", "faults:elasticsearch", "act as Elasticsearch's bulk API")
    limit = "answer 413 to larger bodies (default: %(default)s)"
    one.add_argument("--max-body-bytes", type=int, default=100 << 20, help=limit)
    _add_script(one, 9200)
    _add_ledger(one)
    one = faults.add("proxy", "faults:proxy", "cut connections on the way to a real server")
    one.add_argument("--to", metavar="HOST:PORT", required=True, help="the real server")
    _add_script(one, 5045)
    faults.add("actions", "faults:actions", "print the actions that a script can use")


def _add_script(parser: argparse.ArgumentParser, port: int) -> None:
    address, listen = f"127.0.0.1:{port}", "address to listen on (default: %(default)s)"
    script = "what to do, such as '3x ok; reset at 1000; random 7'"
    pem = "file with certificate and key"
    parser.add_argument("--listen", metavar="HOST:PORT", default=address, help=listen)
    parser.add_argument("--script", default="ok", help=script)
    parser.add_argument("--for", dest="for_s", metavar="S", type=float, help="stop after S seconds")
    parser.add_argument("--pem", type=Path, help=f"{pem}: use TLS")
    parser.add_argument("--wrong-pem", type=Path, help=f"{pem} for the action wrong-certificate")


def _add_ledger(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--expect",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="the lines to expect: stop when they have arrived; exit with 1 if any was lost",
    )
    field = "field that identifies a line (default: %(default)s)"
    parser.add_argument("--field", default="event.id", help=field)
    parser.add_argument("--poison", metavar="PATTERN", help="always refuse lines that match this")


def _add_evidence(commands: Commands) -> None:
    what = "verify that a record is complete and unchanged"
    verify = commands.add("verify", "evidence:verify_paths", what)
    where = "segments, archives of them, or directories (default: those of the configuration)"
    verify.add_argument("paths", nargs="*", metavar="PATH", type=Path, help=where)
    _add_trust(verify)
    cluster = "verify the documents in the cluster of output.elasticsearch instead of files"
    verify.add_argument("--elasticsearch", action="store_true", help=cluster)
    index = "data streams, aliases or indices (default: %(default)s)"
    verify.add_argument("--index", metavar="PATTERN", default="logs-mcp.*", help=index)
    processes = "how many processes (default: %(default)s)"
    verify.add_argument("--jobs", metavar="N", type=int, default=1, help=processes)
    verify.add_argument("--json", action="store_true", help="print JSON, one object per stream")
    engine = "print SQL that verifies the record, for one that is too large for this command"
    verify.add_argument("--sql", metavar="ENGINE", choices=("duckdb",), help=f"{engine} (duckdb)")

    what = "compare the segments on disk with the documents in the cluster of output.elasticsearch"
    reconcile = commands.add("reconcile", "evidence:reconcile_paths", what)
    reconcile.add_argument("paths", nargs="*", metavar="PATH", type=Path, help=where)
    reconcile.add_argument("--index", metavar="PATTERN", default="logs-mcp.*", help=index)
    each = "print JSON, one object per stream"
    reconcile.add_argument("--json", action="store_true", help=each)
    _add_search(commands)
    _add_report(commands)
    what = "print a proof that an event was signed (C2SP tlog-proof)"
    prove = commands.add("prove", "evidence:prove_event", what)
    prove.add_argument("id", metavar="ID", help="its event.id")
    _add_folder(prove)
    what = "exercise tampering, loss and silence on a copy, and show which were noticed"
    drill = commands.add("drill", "drill:drill", what)
    drill.add_argument("paths", nargs="*", metavar="PATH", type=Path, help=where)
    drill.add_argument("--json", action="store_true", help="print JSON, one object per exercise")
    what = "delete old segments, with a signed statement"
    prune = commands.add("prune", "prune:prune", what)
    prune.add_argument("paths", nargs="*", metavar="PATH", type=Path, help=where)
    days = "delete segments whose last event is older than this"
    prune.add_argument("--older-than", metavar="DAYS", type=float, required=True, help=days)
    who = "the person or rule that allows it; kept in the record"
    prune.add_argument("--authority", metavar="TEXT", required=True, help=who)
    prune.add_argument("--dry-run", action="store_true", help="show what would be deleted")
    _add_trust(prune)


def _add_keys(commands: Commands) -> None:
    keys = commands.group("keys", "manage the keys that sign checkpoints")
    create = keys.add("create", "keys:create", "create a key, and a policy that names it")
    create.add_argument("file", metavar="FILE", type=Path, help="where to write the key")
    create.add_argument("--name", required=True, help="its name, such as orders.example.com")
    what = "replace a key; the policy keeps the old one"
    rotate = keys.add("rotate", "keys:rotate", what)
    rotate.add_argument("file", metavar="FILE", type=Path, help="the key to replace")
    rotate.add_argument("--name", help="the name of the new one (default: the old name)")
    what = "remove a key from the policy; its signatures no longer count"
    revoke = keys.add("revoke", "keys:revoke", what)
    revoke.add_argument("key", metavar="KEY", help="the public key, or its id of 8 digits")
    revoke.add_argument("--reason", default="", help="kept in the policy")
    what = "print the public keys of the policy, or of a key file"
    export = keys.add("export", "keys:export", what)
    export.add_argument("file", nargs="?", metavar="FILE", type=Path, help="a key file")
    for one in (create, rotate, revoke, export):
        _add_policy(one)
    what = "run a witness, which cosigns checkpoints that extend those before"
    witness = commands.add("witness", "witness:witness", what)
    witness.add_argument("folder", metavar="DIR", type=Path, help="what it has seen")
    witness.add_argument("--key", metavar="FILE", type=Path, required=True, help="its own key")
    logs = "the policy file with the keys of the logs"
    witness.add_argument("--policy", metavar="FILE", type=Path, required=True, help=logs)
    address = "where to listen (default: %(default)s)"
    witness.add_argument("--listen", metavar="HOST:PORT", default="localhost:7380", help=address)
    approve = commands.add("approve", "keys:approve", "sign a request that needs approval")
    approve.add_argument("files", nargs="+", metavar="FILE", type=Path, help="the requests")
    approve.add_argument("--key", metavar="FILE", type=Path, required=True, help="your key")


def _add_persons(commands: Commands) -> None:
    what = "destroy the key of a person, so that nobody can reveal the pseudonyms"
    forget = commands.add("forget", "persons:forget", what)
    forget.add_argument("subject", metavar="SUBJECT", help="the user.id, or what stands for it")
    what = "print the identifier behind a pseudonym"
    reveal = commands.add("reveal", "persons:reveal", what)
    reveal.add_argument("pseudonym", metavar="PSEUDONYM", help="as in the record: p_…, or fd70:…")
    who = "who allows it, or by which rule; kept in the record"
    for one in (forget, reveal):
        one.add_argument("--authority", metavar="TEXT", required=True, help=who)


def _add_search(commands: Commands) -> None:
    what = "print the events that match a query, one line each"
    search = commands.add("search", "search:search_events", what)
    text = "as in Kibana, such as 'user.id: bob and event.outcome: failure'; '' finds all"
    search.add_argument("query", metavar="QUERY", help=text)
    where = "segments, archives of them, or directories (default: those of the configuration)"
    search.add_argument("paths", nargs="*", metavar="PATH", type=Path, help=where)
    search.add_argument("--since", metavar="TIME", help="events from this time on (UTC)")
    search.add_argument("--until", metavar="TIME", help="events before this time (UTC)")
    search.add_argument("--limit", metavar="N", type=int, help="stop after N events")
    cluster = "search the cluster of output.elasticsearch instead of files"
    search.add_argument("--elasticsearch", action="store_true", help=cluster)
    index = "data streams, aliases or indices (default: %(default)s)"
    search.add_argument("--index", metavar="PATTERN", default="logs-mcp.*", help=index)


def _add_report(commands: Commands) -> None:
    what = "show which questions of a framework the record answers, with proofs"
    report = commands.add("report", "report:report", what)
    where = "segments, archives of them, or directories (default: those of the configuration)"
    report.add_argument("paths", nargs="*", metavar="PATH", type=Path, help=where)
    which = (
        "a framework of the catalog; may be repeated (default: those of the configuration, or all)"
    )
    report.add_argument("--framework", metavar="NAME", action="append", default=[], help=which)
    report.add_argument("--since", metavar="TIME", help="events from this time on (UTC)")
    report.add_argument("--until", metavar="TIME", help="events before this time (UTC)")
    seed = "decides which events are sampled (default: derived from the checkpoints)"
    report.add_argument("--seed", metavar="TEXT", help=seed)
    size = "events sampled for each query (default: %(default)s)"
    report.add_argument("--sample", metavar="N", type=int, default=25, help=size)
    folder = "also write a folder: HTML, JSON, samples, proofs, tiles, keys and checksums"
    report.add_argument("--output", metavar="DIR", type=Path, help=folder)
    report.add_argument("--json", action="store_true", help="print JSON instead of tables")
    cluster = "also ask the cluster of output.elasticsearch: counts, and retention in force"
    report.add_argument("--elasticsearch", action="store_true", help=cluster)
    index = "data streams, aliases or indices (default: %(default)s)"
    report.add_argument("--index", metavar="PATTERN", default="logs-mcp.*", help=index)
    processes = "how many processes verify (default: %(default)s)"
    report.add_argument("--jobs", metavar="N", type=int, default=1, help=processes)
    _add_trust(report)


def _add_trust(parser: argparse.ArgumentParser) -> None:
    _add_folder(parser)
    _add_policy(parser)


def _add_folder(parser: argparse.ArgumentParser) -> None:
    folder = "checkpoints and tiles (default: the folder evidence in path.data)"
    parser.add_argument("--evidence", metavar="DIR", type=Path, help=folder)


def _add_policy(parser: argparse.ArgumentParser) -> None:
    policy = "the keys that count (default: the file policy in that folder)"
    parser.add_argument("--policy", metavar="FILE", type=Path, help=policy)
