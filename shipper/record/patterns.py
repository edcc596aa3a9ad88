"""What a secret looks like: names of keys, and shapes within text.

Each shape has a literal gate: a substring without which the pattern cannot match. Text without
the literal never meets the pattern, which is what makes scanning cheap (a plain `in` costs some
30 ns; an alternation of all patterns costs microseconds). No pattern nests quantifiers, so none
can be made to run long.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

#: Keys whose whole value is a secret, after lower-casing and dropping `-`, `_`, `.` and blanks.
_SECRET_KEY = re.compile(
    r"""(?x)
    (?: pass(?:word|wd|phrase|code)s? | pwd | secrets? | credentials? | authorization | cookies?
      | (?:api|private|secret|access|signing|encryption|account|client|ssh|master|shared)keys?
      | connectionstring | otp | mfacode | cvv2? | cvc2? | pin | pincode | ssn | iban
      | socialsecurity(?:number)? | (?:card|creditcard|account)numbers?
      | (?:access|auth|bearer|id|refresh|session|security|api|csrf|xsrf|jwt|sas|user)?tokens?
      | jwt | sessionid | codeverifier | authcode
    )$"""
)
#: Keys that end like a secret but count or page things (models' `max_tokens`, listings' cursors).
_HARMLESS_KEY = re.compile(
    r"""(?x)
    (?: max | min | prompt | completion | input | output | total | reasoning | cached | stop
      | num | usage )(?:new)?tokens?
    | (?:next|page|nextpage|continuation|pagination|progress|sync)tokens?
    | .*spin"""
)
_DROPPED = str.maketrans("", "", "-_. ")


@lru_cache(maxsize=4096)  # keys repeat; the bound keeps a hostile caller's keys from piling up
def is_secret_key(key: str) -> bool:
    """Whether the value under `key` is a secret whatever it looks like."""
    plain = key[-64:].translate(_DROPPED).lower()
    return bool(_SECRET_KEY.search(plain)) and not _HARMLESS_KEY.fullmatch(plain)


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1: the check digit of a card number."""
    odd = digits[-1::-2]
    even = digits[-2::-2]
    total = sum(map(int, odd)) + sum(sum(divmod(2 * int(d), 10)) for d in even)
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Whether the digits are a plausible card number: 13 to 19 of them, checked, not all alike."""
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and _luhn(digits)  # noqa: PLR2004 - ISO/IEC 7812-1


def _card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    return "[CARD]" if is_card(digits) else match[0]


def _iban(match: re.Match[str]) -> str:
    plain = match[0].replace(" ", "")
    number = "".join(str(int(c, 36)) for c in plain[4:] + plain[:4])
    return "[IBAN]" if int(number) % 97 == 1 else match[0]


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of secret: run `pattern` only over text that holds one of `gates`."""

    kind: str
    gates: tuple[str, ...]  # in lower case
    pattern: re.Pattern[str]
    token: str | Callable[[re.Match[str]], str]


def _shape(
    kind: str, gates: str, pattern: str, token: str | Callable[[re.Match[str]], str] | None = None
) -> Shape:
    return Shape(kind, tuple(gates.split()), re.compile(pattern), token or f"[{kind.upper()}]")


#: In the order they run: whole secrets first, so that a later shape does not cut one in two.
SHAPES = (
    _shape(
        "private_key",
        "-----begin",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"[^\x00]*?(?:-----END[^\n]{0,60}-----|\Z)",
    ),
    _shape("jwt", "eyj", r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"),
    _shape(
        "token",
        "akia asia gh glpat- xox sk- sk_ rk_ pk_ whsec_ aiza ya29. npm_ pypi- hf_ dop_ shpat_ sq0 "
        "key- eaac",
        r"\b(?:(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}"  # AWS
        r"|gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{16,}"  # GitHub
        r"|glpat-[\w-]{12,}"  # GitLab
        r"|xox[abeoprs]-[\w-]{8,}|xapp-[\w-]{8,}"  # Slack
        r"|[srp]k_(?:live|test)_\w{8,}|whsec_\w{8,}"  # Stripe
        r"|sk-[A-Za-z0-9_-]{12,}"  # OpenAI, Anthropic
        r"|AIza[\w-]{20,}|ya29\.[\w-]{8,}"  # Google
        r"|npm_\w{16,}|pypi-[\w-]{16,}|hf_\w{16,}|dop_v1_\w{16,}|shpat_\w{16,}|sq0[a-z]{3}-[\w-]{16,}"
        r"|key-[0-9a-f]{24,}|EAAC[A-Za-z0-9]{16,})",
    ),
    _shape(
        "authorization",
        "bearer basic",
        r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/-]{6,}=*",
        r"\1 [AUTHORIZATION]",
    ),
    _shape("password", "://", r"(://[^\s/:@]{0,256}):[^\s/@]{1,256}@", r"\1:[PASSWORD]@"),
    _shape(
        "password",
        "pass pwd secret token api key credential cookie",
        r"""(?ix)
        ( (?:[\w-]{0,32}[_-])?
          (?:pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|access[_-]?key|credential
             |set-cookie|cookie|private[_-]?key|client[_-]?secret|account[_-]?key)s?
          ["'\\]{0,4} (?:\s{0,4}(?:[:=]|=>)\s{0,4}|\s+(?:is|was)\s+) )
        (?! \W{0,4}\[[A-Z] )  # masked already
        (?: (?P<q>["'\\]{1,4}) .{1,256}? (?P=q) | [^\s"'\\,;&}\])]{1,256} )""",
        r"\1[PASSWORD]",
    ),
    _shape(
        "email",
        "@ %40",
        r"[A-Za-z0-9._%+-]{1,64}(?:@|%40)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}",
    ),
)
#: Numbers that only their form or their check digits tell from others.
_NUMBERS: tuple[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    ("card", re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?!\d)"), _card),
    ("iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"), _iban),
    ("ssn", re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"), "[SSN]"),
)
_HAS_NUMBER = re.compile(r"[0-9](?:[0-9]{3}|[ -][0-9])")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What a text may hold: the shapes whose gate is open, and whether there are long numbers."""

    shapes: tuple[Shape, ...]
    numbers: bool


#: Every gate with the place of its shape in `SHAPES`: one flat sweep is the cheapest way to look.
_GATES = tuple((gate, at) for at, shape in enumerate(SHAPES) for gate in shape.gates)


def suspect(text: str) -> Suspicion | None:
    """What to look for in `text`; None when it can hold none of the known secrets."""
    lower = text.lower()
    open_shapes = {at for gate, at in _GATES if gate in lower}
    numbers = _HAS_NUMBER.search(text) is not None
    if not open_shapes and not numbers:
        return None
    return Suspicion(tuple(SHAPES[at] for at in sorted(open_shapes)), numbers)


def mask(text: str, suspicion: Suspicion, seen: Callable[[str, int], None]) -> str:
    """Replace what is suspected with a token of its kind; tell `seen` the kind and count."""
    for shape in suspicion.shapes:
        text, count = shape.pattern.subn(shape.token, text)
        if count:
            seen(shape.kind, count)
    if suspicion.numbers:
        for kind, pattern, token in _NUMBERS:
            masked = pattern.sub(token, text)
            if masked != text:
                seen(kind, 1)
                text = masked
    return text
