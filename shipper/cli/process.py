"""The command for programs that speak JSON instead of Python."""

import argparse
import json
import sys

import msgspec

from shipper.api import operations
from shipper.cli.commands import EX_FAILED
from shipper.cli.configuration import config_of
from shipper.cli.terminal import say
from shipper.errors import ConfigError, Problem


def serve(arguments: argparse.Namespace) -> int:
    """Answer operations over HTTP."""
    try:
        from shipper.api.http.serve import serve as serve_http
    except ImportError as error:
        what = f"a library is missing ({error}); pip install 'mcp-shipper[api]'"
        raise ConfigError([Problem("api", what)]) from error
    serve_http(config_of(arguments))
    return 0


def process(arguments: argparse.Namespace) -> int:
    """Run one JSON operation from standard input; its JSON answer goes to standard output."""
    try:
        context = msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError) as error:
        what = f"standard input is not a JSON object: {error}"
        answer: dict[str, object] = {"success": False, "operation": "unknown", "error": what}
    else:
        answer = operations.process(context, config_of(arguments))
    say(json.dumps(answer))
    return 0 if answer["success"] else EX_FAILED
