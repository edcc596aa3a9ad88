"""RFC 3161 time stamps: an authority states that a checkpoint existed at a time.

The policy names the authority (`#! timestamps URL CERTIFICATES`). For each stream the folder keeps
the checkpoint that was stamped and the authority's answer, which others check with
`openssl ts -verify`.
"""

import time
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from http import client
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from shipper.errors import ShipperError
from shipper.evidence.policy import Policy
from shipper.evidence.prove import Proof, kept_note, latest_note
from shipper.evidence.store import STAMPED, Store, StreamStore
from shipper.wire.note import Note

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_TIMEOUT_S = 10.0
_MAX_ANSWER_BYTES = 256 << 10
#: Public authorities limit how often they are asked.
_INTERVAL_S = 600.0
_BACKOFF_S = 60.0
_INSTALL = "time stamps need the library rfc3161-client: pip install 'mcp-shipper[timestamps]'"


class NotStamped(ShipperError):
    """An authority did not stamp, or its answer is not valid; the message says why."""


class Stamped(Struct, frozen=True):
    """A checkpoint and when an authority has seen it."""

    stream: str
    note: Note
    at: datetime


class Stamping:
    """Has the latest checkpoint of each stream stamped, if its tree has grown since the last."""

    def __init__(self, store: Store, policy: Policy) -> None:
        self._store, self._policy = store, policy
        self._next_s: dict[str, float] = {}

    def tick(self, *, at_close: bool = False) -> Iterator[Stamped | NotStamped]:
        """Ask for what is due; everything that has grown, if `at_close`."""
        for stream in self._store.streams() if self._policy.timestamps else ():
            now_s, name = time.monotonic(), stream.folder.name
            if now_s < self._next_s.get(name, 0.0) and not at_close:
                continue
            self._next_s[name] = now_s + _INTERVAL_S
            try:
                note, before = latest_note(stream), kept_note(stream, STAMPED)
                if before is None or note.checkpoint.size != before.checkpoint.size:
                    yield self._stamped(stream, note)
            except Proof as damage:
                yield NotStamped(str(damage))
            except NotStamped as error:
                self._next_s[name] = now_s + _BACKOFF_S
                yield error
                return  # the others would wait for the same authority

    def _stamped(self, stream: StreamStore, note: Note) -> Stamped:
        data = str(note).encode()
        answer = _asked(self._policy.timestamps, data)
        at = stamped_at(answer, data, self._policy.authorities)
        stream.write_stamped(note, answer)
        return Stamped(stream.folder.name, note, at)


def stamp_of(stream: StreamStore, policy: Policy) -> Stamped | None:
    """The stamped checkpoint of a stream and its time; raises `NotStamped` if it is not valid."""
    try:
        note = kept_note(stream, STAMPED)
        if note is None or not policy.authorities:
            return None
        answer = stream.stamp()
    except (OSError, Proof) as error:
        raise NotStamped(f"the time stamp cannot be read: {error}") from error
    at = stamped_at(answer, str(note).encode(), policy.authorities)
    return Stamped(stream.folder.name, note, at)


def stamped_at(answer: bytes, data: bytes, roots: Path | None) -> datetime:
    """When the authority of these certificates stamped the data; raises `NotStamped`."""
    try:
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response
    except ImportError as error:
        raise NotStamped(_INSTALL) from error
    builder = VerifierBuilder()
    for one in _certificates(roots):
        builder = builder.add_root_certificate(one)
    try:
        response = decode_timestamp_response(answer)
        builder.build().verify_message(response, data)
    except (VerificationError, ValueError) as error:
        raise NotStamped(f"the time stamp is not valid: {error}") from error
    return response.tst_info.gen_time


def _certificates(path: Path | None) -> list["Certificate"]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(path.read_bytes() if path else b"")
    except (OSError, ValueError) as error:
        raise NotStamped(f"{path}: no certificates of a time-stamp authority: {error}") from error


def _asked(url: str, data: bytes) -> bytes:
    """The answer of the authority; raises `NotStamped`."""
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ImportError as error:
        raise NotStamped(_INSTALL) from error
    query = TimestampRequestBuilder(data, HashAlgorithm.SHA256).build().as_bytes()
    headers = {"Content-Type": "application/timestamp-query"}
    request = urllib.request.Request(url, query, headers)  # noqa: S310 - http and https only
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            found: bytes = answer.read(_MAX_ANSWER_BYTES)
    except (OSError, client.HTTPException) as error:  # an HTTP error is an OSError
        raise NotStamped(f"{url} did not stamp: {error}") from error
    return found
