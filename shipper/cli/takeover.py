"""The command `import-registry`."""

import argparse

from shipper.cli.configuration import config_of
from shipper.cli.terminal import say
from shipper.run.takeover import take_over
from shipper.shown import shown


def import_registry(arguments: argparse.Namespace) -> int:
    """Take over Filebeat's positions, and print what becomes of each."""
    found, names = take_over(config_of(arguments), arguments.registry, is_dry=arguments.dry_run)
    for one in found.positions:
        say(f"{shown(one.path)}: from byte {one.offset}")
    for name in found.shorter:
        say(f"{name}: shorter than Filebeat's position; it is sent from its beginning")
    for source in found.missing:
        say(f"{shown(source)}: no input names this file now")
    done = "would be taken over" if arguments.dry_run else "taken over"
    say(f"{len(found.positions)} positions {done} for {', '.join(names) or 'no output'}")
    return 0
