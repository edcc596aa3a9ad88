"""Echoes: repetitions by a tool of secrets that their names revealed."""

import json
from collections.abc import Iterable, Mapping
from itertools import islice

#: Characters of a masked value that are remembered, to find its echoes.
MAX_ECHO = 1024
#: A shorter secret would match within ordinary words.
_MIN_ECHO = 4
#: Secrets of one event that are remembered: bounds the search for them.
MAX_SECRETS = 64
#: Levels of a masked value that are searched for secrets.
_MAX_DEPTH = 16
#: Replaces an echo until all are found: no valid text contains it, so no secret matches in it.
_HOLE = "\udc00"


def remember(secrets: set[str], secret: object, depth: int = 0) -> None:
    """Add a masked value, or the values inside it, to `secrets`, which holds `MAX_SECRETS`."""
    if len(secrets) >= MAX_SECRETS or depth > _MAX_DEPTH:
        return
    if secret is None or isinstance(secret, bool):  # not a secret, and a common word
        return
    if isinstance(secret, Mapping):
        secret = list(islice(secret.values(), MAX_SECRETS))
    if isinstance(secret, list | tuple | set | frozenset):
        for item in islice(secret, MAX_SECRETS):
            remember(secrets, item, depth + 1)
        return
    if isinstance(secret, bytes | bytearray):
        secret = secret[:MAX_ECHO].decode(errors="replace")
    text = str(secret)[:MAX_ECHO].encode("utf-8", "replace").decode()
    if len(text) >= _MIN_ECHO:
        secrets.add(text)


def spellings(secrets: Iterable[str]) -> list[str]:
    """All texts that may repeat a secret, the longest first: one secret may contain another."""
    found = {text for secret in secrets for text in _spellings(secret)}
    return sorted(found, key=lambda text: (-len(text), text))


def without_echoes(text: str, spelt: Iterable[str]) -> tuple[str, int]:
    """The text with `[SECRET]` for each echo, and the number of echoes."""
    count = 0
    for secret in spelt:
        if secret in text:
            count += text.count(secret)
            text = text.replace(secret, _HOLE)
    return text.replace(_HOLE, "[SECRET]") if count else text, count


def _spellings(secret: str) -> set[str]:
    """The forms in which a tool may repeat a secret: unchanged, within JSON, within a URL."""
    if secret.isalnum() and secret.isascii():
        return {secret}
    return {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        "".join(map(_percent, secret.encode())),
    }


def _percent(byte: int) -> str:
    """RFC 3986, section 2.1."""
    char = chr(byte)
    return char if char.isascii() and (char.isalnum() or char in "-._~") else f"%{byte:02X}"
