"""The commands about evidence: verify, reconcile, prove, and the export of tiles."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shipper.api import record
from shipper.api.record import (
    documents_of,
    record_operation,
    record_verification,
    recorded_in,
)
from shipper.cli.commands import EX_DATAERR, EX_FAILED
from shipper.cli.configuration import config_of
from shipper.cli.terminal import say, warn
from shipper.evidence.collect import files_of
from shipper.evidence.prove import export_tiles, prove
from shipper.evidence.sql import statement
from shipper.evidence.store import Store
from shipper.evidence.verdict import UNPROVEN, Verdict, Word, is_damaged
from shipper.evidence.verify import Progress, Trust, verify

if TYPE_CHECKING:  # only the commands about the cluster load its client
    from shipper.evidence.reconcile import Difference


def verify_paths(arguments: argparse.Namespace) -> int:
    """Verify files, directories and archives."""
    trust = trust_of(arguments)
    if arguments.elasticsearch:
        return _verify_documents(arguments, trust)
    paths: Sequence[Path] = arguments.paths or recorded_in(config_of(arguments))
    if arguments.sql:
        say(statement(paths, trust))
        return 0
    with progress_bar(paths) as advance:
        verdicts = list(verify(paths, trust, jobs=arguments.jobs, progress=advance))
    config = config_of(arguments)
    if record.is_recorded(config, paths):
        record_verification(config, verdicts)
    _print(verdicts, as_json=arguments.json)
    return _code(verdicts)


def _verify_documents(arguments: argparse.Namespace, trust: Trust) -> int:
    """Verify the documents in the cluster of the configuration."""
    with documents_of(config_of(arguments), arguments.index) as documents:
        verdicts = list(documents.verify(trust))
    record_verification(config_of(arguments), verdicts)
    _print(verdicts, as_json=arguments.json)
    return _code(verdicts)


def reconcile_paths(arguments: argparse.Namespace) -> int:
    """Compare the segments on disk with the documents in the cluster."""
    from shipper.evidence.reconcile import reconcile

    config = config_of(arguments)
    paths: Sequence[Path] = arguments.paths or recorded_in(config)
    with documents_of(config, arguments.index) as documents:
        found = list(reconcile(paths, documents))
    is_equal = all(one.is_equal for one in found)
    events = sum(one.in_files for one in found)
    record_operation(config, "reconcile", events, success=is_equal, streams=len(found))
    for one in found:
        if arguments.json:
            say(msgspec.json.encode(one).decode())
        else:
            say(_difference_row(one))
    return 0 if is_equal else EX_DATAERR


def _difference_row(one: "Difference") -> str:
    counts = {
        "missing": one.missing,
        "different": len(one.different),
        "duplicates": one.duplicates,
        "only in the index": one.only_in_index,
    }
    text = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    ranges = ", ".join(f"{first} to {last}" for first, last in one.missing_ranges)
    where = f"\n  missing: {ranges}" if ranges else ""
    word = "equal" if one.is_equal else "different"
    totals = f"{one.in_files} on disk, {one.in_index} in the index"
    return f"{word}  {one.stream}  {totals}{f', {text}' if text else ''}{where}"


def prove_event(arguments: argparse.Namespace) -> int:
    """Print the proof of one event; the hash that it must have goes to standard error."""
    text, entry = prove(_store(arguments), arguments.id)
    if not arguments.evidence:
        record_operation(config_of(arguments), "export", what="proof", event=arguments.id)
    warn(f"the event.hash of {arguments.id} must be {entry.hex()}")
    sys.stdout.write(text)
    return 0


def export_all_tiles(arguments: argparse.Namespace) -> int:
    """Copy checkpoints and tiles to a folder that can be published."""
    count = export_tiles(_store(arguments), arguments.directory)
    if not arguments.evidence:
        target = str(arguments.directory)
        record_operation(config_of(arguments), "export", what="tiles", target=target)
    say(f"{arguments.directory}: {count} streams")
    return 0


def _store(arguments: argparse.Namespace) -> Store:
    return Store(arguments.evidence or config_of(arguments).data / "evidence")


def trust_of(arguments: argparse.Namespace) -> Trust:
    """The policy and the evidence folder that are named, or those beside the positions."""
    return record.trust_of(config_of(arguments), arguments.evidence, arguments.policy)


def _print(verdicts: Sequence[Verdict], *, as_json: bool) -> None:
    if as_json:
        for one in verdicts:
            say(msgspec.json.encode({**msgspec.structs.asdict(one), "id": one.event_id}).decode())
        return
    for one in verdicts:
        say(_row(one))
    if not verdicts:
        warn("no segments of audit streams are found")
    if {one.word for one in verdicts} == {Word.UNSIGNED_TAIL} and not any(
        one.signed for one in verdicts
    ):
        warn(_NEVER_SIGNED)


_NEVER_SIGNED = (
    "The record is unchanged, but not signed. To sign it: mcp-shipper keys create FILE "
    "--name NAME, then `evidence.key: FILE` in the configuration of `run`"
)


def _row(one: Verdict) -> str:
    place = f"{one.path}:{one.line}: " if one.line else f"{one.path}: " if one.path else ""
    event = f"event {one.sequence}: " if one.sequence else ""
    counts = f"{one.events} events, {one.signed} signed"
    if one.stamped_at:
        counts += f", {one.stamped} stamped at {one.stamped_at}"
    if one.stamp_fault:
        counts += f"; {one.stamp_fault}"
    return f"{one.word}  {one.stream}  {counts}\n  {place}{event}{one.why}"


def _code(verdicts: Sequence[Verdict]) -> int:
    """0 if everything is proven, 1 if not all is, and 65 if a record is damaged."""
    if is_damaged(verdicts):
        return EX_DATAERR
    words = {one.word for one in verdicts}
    return EX_FAILED if words & UNPROVEN or not words else 0


@contextmanager
def progress_bar(paths: Sequence[Path]) -> Iterator[Progress]:
    """A bar on a terminal."""
    if not sys.stderr.isatty():
        yield int
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    total = sum(file.size for file in files_of(paths))
    columns = ("verifying", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.advance(task, count)
