"""The shapes of secrets within text.

Each shape has a gate: a word or mark that every text with the shape contains, cheap to search for.
Most texts open no gate and never meet the patterns, which take ten times as long as the gates. No
pattern nests quantifiers, and repetitions are bounded or possessive, so no text makes one slow.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from functools import partial
from typing import NamedTuple

from shipper.secrets.assigned import mask_assigned
from shipper.secrets.numbers import NUMBERS
from shipper.secrets.spans import Span, replaced

_Mask = Callable[[str], tuple[str, int]]


class _Gate(Enum):
    """The kind of text to search for first: a word that names a secret, or a mark within it."""

    WORD = auto()
    MARK = auto()


class Shape(NamedTuple):
    """One kind of secret; `mask` returns the text without it, and the number of secrets.

    If a pattern alone finds it, `pattern` and `token` are for the generated pipelines, which mask
    foreign events.
    """

    kind: str
    gate: _Gate
    mask: _Mask
    pattern: str = ""
    token: str = ""


def _shape(kind: str, gate: _Gate, pattern: str, token: str | None = None) -> Shape:
    token = token or f"[{kind.upper()}]"
    return Shape(kind, gate, partial(re.compile(pattern).subn, token), pattern, token)


#: Prose often contains "basic"; credentials are the base64 of a text with a colon in it.
_BASIC = re.compile(r"(?ai)\bbasic\s{1,4}+([a-z0-9+/_-]{4,2048}+)={0,2}+")


def _mask_basic(text: str) -> tuple[str, int]:
    return replaced(text, _basic(text))


def _basic(text: str) -> Iterator[Span]:
    for match in _BASIC.finditer(text):
        whole = match[1][: len(match[1]) // 4 * 4]
        if b":" in base64.b64decode(whole.translate(_STANDARD)):
            yield Span(match.start(1), match.end(), "[AUTHORIZATION]")


_STANDARD = str.maketrans("-_", "+/")

#: In the order in which they run: longer secrets first, so that none is cut in two.
SHAPES = (
    _shape(
        "private_key",
        _Gate.MARK,
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?s:.*?)(?:-----END[^\n]{0,60}?-----|\Z)",
    ),
    _shape("jwt", _Gate.MARK, r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"),
    _shape(
        "token",
        _Gate.MARK,
        r"(?<![A-Za-z0-9])"
        r"(?:(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}"  # AWS
        r"|gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{16,}"  # GitHub
        r"|glpat-[\w-]{12,}"  # GitLab
        r"|xox[abeoprs]-[\w-]{8,}|xapp-[\w-]{8,}"  # Slack
        r"|[srp]k_(?:live|test)_\w{8,}|whsec_\w{8,}"  # Stripe
        r"|sk-[A-Za-z0-9_-]{12,}"  # OpenAI, Anthropic
        r"|AIza[\w-]{20,}|ya29\.[\w-]{8,}"  # Google
        r"|EAAC[A-Za-z0-9]{16,}|SG\.[\w-]{16,}(?:\.[\w-]+)?|hvs\.[\w-]{16,}|PMAK-[\w-]{16,}"
        r"|npm_\w{16,}|pypi-[\w-]{16,}|hf_\w{16,}|dop_v1_\w{16,}|shpat_\w{16,}"
        r"|sq0(?:atp|csp|idp)-[\w-]{16,}|key-[0-9a-f]{24,})",
    ),
    Shape("authorization", _Gate.WORD, _mask_basic),
    _shape(
        "authorization",
        _Gate.WORD,
        # Words that follow in prose: "bearer authentication failed", "bearer token".
        r"(?i)\b(bearer\s{1,4})(?!(?:auth|token|scheme|realm|credential|error|header|challenge)"
        r"[a-z]*(?![\w.~+/=-]))[\w.~+/-]{6,}=*",
        r"\1[AUTHORIZATION]",
    ),
    _shape(
        "password",
        _Gate.MARK,
        r"(:(?:\\{0,15}/){2}[^\s/:@]{0,256}):[^\s/\"'<>]{1,256}@",
        r"\1:[PASSWORD]@",
    ),
    Shape("password", _Gate.WORD, mask_assigned),
    _shape(
        "email",
        _Gate.MARK,
        r"(?<![\w.+-])[\w.+-]++(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}",
    ),
)
#: Matches every text, in lower case, that contains a shape behind `_Gate.WORD`. For speed, each
#: word is found by its rarest letter first, then by the letters around it.
_WORD = re.compile(
    r"""(?x)
    b(?:asic | earer | (?<=ib)an)
    | c(?:re(?:ds|den) | (?<=sec)ret | ard[_-]?n | (?<=ac)count[_-]?n) | j(?=sessionid|wt)
    | k(?:ey | (?<=tok)en | (?<=cook)ie)
    | p(?:ass | in(?![a-z]) | hpsessid | (?<=otp)) | s(?=sn) | u(?<=au)th
    | v(?<=cv)[vc] | w(?<=pw)
    | =(?<=sig=)"""
)
#: Matches every text that contains a shape behind `_Gate.MARK`, also by a rare letter or sign.
_MARK = re.compile(
    r"""(?x)
    @ | %40 | J(?<=eyJ) | A(?:[KSB]IA|CCA|Iza) | E(?=AAC)
    | _(?: (?<=gh[opsur]_) | (?<=npm_|sec_|pat_|_v1_) | (?<=hf_) | (?<=_live_|_test_) )
    | -(?: ----BEGIN | (?<=sk-) | (?<=key-) | (?<=xox[abeoprs]-|xapp-|pypi-|PMAK-) | (?<=glpat-)
         | (?<=sq0(?:atp|csp|idp)-) )
    | \.(?: (?<=SG\.) | (?<=hvs\.) | (?<=ya29\.) )"""
)
#: Digits that begin as a card, a bank account or a social security number may.
_NUMBER = re.compile(
    r"""(?x)
    [0-9] (?<![0-9].)
    (?: (?<=[2-6]) (?<![0-9]\..) [0-9] (?:[ .-]{0,2}[0-9]){11}
      | (?<!-.) [0-9]{2}-[0-9]{2}-[0-9]{4} (?![0-9-])
      | (?<=(?<![A-Za-z0-9])[A-Za-z]{2}.) [0-9] (?:[ -]?[A-Za-z0-9]){11} )"""
)


class Suspicion(NamedTuple):
    """The secrets that a text may contain: the shapes whose gate is open, and numbers."""

    shapes: tuple[Shape, ...]
    numbers: bool


_BEHIND: Mapping[tuple[bool, bool], tuple[Shape, ...]] = {
    (word, mark): tuple(shape for shape in SHAPES if (word if shape.gate is _Gate.WORD else mark))
    for word in (False, True)
    for mark in (False, True)
}


def suspect(text: str) -> Suspicion | None:
    """The secrets to search for in `text`; None if it cannot contain a known secret."""
    word = _WORD.search(text.lower()) is not None
    mark = _MARK.search(text) is not None
    numbers = _NUMBER.search(text) is not None
    if not (word or mark or numbers):
        return None
    return Suspicion(_BEHIND[word, mark], numbers)


def found(text: str, suspicion: Suspicion) -> bool:
    """Whether the suspected secrets are there: gates also open for many clean texts."""
    masks = [shape.mask for shape in suspicion.shapes]
    if suspicion.numbers:
        masks += [mask_number for _, mask_number in NUMBERS]
    return any(look(text)[1] for look in masks)


def mask(text: str, suspicion: Suspicion, seen: Callable[[str, int], None]) -> str:
    """Replace suspected secrets with a token of their kind; call `seen` with kind and count."""
    for shape in suspicion.shapes:
        text, count = shape.mask(text)
        if count:
            seen(shape.kind, count)
    if suspicion.numbers:
        for kind, mask_number in NUMBERS:
            text, count = mask_number(text)
            if count:
                seen(kind, count)
    return text
