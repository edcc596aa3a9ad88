"""Commands that check whether shipping would work."""

import argparse

from shipper.cli.commands import EX_UNAVAILABLE
from shipper.cli.configuration import config_of
from shipper.cli.terminal import say
from shipper.follow.discover import nothing_named, unreadable
from shipper.run.risks import risks
from shipper.run.service import outputs_of, probe

_NO_OUTPUT = "output: none is configured, so `run` has nothing to ship to"


def check_config(arguments: argparse.Namespace) -> int:
    """Check the configuration without connecting to an output."""
    config = config_of(arguments)
    for output in outputs_of(config).values():
        output.close()
    no_output = [] if config.outputs else [_NO_OUTPUT]
    files = (*nothing_named(config.inputs), *unreadable(config.inputs))
    for note in (*config.notes, *risks(config), *no_output, *files):
        say(f"note: {note}")
    say(
        f"Config OK: inputs: {len(config.inputs)}, outputs: {', '.join(config.outputs) or 'none'}; "
        f"{len(config.scope.active(config.catalog))} event types are recorded"
    )
    return 0


def check_outputs(arguments: argparse.Namespace) -> int:
    """Connect to each output without sending an event."""
    code = 0
    for name, what, error in probe(config_of(arguments)):
        say(f"{name}: {'FAILED: ' if error else 'OK, '}{what}")
        code = EX_UNAVAILABLE if error else code
    return code
