"""Ask the witnesses of the policy to cosign the checkpoints of streams (C2SP tlog-witness)."""

import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus

from msgspec import Struct

from shipper.errors import ShipperError
from shipper.evidence.keys import signed_at
from shipper.evidence.policy import Policy
from shipper.evidence.prove import Proof, kept_note, latest_note
from shipper.evidence.store import CHECKPOINT, WITNESSED, Store, StreamStore
from shipper.shown import printable
from shipper.wire.note import Note, PublicKey, Signature, parse_signed
from shipper.wire.tlog import consistency_proof
from shipper.wire.witness import AddCheckpoint

_TIMEOUT_S = 5.0
_MAX_ANSWER_BYTES = 64 << 10
#: A witness that failed is left alone for this time.
_BACKOFF_S = 30.0
_MAX_REASON = 200
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n?")


class NotWitnessed(ShipperError):
    """A witness did not cosign; the message says which, and why."""


class Cosigned(Struct, frozen=True):
    """A checkpoint to which a witness added its line."""

    stream: str
    note: Note


class Cosigning:
    """Finds the checkpoints of a folder that witnesses have not seen, and sends them."""

    def __init__(self, store: Store, policy: Policy) -> None:
        self._store = store
        self._keys = {url: policy.witnesses[name] for name, url in policy.urls.items()}
        #: The size that each witness has of each log, as far as known.
        self._sizes: dict[tuple[str, str], int] = {}
        self._resting: dict[str, float] = {}
        #: The checkpoints that all witnesses have seen, by stream: when the file was written.
        self._done: dict[str, int] = {}

    def tick(self) -> Iterator[Cosigned | NotWitnessed]:
        """Ask every witness for what it has not seen; one that fails is left out for a while."""
        for stream in self._store.streams() if self._keys else ():
            written = (stream.folder / CHECKPOINT).stat().st_mtime_ns
            if self._done.get(stream.folder.name) == written:
                continue
            try:
                before = note = _latest(stream)
            except Proof as damage:
                yield NotWitnessed(str(damage))
                continue
            for url in self._missing(before):
                try:
                    note = self._asked(stream, note, url)
                except NotWitnessed as refusal:
                    self._resting[url] = time.monotonic() + _BACKOFF_S
                    yield refusal
            if note is not before:
                stream.write_witnessed(note)
                yield Cosigned(stream.folder.name, note)
            if not self._missing(note):
                self._done[stream.folder.name] = written

    def _missing(self, note: Note) -> list[str]:
        """The witnesses that have not signed the note."""
        return [url for url, key in self._keys.items() if signed_at(note, key) is None]

    def _asked(self, stream: StreamStore, note: Note, url: str) -> Note:
        """The note with the line of the witness; the same while it rests, or tiles are replaced."""
        if self._resting.get(url, 0.0) > time.monotonic():
            return note
        known = (url, stream.folder.name)
        try:
            line = self._line(stream, note, url, self._sizes.get(known, 0))
        except FileNotFoundError:  # the signer has written a larger tree meanwhile
            return note
        self._sizes[known] = note.checkpoint.size
        return Note(note.checkpoint, (*note.signatures, line))

    def _line(self, stream: StreamStore, note: Note, url: str, old: int) -> Signature:
        status, text = _post(url, _request(stream, note, old))
        if status == HTTPStatus.CONFLICT and (found := _SIZE.fullmatch(text)):
            there = int(found[1])
            if there == old or there > note.checkpoint.size:
                raise NotWitnessed(f"{url} has seen another history of {note.checkpoint.origin}")
            status, text = _post(url, _request(stream, note, there))
        if status == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise NotWitnessed(f"{url} has seen another history of {note.checkpoint.origin}")
        if status != HTTPStatus.OK:
            raise NotWitnessed(f"{url} answered {status}: {printable(text[:_MAX_REASON].strip())}")
        return _verified(note, text, self._keys[url], url)


def _latest(stream: StreamStore) -> Note:
    """The latest checkpoint, with the lines of the witnesses that have seen it."""
    note = latest_note(stream)
    there = kept_note(stream, WITNESSED)
    return there if there and there.checkpoint == note.checkpoint else note


def _request(stream: StreamStore, note: Note, old: int) -> str:
    size = note.checkpoint.size
    read = partial(stream.node, size=size)
    return str(AddCheckpoint(old, consistency_proof(old, size, read) if old else (), note))


def _post(url: str, body: str) -> tuple[int, str]:
    """The answer of a witness; raises `NotWitnessed` if there is none."""
    request = urllib.request.Request(f"{url.rstrip('/')}/add-checkpoint", body.encode())  # noqa: S310 - the policy names http and https only
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return answer.status, answer.read(_MAX_ANSWER_BYTES).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(_MAX_ANSWER_BYTES).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise NotWitnessed(f"{url} cannot be reached: {error}") from error


def _verified(note: Note, text: str, key: PublicKey, url: str) -> Signature:
    """The line of the answer that the witness's key signed."""
    try:
        _, lines = parse_signed(f"{note.checkpoint}\n{text}")
    except ValueError as error:
        raise NotWitnessed(f"{url} answered without signature lines: {error}") from error
    for line in lines:
        if signed_at(Note(note.checkpoint, (line,)), key) is not None:
            return line
    raise NotWitnessed(f"{url} answered without a cosignature of the key {key.name}")
