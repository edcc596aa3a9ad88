"""The command that sends dead letters again."""

import argparse
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shipper.cli.commands import EX_CONFIG, EX_DATAERR, EX_UNAVAILABLE, Commands, config_of
from shipper.cli.terminal import say, show, warn

if TYPE_CHECKING:
    from shipper.config import Config
    from shipper.run.dead_letters import ReplayResult, Wanted


def add(commands: Commands) -> None:
    replay = commands.add("replay", _replay, "send dead letters again, after the cause is fixed")
    replay.add_argument("--output", metavar="NAME", help="only those of this output")
    replay.add_argument(
        "--reason",
        metavar="TEXT",
        default="",
        help="only those whose reason contains this text; * and ? are wildcards",
    )
    replay.add_argument("--dry-run", action="store_true", help="show what would be sent")


def _replay(arguments: argparse.Namespace) -> int:
    from shipper.run.dead_letters import outputs_with_dead_letters

    config = config_of(arguments)
    names = [arguments.output] if arguments.output else outputs_with_dead_letters(config)
    wanted = _wanted(arguments.reason)
    if arguments.dry_run:
        return _show(config, names, wanted)
    code = _send(config, [name for name in names if name in config.outputs], wanted)
    unknown = [name for name in names if name not in config.outputs]
    for name in unknown:
        warn(f"{name}: this output is not configured; its dead letters are kept")
    return EX_CONFIG if unknown else code


def _wanted(text: str) -> "Wanted":
    pattern = re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
    return lambda letter: pattern.search(letter.reason) is not None


def _show(config: "Config", names: Iterable[str], wanted: "Wanted") -> int:
    from shipper.run.dead_letters import dead_letter_groups

    found = [group for name in names for group in dead_letter_groups(config, name, wanted)]
    if not found:
        say("no dead letters")
        return 0
    from shipper.cli.tables import dead_letters_table

    show(dead_letters_table(found, config.outputs))
    return 0


def _send(config: "Config", names: Iterable[str], wanted: "Wanted") -> int:
    from shipper.run.dead_letters import replay

    done = [replay(config, name, wanted) for name in names]
    for one in done:
        _report(one)
    if not done:
        say("no dead letters to send")
    if any(one.error for one in done):
        return EX_UNAVAILABLE
    return EX_DATAERR if any(one.refused for one in done) else 0


def _report(done: "ReplayResult") -> None:
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
