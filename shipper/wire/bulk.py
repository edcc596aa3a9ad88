"""Elasticsearch's bulk API: bytes and meaning, no network.

Every line becomes a `create`, the only operation that data streams take. It goes to the data
stream that it names itself (`data_stream.type`, `.dataset`, `.namespace`), under its own
`event.id`, so that sending it again leaves one document. The line's bytes go out as they came.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
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


class _StreamOnly(msgspec.Struct):
    data_stream: _Stream | None = None


class _EventOnly(msgspec.Struct):
    event: _Event | None = None


_routes = msgspec.json.Decoder(_Route)
_stream_only = msgspec.json.Decoder(_StreamOnly)
_event_only = msgspec.json.Decoder(_EventOnly)


class Encoder:
    """Makes the action that precedes each line, and the request's body."""

    __slots__ = ("_default", "_known")

    def __init__(self, index: str) -> None:
        """Send lines that name no (valid) data stream to `index`."""
        self._default = _action_head(index)
        self._known: dict[tuple[str, str, str], bytes] = {}

    def actions(self, block: bytes) -> list[bytes]:
        """The action of each line of `block`, newline included."""
        return list(map(self._action, _read_routes(block)))

    def _action(self, route: _Route) -> bytes:
        head = self._default if route.data_stream is None else self._stream(route.data_stream)
        ident = route.event.id if route.event is not None else None
        if not ident or len(ident) > _MAX_ID_BYTES or len(ident.encode()) > _MAX_ID_BYTES:
            return head + b"}}\n"
        return b'%b,"_id":%b}}\n' % (head, _encode(ident))

    def _stream(self, stream: _Stream) -> bytes:
        name = (stream.type, stream.dataset, stream.namespace)
        head = self._known.get(name)
        if head is None:
            if len(self._known) == _MAX_KNOWN:
                self._known.clear()
            is_valid = all(map(_NAME_PART.fullmatch, name))
            head = self._known[name] = _action_head("-".join(name)) if is_valid else self._default
        return head


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
    error: Error | str = Error()


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
