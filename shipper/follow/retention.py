"""Which files, and which positions, are kept no longer."""

from collections.abc import Iterable, Iterator

from shipper.follow.registry import Committed
from shipper.follow.source import Source
from shipper.follow.streams import Streams


def deletable(sources: Iterable[Source], streams: Streams, now_s: int) -> Iterator[Source]:
    """The files that are settled for good, so that they can be deleted."""
    for source in sources:
        delete = source.found.input.delete
        is_quiet = source.found.mtime_ns / 1e9 <= now_s - delete.grace_period_s
        if delete.enabled and is_quiet and source.is_listed and _is_over(source, streams):
            yield source


def inactive(sources: Iterable[Source], committed: Committed, now_s: int) -> Iterator[int]:
    """The ids of the positions of followed files that have not changed for long."""
    for source in sources:
        after_s = source.found.input.clean_inactive_s
        is_old = after_s and source.found.mtime_ns / 1e9 < now_s - after_s
        if is_old and source.id in committed and not source.is_waiting:
            yield source.id


def is_gone(source: Source, *, is_deleted_here: bool = False) -> bool:
    """Whether the file is deleted, so that its position is to be forgotten."""
    is_deleted = is_deleted_here or source.file.is_deleted()
    return is_deleted and source.found.input.clean_removed


def _is_over(source: Source, streams: Streams) -> bool:
    """Whether all of the file is settled, and no segment can grow."""
    if source.is_waiting or not source.is_known:
        return False
    if source.file.may_differ(source.found) or source.unfinished_bytes():
        return False
    segment = source.segment
    return not segment or streams.has_later(segment) or source.file.is_ended()
