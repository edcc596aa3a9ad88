"""Ed25519: signatures of checkpoints, and whether they are right."""

import os
import struct
import subprocess
from base64 import b64decode
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from shipper.errors import ConfigError, Problem, ShipperError
from shipper.evidence.ed25519 import public_key, sign, verifies
from shipper.wire.note import (
    Algorithm,
    Checkpoint,
    Note,
    PublicKey,
    Signature,
    cosigned_text,
    parse_private_key,
    parse_public_key,
    private_key_text,
)

_SIGNATURE_BYTES = 64
_TIME = struct.Struct(">Q")
_COMMAND_TIMEOUT_S = 30.0
#: Nobody but the owner reads a key, and nobody writes it.
_KEY_MODE = 0o400


class CannotSign(ShipperError):
    """The key cannot be used at the moment."""


class Signer(Struct, frozen=True):
    """A key that signs, wherever it is kept."""

    public: PublicKey
    #: The 64 bytes of the signature of a message.
    sign: Callable[[bytes], bytes]

    def note(self, checkpoint: Checkpoint, time_s: int) -> Note:
        """The signed checkpoint: one line for the log, and one that also signs the time."""
        timed = _TIME.pack(time_s) + self.sign(cosigned_text(checkpoint, time_s))
        lines = (
            self._line(self.public, self.sign(str(checkpoint).encode())),
            self._line(self.public.cosigning(), timed),
        )
        return Note(checkpoint, lines)

    @staticmethod
    def _line(key: PublicKey, signature: bytes) -> Signature:
        return Signature(key.name, key.id, signature)


def signed_at(note: Note, key: PublicKey) -> int | None:
    """When the key signed, in seconds; 0 if it did not state the time, None if it did not sign."""
    for line in note.signatures:
        if (line.name, line.key_id) == (key.name, key.id):
            time_s, message = _message(note.checkpoint, line.signature, key.algorithm)
            if verifies(key.key, line.signature[-_SIGNATURE_BYTES:], message):
                return time_s
    return None


def _message(checkpoint: Checkpoint, signature: bytes, how: Algorithm) -> tuple[int, bytes]:
    if how is Algorithm.ED25519:
        return 0, str(checkpoint).encode()
    (time_s,) = _TIME.unpack(signature[:8].rjust(8, b"\0"))
    return time_s, cosigned_text(checkpoint, time_s)


def create_key(path: Path, name: str) -> PublicKey:
    """Write a new key to a file that must not exist; the public key."""
    seed = os.urandom(32)
    public = PublicKey(name, public_key(seed))
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _KEY_MODE)
    with os.fdopen(file, "w", encoding="ascii") as out:
        out.write(private_key_text(public, seed) + "\n")
        out.flush()
        os.fsync(file)
    return public


def signer_of(file: str | None, command: Sequence[str], public: str | None) -> Signer:
    """The key of a configuration: a file, or a command. `ConfigError` if it cannot be used."""
    if command:
        return _signer_of_command(command, public or "")
    return signer_of_file(Path(file or ""))


def signer_of_file(path: Path) -> Signer:
    """The key in a file; raises `ConfigError` if others can read it, or it is not a key."""
    try:
        found = path.stat()
        text = path.read_text(encoding="ascii")
        name, seed = parse_private_key(text)
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError([Problem(str(path), f"cannot use the key: {what}")]) from None
    if found.st_mode & 0o077:
        what = "other users can read or write this key; run: chmod 0400, and rotate the key"
        raise ConfigError([Problem(str(path), what)])
    return Signer(PublicKey(name, public_key(seed)), partial(sign, seed))


def _signer_of_command(command: Sequence[str], public: str) -> Signer:
    """A key that a command uses: it reads the message, and prints the signature in base64."""
    try:
        key = parse_public_key(public)
    except ValueError as error:
        raise ConfigError([Problem("evidence.public", str(error))]) from None

    def sign_by_command(message: bytes) -> bytes:
        signature = _run(command, message)
        if not verifies(key.key, signature, message):
            raise CannotSign(f"{command[0]}: the signature is not by the key {key.name}")
        return signature

    return Signer(key, sign_by_command)


def _run(command: Sequence[str], message: bytes) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command
            command, input=message, capture_output=True, timeout=_COMMAND_TIMEOUT_S, check=True
        )
        return b64decode(done.stdout.strip(), validate=True)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise CannotSign(f"{command[0]}: cannot sign: {type(error).__name__}") from error
