"""Which documents have the ids of lines: the multi-get API of Elasticsearch, without I/O."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from shipper.errors import ProtocolError
from shipper.wire.bulk import Error

_NULL = msgspec.Raw(b"null")
# A line that passed the reader's check may still be too deep here: the limit depends on the calls.
_ODD = (msgspec.ValidationError, RecursionError)

_encode = msgspec.json.Encoder().encode

#: Where to ask which documents have the ids of lines; works at once, without a refresh.
MGET_PATH: Final = (
    "/_mget?_source_includes=event.hash"
    "&filter_path=docs._id,docs.found,docs._source.event.hash,docs.error.type,docs.error.reason"
)


class Claim(msgspec.Struct, frozen=True):
    """A line whose id is taken."""

    index: str
    id: str
    #: Its `event.hash`.
    hash: str


class Stored(msgspec.Struct, frozen=True):
    """The document that has the id of a line."""

    found: bool
    #: Its `event.hash`, if it has one.
    hash: str | None = None
    #: Why it is not known whether there is one.
    error: Error | None = None


class _Hashed(msgspec.Struct):
    hash: str


class _HashedLine(msgspec.Struct):
    event: _Hashed


class _Address(msgspec.Struct):
    index: str = msgspec.field(name="_index")
    id: str | None = msgspec.field(default=None, name="_id")


class _Action(msgspec.Struct):
    create: _Address


class _Document(msgspec.Struct):
    found: bool = False
    error: Error | None = None
    source: msgspec.Raw = msgspec.field(default=_NULL, name="_source")


class _Documents(msgspec.Struct):
    docs: list[_Document]


_hashed_lines = msgspec.json.Decoder(_HashedLine)
_actions = msgspec.json.Decoder(_Action)
_documents = msgspec.json.Decoder(_Documents)


def claim_of(action: bytes, line: bytes | memoryview, index: str | None) -> Claim | None:
    """What can be compared with the document in `index`; None if the line states no hash."""
    target, stated = _actions.decode(action).create, _hash_of(line)
    if target.id is None or stated is None:
        return None
    return Claim(index or target.index, target.id, stated)


def mget_body(claims: Sequence[Claim]) -> bytes:
    """The body of a request to `MGET_PATH`."""
    return _encode({"docs": [{"_index": one.index, "_id": one.id} for one in claims]})


def read_stored(data: bytes, expected: int) -> list[Stored]:
    """The documents in an answer; any number of them but `expected` is an error."""
    try:
        documents = _documents.decode(data).docs
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"the answer about documents cannot be read: {error}") from error
    if len(documents) != expected:
        raise ProtocolError(f"expected {expected} documents, got {len(documents)}")
    return [Stored(one.found, _hash_of(bytes(one.source)), one.error) for one in documents]


def _hash_of(line: bytes | memoryview) -> str | None:
    with suppress(*_ODD):
        return _hashed_lines.decode(line).event.hash
    return None
