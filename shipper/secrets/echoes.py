"""Echoes: repetitions by a tool of secrets that their names revealed."""

import base64
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from os.path import commonprefix

from shipper.secrets.lazy import lazy
from shipper.secrets.spans import SURE, Span, joined

#: Characters of a masked value that are remembered, to find its echoes.
_MAX_ECHO = 4096
#: A shorter secret counts only as a word of its own: it would match within others.
_MIN_ECHO = 4
#: Secrets of one event that are remembered: bounds the search for them.
MAX_SECRETS = 64
#: Levels of a masked value that are searched for secrets.
_MAX_DEPTH = 16
#: Characters by which a long secret is found; then it is followed as far as the text has it.
_HEAD = 64
#: Lines of a secret that count as secrets: a key in armour has these.
_LONG_LINE = 8


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
        secret = secret[:_MAX_ECHO].decode(errors="replace")
    text = str(secret)[:_MAX_ECHO].encode("utf-8", "replace").decode().strip()
    if text:
        secrets.add(text)


def spellings(secrets: Iterable[str]) -> list[str]:
    """All texts that may repeat a secret, in lower case, the longest first."""
    found = {text.lower() for secret in secrets for text in _spellings(secret)}
    return sorted(found, key=lambda text: (-len(text), text))


def without_echoes(text: str, spelt: Iterable[str]) -> tuple[str, int]:
    """The text with `[SECRET]` for each echo, and the number of echoes."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = text
    spans = [span for secret in spelt for span in _echoes(lower, secret)]
    if not spans:
        return text, 0
    pieces, at = [], 0
    echoes = joined(spans)
    for span in echoes:
        pieces += [text[at : span.start], span.token]
        at = span.end
    return "".join(pieces) + text[at:], len(echoes)


def _echoes(text: str, secret: str) -> Iterator[Span]:
    head = secret[:_HEAD]
    at = text.find(head)
    while at >= 0:
        end = at + len(head)
        if len(secret) > _HEAD:
            end = at + len(commonprefix((text[at : at + len(secret)], secret)))  # noqa: RUF071 - no paths
            if end == at + _MAX_ECHO:  # no more of it is remembered
                end = _end_of_word(text, end)
        if len(secret) >= _MIN_ECHO or _is_word(text, at, end):
            yield Span(at, end, "[SECRET]", SURE)
        at = text.find(head, end)


def _end_of_word(text: str, at: int) -> int:
    match = _WORD.match(text, at)
    return match.end() if match else at


_WORD = lazy(r"\S*")
#: The password of a connection string.
_IN_URL = lazy(r"://[^\s/:@]{0,256}:([^\s/@]{4,256})@")
#: Half of such a secret still identifies it.
_LONG_SECRET = 24


def _is_word(text: str, start: int, end: int) -> bool:
    return not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum())


def _spellings(secret: str) -> Iterator[str]:
    """The forms in which a tool may repeat a secret."""
    yield secret
    if len(secret) < _MIN_ECHO:
        return
    yield secret[::-1]
    raw = secret.encode()
    yield raw.hex()
    yield from _in_base64(raw)
    yield base64.b32encode(raw).decode().rstrip("=")
    yield "".join(f"&#{ord(char)};" for char in secret)
    if not (secret.isalnum() and secret.isascii()):
        yield from _quoted(secret)
    if password := _IN_URL.search(secret):
        yield password[1]
    if len(secret) >= _LONG_SECRET:
        yield secret[len(secret) // 2 :]
    lines = secret.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _LONG_LINE)


def _quoted(secret: str) -> Iterator[str]:
    """Within JSON to three levels, a URL, a page, a shell, SQL and CSV."""
    inner = secret
    for _ in range(3):
        inner = json.dumps(inner)[1:-1]
        yield inner
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield from (_percent(secret, "/"), _percent(secret), _percent(secret).replace("%20", "+"))
    yield "".join(f"&#x{ord(char):x};" for char in secret)
    yield html.escape(secret)
    yield html.escape(secret, quote=False)
    yield html.escape(secret).replace("&#x27;", "&#39;")
    yield repr(secret)[1:-1]
    yield secret.replace("'", "'\"'\"'")
    yield secret.replace("'", "'\\''")
    yield secret.replace("'", "''")
    yield secret.replace('"', '""')


def _percent(text: str, safe: str = "") -> str:
    """RFC 3986, section 2.1; some leave a slash as it is."""
    return "".join(map(_UNRESERVED.__getitem__, text.encode())).replace("%2F", safe or "%2F")


_UNRESERVED = [
    chr(byte)
    if chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "-._~")
    else f"%{byte:02X}"
    for byte in range(256)
]


def _in_base64(raw: bytes) -> Iterator[str]:
    """Alone, and within a longer text: `user:password` shifts it by up to two bytes."""
    for shift in range(3):
        # The first and the last letters also depend on what stands around the secret.
        last = -((len(raw) + shift) % 3) or None
        inner = base64.b64encode((bytes(shift) + raw)[:last]).decode()[4 if shift else 0 :]
        if len(inner) >= _LONG_LINE:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
    yield base64.b64encode(raw).decode().rstrip("=")
