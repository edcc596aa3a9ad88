"""Signed notes of C2SP, and checkpoints (tlog-checkpoint) as their text; no cryptography.

A note is a text, an empty line, and signature lines. A signature line names a key and carries four
bytes of the key's id, so a reader finds the key to verify it with.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from enum import IntEnum
from hashlib import sha256

from msgspec import Struct

_DASH = "\N{EM DASH} "
_SIGNATURE = re.compile(r"\N{EM DASH} ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_HASH_BYTES = _KEY_BYTES = 32
_ID_BYTES = 4


class Algorithm(IntEnum):
    """How a key signs."""

    ED25519 = 0x01
    #: With the time of the signature (tlog-cosignature).
    COSIGNATURE = 0x04


class PublicKey(Struct, frozen=True):
    """A key that verifies signature lines; its text is C2SP's vkey."""

    name: str
    key: bytes
    algorithm: Algorithm = Algorithm.ED25519

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature line refers to it."""
        named = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.key
        return sha256(named).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        material = b64encode(bytes([self.algorithm]) + self.key).decode()
        return f"{self.name}+{self.id.hex()}+{material}"

    def cosigning(self) -> "PublicKey":
        """The same key, as it signs with a time."""
        return PublicKey(self.name, self.key, Algorithm.COSIGNATURE)


def parse_public_key(text: str) -> PublicKey:
    """The key of a vkey; raises `ValueError` if it is not one."""
    name, _, rest = text.strip().partition("+")
    key_id, _, material = rest.partition("+")
    algorithm, key = _material(material)
    found = PublicKey(name, key, algorithm)
    if not name or found.id.hex() != key_id:
        raise ValueError(f"the id of the key {name!r} is not {key_id!r}; was the key changed?")
    return found


def _material(text: str) -> tuple[Algorithm, bytes]:
    """Algorithm and key of the last part of a key's text."""
    try:
        data = b64decode(text, validate=True)
        algorithm, key = Algorithm(data[0] if data else 0), data[1:]
    except ValueError:
        algorithm, key = Algorithm.ED25519, b""
    if len(key) != _KEY_BYTES:
        raise ValueError("expected a key such as name+1a2b3c4d+<base64> of Ed25519")
    return algorithm, key


def parse_private_key(text: str) -> tuple[str, bytes]:
    """Name and seed of a key file as Go's note package writes it; `ValueError` if it is not one."""
    before, _, rest = text.strip().partition("PRIVATE+KEY+")
    name, _, rest = rest.partition("+")
    if before or not name:
        raise ValueError("expected a key such as PRIVATE+KEY+name+1a2b3c4d+<base64>")
    return name, _material(rest.partition("+")[2])[1]


def private_key_text(public: PublicKey, seed: bytes) -> str:
    """The text of a key file."""
    material = b64encode(bytes([public.algorithm]) + seed).decode()
    return f"PRIVATE+KEY+{public.name}+{public.id.hex()}+{material}"


class Signature(Struct, frozen=True):
    """A signature line."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {b64encode(self.key_id + self.signature).decode()}\n"


class Checkpoint(Struct, frozen=True):
    """The first leaves of a log, in one hash."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


class Note(Struct, frozen=True):
    """A checkpoint with its signatures."""

    checkpoint: Checkpoint
    signatures: tuple[Signature, ...] = ()

    def __str__(self) -> str:
        return signed(str(self.checkpoint), self.signatures)

    @property
    def digest(self) -> bytes:
        """The SHA-256 of its text."""
        return sha256(str(self).encode()).digest()


def parse_note(text: str) -> Note:
    """The note of that text; raises `ValueError` if it is not a checkpoint in canonical form."""
    body, signatures = parse_signed(text)
    note = Note(_checkpoint(body.removesuffix("\n").split("\n")), signatures)
    if not signatures or str(note) != text:
        raise ValueError("the note has more in it than a checkpoint and signatures")
    return note


def signed(text: str, signatures: Iterable[Signature]) -> str:
    """A note of any text, which ends with a newline."""
    return f"{text}\n{''.join(map(str, signatures))}"


def parse_signed(text: str) -> tuple[str, tuple[Signature, ...]]:
    """The text of a note and its signature lines; `ValueError` if a line is not one."""
    body, found, lines = text.rpartition("\n\n")
    if not found:
        raise ValueError("the note has no empty line before its signatures")
    return f"{body}\n", tuple(map(_signature, lines.splitlines()))


def _checkpoint(lines: list[str]) -> Checkpoint:
    origin, size, root = lines if len(lines) == 3 else ("", "", "")  # noqa: PLR2004 - the format
    if not origin or not _SIZE.fullmatch(size):
        raise ValueError("the note is not a checkpoint of three lines: origin, size, root")
    digest = b64decode(root, validate=True)
    if len(digest) != _HASH_BYTES:
        raise ValueError("the root of the checkpoint is not a SHA-256")
    return Checkpoint(origin, int(size), digest)


def _signature(line: str) -> Signature:
    found = _SIGNATURE.fullmatch(line)
    if not found:
        raise ValueError("the note has a line that is not a signature")
    data = b64decode(found[2], validate=True)
    return Signature(found[1], data[:_ID_BYTES], data[_ID_BYTES:])


def cosigned_text(checkpoint: Checkpoint, time_s: int) -> bytes:
    """What a key signs to state that it knew the checkpoint at that time."""
    return f"cosignature/v1\ntime {time_s}\n{checkpoint}".encode()
