"""The commands `run` and `version`, which load as little as possible."""

import argparse
import gc

from shipper import __version__
from shipper.cli.terminal import say
from shipper.run.memory import keep_memory


def run(arguments: argparse.Namespace) -> int:
    """Ship the inputs to every output."""
    keep_memory()  # before the imports: the garbage collector need not search their objects
    from shipper.cli.configuration import config_of, config_path
    from shipper.run.supervise import supervise

    gc.freeze()  # spares them the collection at exit too, which takes 20 ms
    supervise(lambda: config_of(arguments), once=arguments.once, file=config_path(arguments))
    return 0


def version(_arguments: argparse.Namespace) -> int:
    """Print the version."""
    say(f"mcp-shipper {__version__}")
    return 0
