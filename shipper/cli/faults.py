"""Commands that start fault servers, to test any shipper."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from shipper.cli.commands import EX_FAILED, Commands
from shipper.cli.terminal import say

if TYPE_CHECKING:
    from shipper.faults.ledger import Ledger
    from shipper.faults.server import Place, Server


def add(commands: Commands) -> None:
    faults = commands.group("faults", "start servers that misbehave by script, to test any shipper")
    one = faults.add("lumberjack", _lumberjack, "act as Logstash")
    _add_script(one, 5044)
    _add_ledger(one)
    one = faults.add("elasticsearch", _elasticsearch, "act as Elasticsearch's bulk API")
    limit = "answer 413 to larger bodies (default: %(default)s)"
    one.add_argument("--max-body-bytes", type=int, default=100 << 20, help=limit)
    _add_script(one, 9200)
    _add_ledger(one)
    one = faults.add("proxy", _proxy, "cut connections on the way to a real server")
    one.add_argument("--to", metavar="HOST:PORT", required=True, help="the real server")
    _add_script(one, 5045)
    faults.add("actions", _actions, "print the actions that a script can use")


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


def _lumberjack(arguments: argparse.Namespace) -> int:
    from shipper.faults.lumberjack import POOL, LumberjackServer
    from shipper.faults.script import LUMBERJACK, compiled, parse

    ledger, script = _ledger(arguments), parse(arguments.script, LUMBERJACK, POOL)
    poison = compiled(arguments.poison) if arguments.poison else None
    place = _place(arguments)
    server = LumberjackServer(script, ledger.take, poison=poison, place=place, report=_report)
    return _watch(server, ledger, arguments.for_s)


def _elasticsearch(arguments: argparse.Namespace) -> int:
    from shipper.faults.bulk import POOL, BulkServer
    from shipper.faults.script import BULK, compiled, parse

    ledger, script = _ledger(arguments), parse(arguments.script, BULK, POOL)
    server = BulkServer(
        script,
        ledger.take,
        poison=compiled(arguments.poison) if arguments.poison else None,
        max_body_bytes=arguments.max_body_bytes,
        place=_place(arguments),
        report=_report,
    )
    return _watch(server, ledger, arguments.for_s)


def _proxy(arguments: argparse.Namespace) -> int:
    from shipper.faults.ledger import Ledger
    from shipper.faults.proxy import POOL, ProxyServer
    from shipper.faults.script import PROXY, parse
    from shipper.faults.watch import watch

    to = _split(arguments.to)
    script = parse(arguments.script, PROXY, POOL)
    server = ProxyServer(script, to, place=_place(arguments), report=_report)
    watch(server, Ledger(""), arguments.for_s, _report)
    return 0


def _actions(_arguments: argparse.Namespace) -> int:
    from shipper.faults.script import BULK, LUMBERJACK, PROXY

    tables = {"lumberjack": LUMBERJACK, "elasticsearch": BULK, "proxy": PROXY}
    for name, words in tables.items():
        say(f"{name}:")
        for usage, meaning in words.items():
            say(f"  {usage:<32}{meaning}")
    say("TIME is 200ms, 5s or 1m; SIZE is 1000, 64k or 1M; PART is 3 or 50%.")
    return 0


def _watch(server: "Server", ledger: "Ledger", for_s: float | None) -> int:
    from shipper.faults.watch import watch

    report = watch(server, ledger, for_s, _report)
    for line in report.lines():
        say(line)
    return EX_FAILED if report.lost else 0


def _ledger(arguments: argparse.Namespace) -> "Ledger":
    from shipper.faults.ledger import Ledger
    from shipper.faults.script import compiled

    poison = compiled(arguments.poison) if arguments.poison else None
    return Ledger(arguments.field, arguments.expect, poison)


def _place(arguments: argparse.Namespace) -> "Place":
    from shipper.faults.server import Place, tls_of

    host, port = _split(arguments.listen)
    tls = tls_of(arguments.pem) if arguments.pem else None
    wrong = tls_of(arguments.wrong_pem) if arguments.wrong_pem else None
    return Place(host=host, port=port, tls=tls, wrong_tls=wrong)


def _split(where: str) -> tuple[str, int]:
    from shipper.outputs.hosts import split_host

    return split_host(where, 0)


def _report(what: str) -> None:
    say(what)
    sys.stdout.flush()  # a script may read "listening" from a pipe before it continues
