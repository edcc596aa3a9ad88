"""Elasticsearch's bulk API: bytes and meaning, no network.

Every line becomes a `create`, the only operation that data streams take. It goes to the data
stream that it names itself (`data_stream.type`, `.dataset`, `.namespace`), or to an alias or a
monthly index of its dataset, under its own `event.id`, so that sending it again leaves one
document. The line's bytes go out as they came.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain

import msgspec

from shipper.errors import ProtocolError

#: Only what `read_response` needs: a full answer is as long as the request.
FILTER_PATH = "items.*.status,items.*.error.type,items.*.error.reason,items.*.failure_store"

_MAX_ID_BYTES = 512  # Elasticsearch's own

#: Names of data streams that a stranger's lines can make us remember.
_MAX_KNOWN = 1000

#: Stricter than Elasticsearch: no date math, no wildcard, no list can be smuggled in.
_NAME_PART = re.compile(r"[a-z0-9][a-z0-9_.]{0,99}")

_UTC = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-[0-9]{2}T[0-9:.]{5,20}Z")

# How deep a line may nest depends on how deep the calls do: what passed the reader's check may
# still be too deep here.
_ODD = (msgspec.ValidationError, RecursionError)

_encode = msgspec.json.Encoder().encode


class _Stream(msgspec.Struct):
    type: str = "logs"
    dataset: str = "generic"
    namespace: str = "default"


class _Event(msgspec.Struct):
    id: str | None = None


class _Route(msgspec.Struct):
    data_stream: _Stream | None = None
    event: _Event | None = None


class _DatedRoute(_Route):
    timestamp: str | None = msgspec.field(default=None, name="@timestamp")


class _TimestampOnly(msgspec.Struct):
    timestamp: str | None = msgspec.field(default=None, name="@timestamp")


class _StreamOnly(msgspec.Struct):
    data_stream: _Stream | None = None


class _EventOnly(msgspec.Struct):
    event: _Event | None = None


_routes = msgspec.json.Decoder(_Route)
_stream_only = msgspec.json.Decoder(_StreamOnly)
_event_only = msgspec.json.Decoder(_EventOnly)
_dated_routes = msgspec.json.Decoder(_DatedRoute)
_timestamp_only = msgspec.json.Decoder(_TimestampOnly)


class Encoder:
    """Makes the action that precedes each line: into the data stream that the line names."""

    __slots__ = ("_default", "_known")

    def __init__(self, index: str) -> None:
        """Send lines that name no (valid) data stream to `index`."""
        self._default = _action_head(index)
        self._known: dict[tuple[str, ...], bytes] = {}

    def actions(self, block: bytes) -> list[bytes]:
        """The action of each line of `block`, newline included."""
        return list(map(self._action, _read_routes(block)))

    def _action(self, route: _Route) -> bytes:
        head = self._default if route.data_stream is None else self._stream(route.data_stream)
        return _identified(head, route.event)

    def _stream(self, stream: _Stream) -> bytes:
        name = (stream.type, stream.dataset, stream.namespace)
        head = self._known.get(name)
        return self._remember(name, self._head(*name)) if head is None else head

    def _remember(self, name: tuple[str, ...], head: bytes) -> bytes:
        if len(self._known) == _MAX_KNOWN:
            self._known.clear()
        self._known[name] = head
        return head

    def _head(self, kind: str, dataset: str, namespace: str) -> bytes:
        name = (kind, dataset, namespace)
        is_valid = all(map(_NAME_PART.fullmatch, name))
        return _action_head("-".join(name)) if is_valid else self._default


class AliasEncoder(Encoder):
    """Sends the lines of some datasets to the write index of an alias."""

    __slots__ = ("_indices",)

    def __init__(self, index: str, indices: Mapping[str, str]) -> None:
        """`indices` has the alias of each dataset; other lines go where `Encoder` sends them."""
        super().__init__(index)
        self._indices = indices

    def _head(self, kind: str, dataset: str, namespace: str) -> bytes:
        if kind == "logs" and dataset in self._indices:
            # An alias that is missing would be made, as an index, with mappings of its own.
            return _action_head(self._indices[dataset]) + b',"require_alias":true'
        return super()._head(kind, dataset, namespace)


class MonthlyEncoder(AliasEncoder):
    """Sends the lines of some datasets to an index of the month of their `@timestamp`, in UTC."""

    __slots__ = ()

    def actions(self, block: bytes) -> list[bytes]:
        return list(map(self._dated_action, _read_dated_routes(block)))

    def _dated_action(self, route: _DatedRoute) -> bytes:
        stream = route.data_stream
        if stream is None or stream.type != "logs" or stream.dataset not in self._indices:
            return self._action(route)
        month = month_of(route.timestamp)
        if month is None:
            return _identified(self._default, route.event)
        name = (stream.dataset, month)
        head = self._known.get(name)
        if head is None:
            head = self._remember(name, _action_head(f"{self._indices[stream.dataset]}-{month}"))
        return _identified(head, route.event)


def month_of(timestamp: str | None) -> str | None:
    """The month of an ISO 8601 time, in UTC, as `2026-11`; None if it is none."""
    if timestamp is None:
        return None
    if _UTC.fullmatch(timestamp):
        return timestamp[:7]  # as events of ours are written
    try:
        moment = datetime.fromisoformat(timestamp)
        return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y-%m}"
    except (ValueError, OverflowError):
        return None


def _identified(head: bytes, event: _Event | None) -> bytes:
    ident = event.id if event is not None else None
    if not ident or len(ident) > _MAX_ID_BYTES or len(ident.encode()) > _MAX_ID_BYTES:
        return head + b"}}\n"
    return b'%b,"_id":%b}}\n' % (head, _encode(ident))


def _action_head(index: str) -> bytes:
    return b'{"create":{"_index":%b' % _encode(index)


def _read_routes(block: bytes) -> list[_Route]:
    try:
        return _routes.decode_lines(block)  # one call in C; the usual case
    except _ODD:
        return list(map(_read_route, block.split(b"\n")[:-1]))  # a CR ends no line


def _read_route(line: bytes) -> _Route:
    """The route of a line whose fields may have any shape; what is odd counts as absent."""
    stream = event = None
    with suppress(*_ODD):
        stream = _stream_only.decode(line).data_stream
    with suppress(*_ODD):
        event = _event_only.decode(line).event
    return _Route(stream, event)


def _read_dated_routes(block: bytes) -> list[_DatedRoute]:
    try:
        return _dated_routes.decode_lines(block)
    except _ODD:
        return list(map(_read_dated_route, block.splitlines()))


def _read_dated_route(line: bytes) -> _DatedRoute:
    route, timestamp = _read_route(line), None
    with suppress(*_ODD):
        timestamp = _timestamp_only.decode(line).timestamp
    return _DatedRoute(route.data_stream, route.event, timestamp)


def body(actions: Sequence[bytes], lines: Sequence[memoryview]) -> bytes:
    """The request's body: action and line in turn, both with their newlines."""
    return b"".join(chain.from_iterable(zip(actions, lines, strict=True)))


class Error(msgspec.Struct, frozen=True):
    """Why an item failed."""

    type: str = "unknown"
    reason: str | None = None


class Item(msgspec.Struct, frozen=True):
    """What became of one line."""

    status: int
    error: Error | None = None
    failure_store: str | None = None


class _Created(msgspec.Struct):
    create: Item


class _Response(msgspec.Struct):
    items: list[_Created]


class _Failure(msgspec.Struct):
    error: Error | str = ""


_responses = msgspec.json.Decoder(_Response)
_failures = msgspec.json.Decoder(_Failure)


def read_response(data: bytes, expected: int) -> list[Item]:
    """The items of a bulk response; anything but exactly `expected` of them is an error."""
    try:
        items = _responses.decode(data).items
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"the answer to a bulk request cannot be read: {error}") from error
    if len(items) != expected:
        raise ProtocolError(f"expected the outcome of {expected} lines, got {len(items)}")
    return [item.create for item in items]


def read_failure(data: bytes) -> str:
    """What a failed request says of itself, as `type: reason`; empty if it says nothing."""
    try:
        error = _failures.decode(data).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return error if isinstance(error, str) else f"{error.type}: {error.reason}"
