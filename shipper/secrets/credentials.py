"""Tokens of the web's own standards, and the credentials of headers."""

import base64

from shipper.secrets.kinds import Kind
from shipper.secrets.lazy import lazy

_STANDARD = str.maketrans("-_", "+/")


def _decoded(text: str) -> bytes:
    head = text.rstrip("=").translate(_STANDARD)
    return base64.b64decode(head[: len(head) // 4 * 4])


#: Bytes of credentials that a word might be by chance: `2.7.2. Basic Options`.
_SHORT = 8


def _has_colon(text: str) -> bool:
    """Prose often contains "basic"; credentials are the base64 of a text with a colon in it."""
    plain = _decoded(text)
    return b":" in plain and (len(plain) > _SHORT or plain.isascii())


#: Members of a token's header (RFC 7515, RFC 7516). A cursor of a list is JSON in base64 too.
_OF_HEADERS = lazy(rb'"(?:alg|typ|kid|enc|cty|x5t|jwk|jku|b64|zip|epk|apu|crit)')


def _is_jwt(text: str) -> bool:
    return "." in text or _OF_HEADERS.search(_decoded(text)) is not None


#: A token that a command logs in with has no spaces and is no option.


_LINE = r"(?:\r?\n[A-Za-z0-9_.-]{20,})"
_JWT = (
    r"(?<![A-Za-z0-9])e(?:yJ|wog|wo[gJ]|yAg)[A-Za-z0-9_-]{8,}"
    rf"(?:\.[A-Za-z0-9_-]*(?:(?<=[A-Za-z0-9_.-]{{40}}){_LINE}+[A-Za-z0-9_.-]*)?){{0,4}}(?:~[A-Za-z0-9_.~-]+)?"
)
#: Words that follow in prose: "bearer authentication failed", "bearer token".
_BEARER = (
    r"(?i)\bbearer\s{1,4}(?P<s>(?!(?:auth|token|scheme|realm|credential|error|header|challenge)"
    r"[a-z]*(?![\w.~+/=-]))[\w.~+/-]{6,}=*)"
)
CREDENTIALS = (
    Kind(
        "jwt",
        ("eyj", "ewog", "ewoj", "eyag"),
        _JWT,
        "RFC 7519",
        ("ey~JhbGciOiJIUzI1NiJ9.e30.x",),
        ("cursor eyJpZCI6MTIzNDU2fQ",),
        "jwt",
        check=_is_jwt,
    ),
    Kind(
        "paseto",
        (".local.", ".public."),
        r"(?<![A-Za-z0-9])v[1-4]\.(?:local|public)\.[A-Za-z0-9_-]{32,}(?:\.[A-Za-z0-9_-]+)?",
        "github.com/paseto-standard",
        ("v4.local.~" + "c70fqZv6gr" * 4,),
        (),
        "jwt",
        back=2,
    ),
    Kind(
        "jwt-base64",
        ("zxlk",),
        r"\bZXlK[A-Za-z0-9+/]{24,}={0,2}",
        "RFC 7519",
        ("ZXlK~aGJHY2lPaUpJVXpJMU5pSjkuZTMwLng",),
        (),
        "jwt",
    ),
    Kind(
        "basic",
        ("basic",),
        r"(?ai)\bbasic\s{1,4}+(?P<s>[a-z0-9+/_-]{4,2048}+={0,2}+)",
        "RFC 7617",
        ("Basic Ym9iOmh1bnRlcjI=",),
        ("a basic understanding",),
        "authorization",
        check=_has_colon,
    ),
    Kind(
        "bearer",
        ("bearer",),
        _BEARER,
        "RFC 6750",
        ("Bearer 8f3a9bc2d1",),
        ("bearer token missing",),
        "authorization",
    ),
)
