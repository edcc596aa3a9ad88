"""The account of a batch or of all files: lines as counted there, and their outcomes."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from shipper.deliver.settle import Settled
from shipper.follow.account import Account
from shipper.follow.batch import Batch
from shipper.follow.deletions import OwnDeletions
from shipper.follow.following import Following
from shipper.follow.inputs import InputConfig
from shipper.follow.left_out import LeftOut
from shipper.follow.reader import Chunk, Limits
from shipper.follow.registry import read_snapshot

#: With these events a stream states how many events it could not record.
_STATEMENTS = ("audit-records-lost", "audit-records-suppressed")
#: Begins both of them: one search for a block that has none, as nearly all.
_STATEMENT = b'"audit-records-'


class _Event(Struct):
    action: str


class _Compliance(Struct):
    records: int


class _Mcp(Struct):
    compliance: _Compliance


class _Statement(Struct):
    event: _Event
    mcp: _Mcp


_statements = msgspec.json.Decoder(_Statement)


def account_of(batch: Batch, settled: Settled) -> Account:
    """The account of the batch, without the shipper's events about itself.

    Nobody who compares counts has written those.
    """
    own = [(source, chunk) for source, chunk in batch.parts if source.found.input.is_own]
    own_paths = {source.found.path for source, _ in own}
    own_dead = sum(one.path in own_paths for one in settled.dead_letters)
    own_events = sum(_events(chunk) for _, chunk in own)
    chunks = [chunk for source, chunk in batch.parts if not source.found.input.is_own]
    read = raw_lines(batch)
    dropped = sum(len(chunk.sifted.filtered) for chunk in chunks)
    return Account(
        read=read,
        delivered=settled.delivered - (own_events - own_dead),
        dead_letters=len(settled.dead_letters) - own_dead,
        dropped=dropped,
        joined=read - dropped - sum(map(_events, chunks)),
        recorded=sum(sum(chunk.sifted.sealed) for chunk in chunks),
        stated_lost=sum(n for chunk in chunks for n in _stated_lost(chunk)),
    )


def raw_lines(batch: Batch) -> int:
    """The lines of the files that it covers, without the shipper's events about itself."""
    return sum(c.raw_lines for source, c in batch.parts if not source.found.input.is_own)


def account_now(inputs: Sequence[InputConfig], registry: Path) -> Account:
    """The account of the settled lines in a registry, and how many lines of the files wait.

    The files are recognized as at a start of the shipper, from positions and account of one
    moment, so each line is counted once whatever a running shipper does meanwhile. Reads all that
    waits.
    """
    now = read_snapshot(registry)
    limits = Limits(1, 1, 1)  # nothing is sent
    deletions = OwnDeletions(registry.stem, None)
    following = Following(inputs, now.committed, limits, LeftOut(now.since_s), deletions)
    with closing(following), _silent("shipper.follow"):
        following.scan(int(time.time()))
        return structs.replace(now.account, waiting=following.unread_lines())


@contextmanager
def _silent(logger: str) -> Iterator[None]:
    """Log nothing there: the shipper does."""
    log = logging.getLogger(logger)
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def _events(chunk: Chunk) -> int:
    return len(chunk.lines) + len(chunk.sifted.rejects)


def _stated_lost(chunk: Chunk) -> Iterator[int]:
    """The numbers of events that sealed lines of the chunk state as lost."""
    lines, sifted = chunk.lines, chunk.sifted
    if not sifted.sealed or _STATEMENT not in lines.block:
        return
    for index, line in enumerate(lines):
        if sifted.is_sealed(index) and _STATEMENT in line:
            yield _stated(line)


def _stated(line: bytes) -> int:
    try:
        found = _statements.decode(line)
    except (msgspec.DecodeError, RecursionError):  # another event that quotes one
        return 0
    return found.mcp.compliance.records if found.event.action in _STATEMENTS else 0
