"""Fault servers to point any shipper at."""

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
    faults = commands.group("faults", "servers that misbehave by a script, to test any shipper")
    one = faults.add("lumberjack", _lumberjack, "as Logstash")
    _add_script(one, 5044)
    _add_ledger(one)
    one = faults.add("elasticsearch", _elasticsearch, "as Elasticsearch's bulk API")
    one.add_argument("--max-body-bytes", type=int, default=100 << 20, help="larger ones get 413")
    _add_script(one, 9200)
    _add_ledger(one)
    one = faults.add("proxy", _proxy, "cut connections on the way to a real server")
    one.add_argument("--to", metavar="HOST:PORT", required=True, help="the real server")
    _add_script(one, 5045)
    faults.add("actions", _actions, "print the words that scripts are made of")


def _add_script(parser: argparse.ArgumentParser, port: int) -> None:
    where = f"127.0.0.1:{port}"
    parser.add_argument("--listen", metavar="HOST:PORT", default=where, help="(%(default)s)")
    parser.add_argument("--script", default="ok", help="as '3x ok; reset at 1000; random 7'")
    parser.add_argument("--for", dest="for_s", metavar="S", type=float, help="end after so long")
    parser.add_argument("--pem", type=Path, help="certificate and key of the server: speak TLS")
    parser.add_argument("--wrong-pem", type=Path, help="those of the phase wrong-certificate")


def _add_ledger(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--expect",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="what is to arrive: end when it has, with 1 if anything was lost",
    )
    parser.add_argument("--field", default="event.id", help="tells lines apart (%(default)s)")
    parser.add_argument("--poison", metavar="PATTERN", help="lines that are never taken")


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
    say("TIME as 200ms, 5s or 1m; SIZE as 1000, 64k or 1M; PART as 3 or 50%.")
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
    sys.stdout.flush()  # whoever waits for "listening" may read from a pipe
