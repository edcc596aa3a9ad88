"""A witness (C2SP tlog-witness): it cosigns a checkpoint only if that extends the one before.

So two histories of one stream cannot both be witnessed, even if the key of the log is stolen. The
folder has the latest cosigned checkpoint of each log; whoever puts an old folder back makes the
witness forget.
"""

import threading
import time
from collections.abc import Sequence
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from shipper.durable import make_directory, replace
from shipper.evidence.keys import Signer, signed_at
from shipper.wire.note import Checkpoint, Note, PublicKey, parse_note
from shipper.wire.tlog import EMPTY_ROOT, is_extension
from shipper.wire.witness import SIZE_TYPE, parse_add_checkpoint

_TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """The answer to a request."""

    status: HTTPStatus
    body: str
    kind: str = _TEXT


class Witness:
    """Cosigns the logs of these keys; from any thread.

    A key signs the logs whose origin is its name, or begins with its name and a slash, as those of
    the streams that a shipper signs.
    """

    def __init__(self, folder: Path, signer: Signer, logs: Sequence[PublicKey]) -> None:
        self._folder, self._signer, self._logs = folder, signer, logs
        self._lock = threading.Lock()
        make_directory(folder)

    def add_checkpoint(self, body: bytes) -> Answer:
        """The cosignature of the checkpoint in the request, or why there is none."""
        try:
            asked = parse_add_checkpoint(body.decode())
        except ValueError as error:
            return Answer(HTTPStatus.BAD_REQUEST, f"{error}\n")
        new = asked.note.checkpoint
        keys = [one for one in self._logs if _is_of(new.origin, one)]
        if not keys:
            return Answer(HTTPStatus.NOT_FOUND, "the log is unknown here\n")
        if not any(signed_at(asked.note, one) is not None for one in keys):
            return Answer(HTTPStatus.FORBIDDEN, "no known key of the log signed the checkpoint\n")
        if asked.old > new.size:
            return Answer(HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint\n")
        with self._lock:  # two requests must not both extend the same checkpoint
            return self._cosign(asked.old, asked.proof, asked.note)

    def _cosign(self, old: int, proof: Sequence[bytes], note: Note) -> Answer:
        new = note.checkpoint
        path = self._folder / sha256(new.origin.encode()).hexdigest()
        last = _last(path, new.origin)
        if old != last.size or (old == new.size and last.root != new.root):
            return Answer(HTTPStatus.CONFLICT, f"{last.size}\n", SIZE_TYPE)
        if not is_extension((last.size, last.root), (new.size, new.root), proof):
            why = "the proof does not show that the checkpoint extends the one before\n"
            return Answer(HTTPStatus.UNPROCESSABLE_ENTITY, why)
        cosignature = self._signer.note(new, int(time.time())).signatures[-1]
        replace(path, [str(Note(new, (*note.signatures, cosignature))).encode()])
        return Answer(HTTPStatus.OK, str(cosignature))


def _is_of(origin: str, key: PublicKey) -> bool:
    return origin == key.name or origin.startswith(f"{key.name}/")


def _last(path: Path, origin: str) -> Checkpoint:
    """The latest cosigned checkpoint; raises `ValueError` if it is damaged."""
    try:
        return parse_note(path.read_text(encoding="utf-8")).checkpoint
    except FileNotFoundError:
        return Checkpoint(origin, 0, EMPTY_ROOT)
