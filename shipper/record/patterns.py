"""What a secret looks like within text.

Each shape has literal gates: substrings of which one must be there for the pattern to match. Text
without them never meets the pattern, which is what makes scanning cheap: a plain `in` costs some
50 ns, an alternation of all the patterns microseconds. No pattern nests quantifiers, and what
repeats is bounded or cannot be entered twice, so none can be made to run long.
"""

import base64
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from shipper.record.assigned import ASSIGNED_GATES, mask_assigned
from shipper.record.numbers import NUMBERS
from shipper.record.spans import Span, replaced

_Mask = Callable[[str], tuple[str, int]]


class Shape(NamedTuple):
    """One kind of secret; `mask` gives the text without it and how often it was there.

    A shape that a pattern alone can find has it here, with its token, for the pipelines that mask
    foreign events.
    """

    kind: str
    mask: _Mask
    gates: tuple[str, ...] = ()  # in lower case
    pattern: str = ""
    token: str = ""


def _shape(kind: str, gates: str, pattern: str, token: str | None = None) -> Shape:
    token = token or f"[{kind.upper()}]"
    mask = partial(re.compile(pattern).subn, token)
    return Shape(kind, mask, tuple(gates.split()), pattern, token)


#: Prose has many a basic thing; credentials are base64 with a colon in it.
_BASIC = re.compile(r"(?i)\bbasic\s{1,4}+([a-z0-9+/_-]{4,2048}+)={0,2}+")


def _mask_basic(text: str) -> tuple[str, int]:
    return replaced(text, _basic(text))


def _basic(text: str) -> Iterator[Span]:
    for match in _BASIC.finditer(text):
        whole = match[1][: len(match[1]) // 4 * 4]
        if b":" in base64.b64decode(whole.translate(_STANDARD)):
            yield Span(match.start(1), match.end(), "[AUTHORIZATION]")


_STANDARD = str.maketrans("-_", "+/")

#: In the order they run: whole secrets first, so that a later shape does not cut one in two.
SHAPES = (
    _shape(
        "private_key",
        "-----begin",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?s:.*?)(?:-----END[^\n]{0,60}?-----|\Z)",
    ),
    _shape("jwt", "eyj", r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"),
    _shape(
        "token",
        "akia asia abia acca ya29. aiza eaac sg. hvs. ghp_ gho_ ghs_ ghu_ ghr_ github_pat_ _live_ "
        "_test_ whsec_ npm_ hf_ dop_v1_ shpat_ glpat- xox xapp- sk- pypi- sq0 key- pmak-",
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
        r"|sq0[a-z]{3}-[\w-]{16,}|key-[0-9a-f]{24,})",
    ),
    Shape("authorization", _mask_basic, ("basic",)),
    _shape(
        "authorization",
        "bearer",
        # What follows the word in prose: "bearer authentication failed", "bearer token".
        r"(?i)\b(bearer\s{1,4})(?!(?:auth|token|scheme|realm|credential|error|header|challenge)"
        r"[a-z]*(?![\w.~+/=-]))[\w.~+/-]{6,}=*",
        r"\1[AUTHORIZATION]",
    ),
    _shape(
        "password",
        "@",
        r"(:(?:\\{0,15}/){2}[^\s/:@]{0,256}):[^\s/\"'<>]{1,256}@",
        r"\1:[PASSWORD]@",
    ),
    Shape("password", mask_assigned, ASSIGNED_GATES),
    _shape(
        "email",
        "@ %40",
        r"(?<![\w.+-])[\w.+-]++(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}",
    ),
)
#: At least nine digits in a row but for separators: without them there is no number to protect.
_HAS_NUMBER = re.compile(r"[0-9][0-9 .-]{8}")


class Suspicion(NamedTuple):
    """What a text may hold: the shapes whose gate is open, and whether there are long numbers."""

    shapes: tuple[Shape, ...]
    numbers: bool


def _gates(mark: str) -> tuple[tuple[str, int], ...]:
    """Every gate with its shape's place in `SHAPES`, for one of `_MARKS`."""
    return tuple(
        (gate, at)
        for at, shape in enumerate(SHAPES)
        for gate in shape.gates
        if mark == next((mark for mark in _MARKS if mark in gate), "")
    )


#: Half of the gates hold one of these, and most texts hold none: one look spares a dozen.
_MARKS = ("_", "-", "@", "%", ".")
_UNMARKED = _gates("")
_MARKED = tuple((mark, _gates(mark)) for mark in _MARKS)


def suspect(text: str) -> Suspicion | None:
    """What to look for in `text`; None when it can hold none of the known secrets."""
    lower = text.lower()
    found = [at for gate, at in _UNMARKED if gate in lower]
    for mark, gates in _MARKED:
        if mark in lower:
            found += [at for gate, at in gates if gate in lower]
    numbers = _HAS_NUMBER.search(text) is not None
    if not found and not numbers:
        return None
    return Suspicion(tuple(SHAPES[at] for at in sorted({*found})), numbers)


def mask(text: str, suspicion: Suspicion, seen: Callable[[str, int], None]) -> str:
    """Replace what is suspected with a token of its kind; tell `seen` the kind and count."""
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
