"""Verify the documents of a record in Elasticsearch, whatever pipelines they went through.

The documents of a stream are read in order of their sequences, and each is brought to the line
that was sealed (`format.canonical`). So an order cannot be wrong here, but everything else can.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from shipper.evidence.judge import Case, judge, seen_by
from shipper.evidence.query import Query
from shipper.evidence.scan import Scan, Walk
from shipper.evidence.signed import notes_by_stream
from shipper.evidence.verdict import Verdict
from shipper.evidence.verify import Progress, Trust, notes_of
from shipper.record.format import canonical

if TYPE_CHECKING:  # it costs 170 ms and 31 MB
    from elasticsearch import Elasticsearch

#: Every data stream of events; with another index strategy, name the aliases or indices.
DEFAULT_INDEX = "logs-mcp.*"
_PAGE = 1000
_KEEP_ALIVE = "5m"
_STREAM, _NOTE = "mcp.audit.stream.id", "mcp.audit.checkpoint.note"
#: Stands for a document without `event.hash`; it is no sealed event.
_UNSEALED = b"{}"


class Documents(Struct, frozen=True):
    """The events in indices, data streams or aliases."""

    client: "Elasticsearch"
    index: str = DEFAULT_INDEX

    def verify(self, trust: Trust, progress: Progress = int) -> Iterator[Verdict]:
        """The verdict on each stream; the progress is in documents.

        Raises the errors of the client. Documents that are not searchable yet are not seen.
        """
        stated = notes_by_stream(self._notes())
        notes = {
            stream: notes_of(stream, trust, stated.get(stream, ())) for stream in self.streams()
        }
        scans = {stream: self._scan(stream, notes[stream].cuts, progress) for stream in notes}
        seen = seen_by({stream: [scan] for stream, scan in scans.items()})
        for stream, scan in scans.items():
            yield judge(
                Case(
                    stream=stream,
                    scans=[scan],
                    read=self.lines,
                    notes=notes[stream],
                    policy=trust.policy,
                    store=trust.store.stream(stream) if trust.store else None,
                    seen=seen.get(stream, ()),
                    now_s=time.time() if trust.now_s is None else trust.now_s,
                )
            )

    def streams(self) -> Iterator[str]:
        """The ids of all streams, in order."""
        after: Mapping[str, Any] = {}
        while True:
            sources = [{"stream": {"terms": {"field": _STREAM}}}]
            composite = {"size": _PAGE, "sources": sources, **after}
            aggs = {"streams": {"composite": composite}}
            found = self.client.search(index=self.index, size=0, aggs=aggs)
            part = found["aggregations"]["streams"]
            yield from (bucket["key"]["stream"] for bucket in part["buckets"])
            if "after_key" not in part:
                return
            after = {"after": part["after_key"]}

    def lines(self, stream: str) -> Iterator[bytes]:
        """The lines of a stream, in order of their sequences."""
        for hit in self.hits(stream):
            try:
                yield canonical(hit["_source"])
            except ValueError:
                yield _UNSEALED

    def hits(self, stream: str) -> Iterator[Mapping[str, Any]]:
        """The documents of a stream and where they are, in order of their sequences."""
        return self._hits({"term": {_STREAM: stream}})

    def search(self, query: Query) -> Iterator[bytes]:
        """The lines of the documents that match, in the order of streams and sequences."""
        for hit in self._hits({"bool": {"filter": query.clauses}}):
            yield canonical(hit["_source"])

    def count(self, query: Query) -> int:
        """How many documents match."""
        found = self.client.count(index=self.index, query={"bool": {"filter": query.clauses}})
        return int(found["count"])

    def _scan(self, stream: str, cuts: Sequence[int], progress: Progress) -> Scan:
        walk, block = Walk(stream, cuts), list[bytes]()
        for line in self.lines(stream):
            block.append(line + b"\n")
            if len(block) == _PAGE:
                walk.take(b"".join(block))
                progress(len(block))
                block = []
        if block:
            walk.take(b"".join(block))
        scan = walk.finish()
        if scan.end:  # it counts the lines of its segment, and this is the complete stream
            scan.end = scan.end._replace(records=scan.lines)
        return scan

    def _notes(self) -> Iterator[str]:
        for hit in self._hits({"exists": {"field": _NOTE}}):
            yield hit["_source"]["mcp"]["audit"]["checkpoint"]["note"]

    def _hits(self, query: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The documents that match, as they were at the beginning."""
        opened = self.client.open_point_in_time(index=self.index, keep_alive=_KEEP_ALIVE)
        pit = {"id": opened["id"], "keep_alive": _KEEP_ALIVE}
        sort = [{_STREAM: "asc"}, {"event.sequence": "asc"}]
        after: dict[str, Any] = {}
        try:
            while True:
                found = self.client.search(pit=pit, query=query, sort=sort, size=_PAGE, **after)
                hits = found["hits"]["hits"]
                yield from hits
                if not hits:
                    return
                after = {"search_after": hits[-1]["sort"]}
        finally:
            self.client.close_point_in_time(id=opened["id"])
