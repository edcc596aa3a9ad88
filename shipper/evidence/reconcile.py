"""Compare the segments on disk with the documents in an index, event by event."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import Any

from msgspec import Struct

from shipper.evidence.chain import lines_of_file
from shipper.evidence.collect import files_of
from shipper.evidence.documents import Documents
from shipper.record.format import UNREADABLE, sequence_of
from shipper.record.seal import unseal

#: Ranges and sequences that are listed; all are counted.
_LISTED = 20


class Difference(Struct, frozen=True, kw_only=True):
    """One stream on disk and in the index."""

    stream: str
    in_files: int
    in_index: int
    #: Events that are only on disk; the first ranges of them.
    missing: int
    missing_ranges: Sequence[tuple[int, int]]
    #: Events that are only in the index: their segments were deleted, or they were put in.
    only_in_index: int
    #: Documents with another hash than the line on disk.
    different: Sequence[int]
    #: Documents too many, and the indices that hold them.
    duplicates: int
    duplicated_in: Sequence[str]
    #: From the event to its arrival in the index; None if the pipeline does not record that.
    latency_median_s: float | None
    latency_max_s: float | None

    @property
    def is_equal(self) -> bool:
        """Whether every event on disk is in the index, once and unchanged."""
        return not (self.missing or self.duplicates or self.different)


class _Indexed(Struct):
    """What was found about one stream in the index."""

    hashes: dict[int, str]
    duplicates: int = 0
    indices: set[str] = set()
    latencies_s: list[float] = []


def reconcile(paths: Iterable[Path], documents: Documents) -> Iterator[Difference]:
    """Compare each stream on disk with the index, in order of the streams."""
    for stream, group in groupby(files_of(paths), attrgetter("stream")):
        hashes = dict(_on_disk([file.path for file in group]))
        yield _difference(stream, hashes, _indexed(documents, stream))


def _on_disk(paths: Iterable[Path]) -> Iterator[tuple[int, str]]:
    for path in paths:
        for line in lines_of_file(str(path)):
            sealed = unseal(line)
            try:
                sequence = sequence_of(line)
            except UNREADABLE:
                continue
            if sealed:
                yield sequence, sealed[1].hex()


def _indexed(documents: Documents, stream: str) -> _Indexed:
    found = _Indexed({})
    for hit in documents.hits(stream):
        event = hit["_source"].get("event", {})
        sequence, digest = event.get("sequence"), event.get("hash", "")
        if sequence in found.hashes:
            found.duplicates += 1
            found.indices.add(hit["_index"])
        found.hashes[sequence] = digest
        if (latency_s := _latency_s(hit["_source"])) is not None:
            found.latencies_s.append(latency_s)
    return found


def _latency_s(source: Mapping[str, Any]) -> float | None:
    arrived = source.get("event", {}).get("ingested")
    if arrived is None:
        return None
    logged, arrived = (datetime.fromisoformat(text) for text in (source["@timestamp"], arrived))
    return float((arrived - logged).total_seconds())


def _difference(stream: str, disk: Mapping[int, str], found: _Indexed) -> Difference:
    missing = sorted(disk.keys() - found.hashes.keys())
    both = disk.keys() & found.hashes.keys()
    different = sorted(one for one in both if disk[one] != found.hashes[one])
    latencies_s = found.latencies_s
    return Difference(
        stream=stream,
        in_files=len(disk),
        in_index=len(found.hashes) + found.duplicates,
        missing=len(missing),
        missing_ranges=list(_ranges(missing))[:_LISTED],
        only_in_index=len(found.hashes.keys() - disk.keys()),
        different=different[:_LISTED],
        duplicates=found.duplicates,
        duplicated_in=sorted(found.indices),
        latency_median_s=median(latencies_s) if latencies_s else None,
        latency_max_s=max(latencies_s, default=None),
    )


def _ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Consecutive numbers as their first and last one."""
    for _, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        yield run[0], run[-1]
