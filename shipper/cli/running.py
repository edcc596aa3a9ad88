"""Commands that ship, and that check in advance whether shipping would work."""

import argparse
import gc

from shipper import __version__
from shipper.cli.commands import EX_UNAVAILABLE, Commands, config_of
from shipper.cli.terminal import say
from shipper.run.memory import keep_memory


def add(commands: Commands) -> None:
    run = commands.add("run", _run, "ship the inputs to every output until stopped")
    run.add_argument("--once", action="store_true", help="ship what is there, then exit")
    test = commands.group("test", "check the configuration or the outputs")
    test.add("config", _test_config, "check the configuration")
    test.add("output", _test_output, "connect to each output without sending an event")
    commands.add("version", _version, "print the version")


def _run(arguments: argparse.Namespace) -> int:
    keep_memory()  # before the imports: the garbage collector need not search their objects
    from shipper.run.supervise import supervise

    gc.freeze()  # spares them the collection at exit too, which takes 20 ms
    supervise(lambda: config_of(arguments), once=arguments.once)
    return 0


def _test_config(arguments: argparse.Namespace) -> int:
    from shipper.follow.discover import nothing_named
    from shipper.run.service import outputs_of

    config = config_of(arguments)
    for output in outputs_of(config).values():
        output.close()
    no_output = [] if config.outputs else [_NO_OUTPUT]
    for note in (*config.notes, *no_output, *nothing_named(config.inputs)):
        say(f"note: {note}")
    say(
        f"Config OK: {len(config.inputs)} inputs, outputs: {', '.join(config.outputs) or 'none'}; "
        f"{len(config.scope.active(config.catalog))} event types are recorded"
    )
    return 0


_NO_OUTPUT = "output: none is configured, so `run` has nothing to ship to"


def _test_output(arguments: argparse.Namespace) -> int:
    from shipper.run.service import probe

    code = 0
    for name, what, is_good in probe(config_of(arguments)):
        say(f"{name}: {'OK, ' if is_good else 'FAILED: '}{what}")
        code = code if is_good else EX_UNAVAILABLE
    return code


def _version(_arguments: argparse.Namespace) -> int:
    say(f"mcp-shipper {__version__}")
    return 0
