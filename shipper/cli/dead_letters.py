"""The command that sends dead letters again."""

import argparse
import re
from collections.abc import Iterable

from shipper.cli.commands import EX_CONFIG, EX_DATAERR, EX_UNAVAILABLE
from shipper.cli.configuration import config_of
from shipper.cli.tables import dead_letters_table, show
from shipper.cli.terminal import say, warn
from shipper.config import Config
from shipper.run import dead_letters as stored
from shipper.run.dead_letters import ReplayResult, Wanted


def replay(arguments: argparse.Namespace) -> int:
    """Send dead letters again, or show them with --dry-run."""
    config = config_of(arguments)
    names = [arguments.output] if arguments.output else stored.outputs_with_dead_letters(config)
    wanted = _wanted(arguments.reason)
    if arguments.dry_run:
        return _show(config, names, wanted)
    code = _send(config, [name for name in names if name in config.outputs], wanted)
    unknown = [name for name in names if name not in config.outputs]
    for name in unknown:
        warn(f"{name}: this output is not configured; its dead letters are kept")
    return EX_CONFIG if unknown else code


def _wanted(text: str) -> Wanted:
    pattern = re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
    return lambda dead_letter: pattern.search(dead_letter.reason) is not None


def _show(config: Config, names: Iterable[str], wanted: Wanted) -> int:
    found = [group for name in names for group in stored.dead_letter_groups(config, name, wanted)]
    if not found:
        say("no dead letters")
        return 0
    show(dead_letters_table(found, config.outputs))
    return 0


def _send(config: Config, names: Iterable[str], wanted: Wanted) -> int:
    done = [stored.replay(config, name, wanted) for name in names]
    for one in done:
        _report(one)
    if not done:
        say("no dead letters to send")
    if any(one.error for one in done):
        return EX_UNAVAILABLE
    return EX_DATAERR if any(one.refused for one in done) else 0


def _report(done: ReplayResult) -> None:
    kept = done.kept
    counts = {
        "refused again": done.refused,
        "kept (not selected)": kept.unwanted,
        "kept (incomplete: only the beginning of the line was saved)": kept.excerpts,
        "kept (unreadable)": kept.unreadable,
    }
    more = "".join(f"; {count} {what}" for what, count in counts.items() if count)
    say(f"{done.output}: {done.delivered} delivered{more}")
    if done.error:
        warn(f"{done.output}: {done.error}; the undelivered dead letters are unchanged")
