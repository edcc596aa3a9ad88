"""The command that starts a server so that it is recorded."""

import argparse

from shipper.auto.arguments import start


def auto(arguments: argparse.Namespace) -> int:
    """Become the given command; returns only by an exception."""
    return start(arguments)
