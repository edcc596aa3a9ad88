"""One connection to Elasticsearch: requests, their largest size, and the meaning of answers."""

from collections import deque
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from shipper.errors import DeliveryError, ProtocolError, Refused, TooLarge, Unavailable
from shipper.outputs.base import (
    DELIVERED,
    DIVERTED,
    DUPLICATE,
    RETRY,
    Failed,
    Held,
    Outcome,
    Rejected,
)
from shipper.outputs.deflate import gzip_deflate
from shipper.outputs.elasticsearch.conflicts import outcomes_of_conflicts
from shipper.outputs.http import Http
from shipper.outputs.lanes import Size, Work
from shipper.wire import bulk, mget

_OK, _NOT_FOUND, _CONFLICT, _TOO_LARGE, _TOO_MANY = 200, 404, 409, 413, 429
_UNAUTHORIZED, _FORBIDDEN = 401, 403


class Requests(Struct, frozen=True):
    """The lines of one `send`, and the action of each."""

    actions: Sequence[bytes]
    lines: Sequence[memoryview]
    #: The ids that were given; empty for a line with an id of its own, or if each has one.
    ids: Sequence[bytes] = ()
    #: The beginning of the actions of lines that name no data stream.
    default: bytes = b""

    def is_chosen(self, at: int) -> bool:
        """Whether a foreign line has chosen where it goes: it must not hold back the others."""
        return (
            bool(self.ids) and self.ids[at] != b"" and not self.actions[at].startswith(self.default)
        )

    def claim(self, at: int, item: bulk.Item) -> mget.Claim | None:
        """What can be compared with the document that has the line's own id."""
        if item.status != _CONFLICT or (self.ids and self.ids[at]):
            return None
        index = item.error.index if item.error else None
        return mget.claim_of(self.actions[at], self.lines[at], index)

    def body(self, part: slice) -> bytes:
        """The body for these lines."""
        return bulk.body(self.actions[part], self.lines[part])


class Api:
    """The parts that all requests share."""

    def __init__(
        self, target: str, headers: Mapping[str, str], credentials: str, compression_level: int
    ) -> None:
        """`target`: the path of a bulk request; `credentials`: their kind, for messages."""
        self.target, self.credentials = target, credentials
        self.headers = {"Accept": "application/json", **headers}
        self.deflate = gzip_deflate(compression_level)
        self.bulk_headers = {**self.headers, "Content-Type": "application/x-ndjson"}
        if self.deflate is not None:
            self.bulk_headers["Content-Encoding"] = "gzip"


class ElasticsearchLane:
    """A connection to one of several nodes, the same until it fails; one request at a time."""

    def __init__(self, nodes: Sequence[Http], api: Api, max_lines: int) -> None:
        self._nodes, self._api = deque(nodes), api
        self._size = Size(max_lines)
        #: Halved for good whenever the server refuses a request as too large.
        self._max_bytes = 1 << 31

    @property
    def is_connected(self) -> bool:
        return self._nodes[0].is_connected

    def connect(self) -> None:
        """Open a connection, if there is no usable one; each node is tried once."""
        for attempts_left in reversed(range(len(self._nodes))):
            try:
                self._nodes[0].connect()
            except DeliveryError:
                self._nodes.rotate(-1)
                if not attempts_left:
                    raise
            else:
                return

    def run(self, work: Work, job: Requests) -> None:
        """Send request after request, each as large as the server has accepted so far."""
        while part := work.take(self._size.lines, self._max_bytes):
            parts = [part]
            while parts:
                part = parts.pop()
                try:
                    work.record(part, self._send(job, part))
                except TooLarge as error:
                    if part.stop - part.start == 1:
                        work.record(part, [Rejected(f"too large: {error}")])
                    else:
                        parts += self._halves(part, job)
                except (Unavailable, Refused, ProtocolError):
                    self._size.shrink()
                    self._nodes.rotate(-1)
                    raise

    def probe(self) -> str:
        """Ask the node for its name and version."""
        status, data = self._nodes[0].request("GET", "/", self._api.headers)
        name = str(self._nodes[0].url)
        if status == _FORBIDDEN:  # as expected for a key that may only write
            return f"{name} knows {self._api.credentials}, which may not read the cluster's name"
        if status != _OK:
            raise self._failure(status, data)
        try:
            found = _roots.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ProtocolError(f"{name} answers {status}, but not as Elasticsearch does") from None
        return (
            f"{name} is Elasticsearch {found.version.number}, "
            f"cluster {found.cluster_name}, with {self._api.credentials}"
        )

    def close(self) -> None:
        for node in self._nodes:
            node.close()

    def _send(self, job: Requests, part: slice) -> Sequence[Outcome]:
        body = job.body(part)
        if self._api.deflate is not None:
            body = self._api.deflate(body)
        api, node = self._api, self._nodes[0]
        status, data = node.request("POST", api.target, api.bulk_headers, body)
        if status != _OK:
            raise self._failure(status, data)
        items = bulk.read_response(data, part.stop - part.start)
        outcomes = self._outcomes(items, [job.is_chosen(at) for at in range(part.start, part.stop)])
        if DUPLICATE in outcomes:
            self._compare(job, part, items, outcomes)
        if any(one is RETRY or isinstance(one, Failed) for one in outcomes):
            self._size.shrink()
        else:
            self._size.grow()
        return outcomes

    def _compare(
        self, job: Requests, part: slice, items: Sequence[bulk.Item], outcomes: list[Outcome]
    ) -> None:
        """Change the outcomes of lines that are not the documents with their ids."""
        found = ((at, job.claim(part.start + at, item)) for at, item in enumerate(items))
        claims = {at: claim for at, claim in found if claim}
        if claims:
            checked = outcomes_of_conflicts([*claims.values()], self._ask)
            for at, outcome in zip(claims, checked, strict=True):
                outcomes[at] = outcome

    def _ask(self, body: bytes) -> tuple[int, bytes]:
        headers = {**self._api.headers, "Content-Type": "application/json"}
        return self._nodes[0].request("POST", mget.MGET_PATH, headers, body)

    def _outcomes(self, items: Sequence[bulk.Item], chosen: Sequence[bool]) -> list[Outcome]:
        if items and all(map(_is_postponed, items)):
            said = items[0].error or bulk.Error()
            # A full disk (429) lifts its block by itself, a closed index (403) never does.
            error = Refused if items[0].status == _FORBIDDEN else Unavailable
            raise error(f"{self._nodes[0].url} takes no line ({items[0].status} {said.reason})")
        return list(map(_outcome, items, chosen))

    def _halves(self, part: slice, job: Requests) -> list[slice]:
        """Both halves of a part that was too large; the first half last, as `pop` takes it."""
        middle = (part.start + part.stop) // 2
        self._size.shrink()
        self._max_bytes = min(self._max_bytes, max(len(job.body(part)) // 2, 1))
        return [slice(middle, part.stop), slice(part.start, middle)]

    def _failure(self, status: int, data: bytes) -> DeliveryError:
        """The error that an answer other than 200 means for the request."""
        said = bulk.read_failure(data)
        what = f"{self._nodes[0].url} answers {status}" + (f" ({said})" if said else "")
        if status == _TOO_LARGE:
            return TooLarge(what)
        if status == _TOO_MANY or status >= 500:  # noqa: PLR2004  # HTTP's server errors
            return Unavailable(what)
        if status in {_UNAUTHORIZED, _FORBIDDEN}:
            return Refused(f"{what}: it does not accept {self._api.credentials} for this")
        return Refused(f"{what}; check that hosts names Elasticsearch itself")


class _Version(msgspec.Struct):
    number: str


class _Root(msgspec.Struct):
    version: _Version
    cluster_name: str


_roots = msgspec.json.Decoder(_Root)


def _outcome(item: bulk.Item, is_chosen: bool) -> Outcome:  # noqa: FBT001
    status = item.status
    if 200 <= status < 300:  # noqa: PLR2004  # HTTP's success
        return DIVERTED if item.failure_store == "used" else DELIVERED
    if status == _CONFLICT:
        return DUPLICATE
    if _is_postponed(item):
        return RETRY
    error = item.error or bulk.Error()
    said = error.reason and error.reason[:_MAX_REASON]
    reason = f"{status} {error.type}: {said}"
    if not 400 <= status < 500 and error.type not in _VERDICTS:  # noqa: PLR2004  # HTTP's blame
        return Failed(reason)
    is_fault = is_chosen and (status in _OF_NO_DOCUMENT or error.type in _OF_THE_CHOICE)
    if not is_fault and (advice := _advice(status, error)):
        # Not the line's fault: every other line for that index would become a dead letter too.
        return Held(f"Elasticsearch: {said or error.type}; {advice}")
    return Rejected(reason)


#: Errors with which an ingest pipeline refuses a line on purpose; their status is 500.
_VERDICTS = {"fail_processor_exception"}

#: A reason may quote the document, and goes to the log.
_MAX_REASON = 1000

#: Statuses that speak of credentials or of the index, and never of the document.
_OF_NO_DOCUMENT = {401, 403, 404}

#: Errors of items that no line is to blame for: the type, a part of the reason, and what to do.
_CONDITIONS = (
    ("index_not_found_exception", "", "make it (mcp-shipper setup)"),
    ("security_exception", "", "give the credentials this privilege"),
    ("validation_exception", "shards open", "delete indices, or raise cluster.max_shards_per_node"),
    ("illegal_argument_exception", "pipeline with id", "make it, or change `pipeline`"),
    ("illegal_argument_exception", "no write index", "make one (mcp-shipper setup)"),
    ("illegal_argument_exception", "documents per shard", "roll the index over"),
    ("illegal_argument_exception", "no matching index template", "run mcp-shipper setup"),
    ("index_closed_exception", "", "open it"),
    ("invalid_index_name_exception", "", "change `index`"),
    ("mapper_parsing_exception", "Failed to parse mapping", "correct the index template"),
)
#: Those that a foreign line brings upon itself by the data stream that it names: if they held the
#: output, whoever can write such a line could stop all others.
_OF_THE_CHOICE = {
    "index_closed_exception",
    "invalid_index_name_exception",
    "mapper_parsing_exception",
}


def _advice(status: int, error: bulk.Error) -> str | None:
    """What a person must do before any line is taken; None if the line is at fault."""
    for kind, part, advice in _CONDITIONS:
        if error.type == kind and part in (error.reason or ""):
            return advice
    return "see Elasticsearch's log" if status in _OF_NO_DOCUMENT else None


def _is_postponed(item: bulk.Item) -> bool:
    """Whether the server takes no line for that index now."""
    is_away = 500 < item.status < 600  # noqa: PLR2004  # a shard or node is; 500 may be the line
    return item.status == _TOO_MANY or is_away or _is_blocked(item)


def _is_blocked(item: bulk.Item) -> bool:
    """Whether the index refuses all lines now: it is read-only, or its disk is full."""
    return item.error is not None and item.error.type == "cluster_block_exception"
