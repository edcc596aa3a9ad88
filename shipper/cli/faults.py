"""Commands that start fault servers, to test any shipper."""

import argparse
import sys

from shipper.cli.commands import EX_FAILED
from shipper.cli.terminal import say
from shipper.faults.bulk import POOL as BULK_POOL
from shipper.faults.bulk import BulkServer
from shipper.faults.ledger import Ledger
from shipper.faults.lumberjack import POOL as LUMBERJACK_POOL
from shipper.faults.lumberjack import LumberjackServer
from shipper.faults.proxy import POOL as PROXY_POOL
from shipper.faults.proxy import ProxyServer
from shipper.faults.script import BULK, LUMBERJACK, PROXY, compiled, parse
from shipper.faults.server import Place, Server, tls_of
from shipper.faults.watch import watch
from shipper.outputs.hosts import split_host


def lumberjack(arguments: argparse.Namespace) -> int:
    """Act as Logstash."""
    ledger, script = _ledger(arguments), parse(arguments.script, LUMBERJACK, LUMBERJACK_POOL)
    poison = compiled(arguments.poison) if arguments.poison else None
    place = _place(arguments)
    server = LumberjackServer(script, ledger.take, poison=poison, place=place, report=_report)
    return _watch(server, ledger, arguments.for_s)


def elasticsearch(arguments: argparse.Namespace) -> int:
    """Act as Elasticsearch's bulk API."""
    ledger, script = _ledger(arguments), parse(arguments.script, BULK, BULK_POOL)
    server = BulkServer(
        script,
        ledger.take,
        poison=compiled(arguments.poison) if arguments.poison else None,
        max_body_bytes=arguments.max_body_bytes,
        place=_place(arguments),
        report=_report,
    )
    return _watch(server, ledger, arguments.for_s)


def proxy(arguments: argparse.Namespace) -> int:
    """Cut connections on the way to a real server."""
    to = split_host(arguments.to, 0)
    script = parse(arguments.script, PROXY, PROXY_POOL)
    server = ProxyServer(script, to, place=_place(arguments), report=_report)
    watch(server, Ledger(""), arguments.for_s, _report)
    return 0


def actions(_arguments: argparse.Namespace) -> int:
    """Print the actions that a script can use."""
    tables = {"lumberjack": LUMBERJACK, "elasticsearch": BULK, "proxy": PROXY}
    for name, words in tables.items():
        say(f"{name}:")
        for usage, meaning in words.items():
            say(f"  {usage:<32}{meaning}")
    say("TIME is 200ms, 5s or 1m; SIZE is 1000, 64k or 1M; PART is 3 or 50%.")
    return 0


def _watch(server: Server, ledger: Ledger, for_s: float | None) -> int:
    report = watch(server, ledger, for_s, _report)
    for line in report.lines():
        say(line)
    return EX_FAILED if report.lost else 0


def _ledger(arguments: argparse.Namespace) -> Ledger:
    poison = compiled(arguments.poison) if arguments.poison else None
    return Ledger(arguments.field, arguments.expect, poison)


def _place(arguments: argparse.Namespace) -> Place:
    host, port = split_host(arguments.listen, 0)
    tls = tls_of(arguments.pem) if arguments.pem else None
    wrong = tls_of(arguments.wrong_pem) if arguments.wrong_pem else None
    return Place(host=host, port=port, tls=tls, wrong_tls=wrong)


def _report(what: str) -> None:
    say(what)
    sys.stdout.flush()  # a script may read "listening" from a pipe before it continues
