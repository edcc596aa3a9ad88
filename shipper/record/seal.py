"""The chain: each line carries a hash over its own bytes and the hash of the line before.

Hash rule, version 1: SHA-256 over the 32 bytes of the previous hash (zeros for the first line of
a stream) and the line as written, without its `hash` member and its newline. Every line ends with
`,"hash":"<64 hex digits>"}}`: the `event` object is its last member, `hash` is the last in
`event`, and all other members are sorted. So cutting the tail of a line gives the hashed bytes;
from a document that a pipeline has reordered, `format.canonical` gives the line.
"""

import hashlib
import re
from binascii import hexlify
from collections.abc import Sequence

VERSION = 1
HASH_BYTES = 32
GENESIS = bytes(HASH_BYTES)

_TAIL = re.compile(rb',"hash":"([0-9a-f]{64})"\}\}\Z')
_TAIL_BYTES = 76


def seal(body: bytes, previous: bytes) -> tuple[bytes, bytes]:
    """The line for `body` (an object that ends with the `event` object), and its hash."""
    digest = hashlib.sha256(previous + body).digest()
    return b'%b,"hash":"%b"}}' % (body[:-2], hexlify(digest)), digest


def unseal(line: bytes) -> tuple[bytes, bytes] | None:
    """The body and the hash of a sealed line; None if the line has no seal."""
    tail = _TAIL.search(line)
    if not tail:
        return None
    return line[: tail.start()] + b"}}", bytes.fromhex(tail[1].decode())


def follows(line: bytes, previous: bytes) -> bool:
    """Whether the line is unchanged and follows the line whose hash is `previous`."""
    parts = unseal(line)
    return parts is not None and hashlib.sha256(previous + parts[0]).digest() == parts[1]


def hashes_of(block: bytes, ends: Sequence[int], previous: bytes) -> bytes | None:
    """The joined hashes of one or more lines of `block`, each of which follows the one before.

    None if one of them does not; the first has to follow `previous`. `ends`: where the newline of
    each line is.
    """
    view, start, sha256 = memoryview(block), 0, hashlib.sha256
    digests: list[bytes] = []
    for end in ends:
        digest = sha256(previous)
        digest.update(view[start : end - _TAIL_BYTES])
        digest.update(b"}}")
        previous = digest.digest()
        digests.append(previous)
        start = end + 1
    # All tails are compared in one step: one by one, that took a seventh of the time. The tail of
    # a line that is too short has a newline, or lacks bytes, and equals none.
    joined = b"".join(digests)
    hashes = hexlify(joined, b"\n", HASH_BYTES).replace(b"\n", b'"}},"hash":"')
    tails = b"".join([view[end - _TAIL_BYTES : end] for end in ends])
    return joined if tails == b',"hash":"%b"}}' % hashes else None
