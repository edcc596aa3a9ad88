"""Published forms of tokens, in a notation that gives both the pattern and an example.

`ghp_<w16+36>` is the literal `ghp_`, then letters and digits: sixteen or more match, and an example
has thirty-six. `<x32>` matches exactly 32. So no file of the product holds a token that looks live.
"""

import hashlib
import re
from functools import cache

from shipper.secrets.lazy import lazy

#: The characters that a letter stands for: as a set in a pattern, and for examples.
_SETS = {
    "a": "[A-Za-z]",
    "b": "[A-Za-z0-9+/]",
    "d": "[0-9]",
    "l": "[a-z0-9]",
    "s": r"[A-Za-z0-9_\-]",
    "t": r"[A-Za-z0-9_.=\-]",
    "u": "[A-Z0-9]",
    "v": r"[A-Za-z0-9_.~+/=%\-]",
    "w": "[A-Za-z0-9]",
    "x": "[0-9a-fA-F]",
}
_HEX = "0123456789abcdef"
_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_ALL = _LOWER + _LOWER[:26].upper()
_LETTERS = {"a": _LOWER[:26], "d": _HEX[:10], "l": _LOWER, "u": _LOWER.upper(), "x": _HEX}
_PART = lazy(r"<(?P<set>[a-z])(?P<least>\d+)(?:(?P<more>\+)(?P<usual>\d+)?)?>")


def pattern_of(form: str) -> str:
    """The pattern of a form; parts in `{{…}}` are patterns already."""
    pieces = re.split(r"(<[a-z]\d+(?:\+\d*)?>|\{\{.*?\}\})", form)
    return "".join(map(_pattern, pieces))


def _pattern(piece: str) -> str:
    if piece.startswith("{{"):
        return piece[2:-2]
    part = _PART.fullmatch(piece)
    if not part:
        return re.escape(piece)
    return f"{_SETS[part['set']]}{{{part['least']}{',' if part['more'] else ''}}}"


def example_of(form: str) -> str:
    """A text of the form: the same one each time, of letters as if by chance."""
    plain = re.sub(r"\{\{(.*?)\}\}", lambda part: _first(part[1]), form)
    return _PART.sub(lambda part: _example(part, form), plain)


@cache
def length_of(form: str) -> int:
    """Characters of a token of the form, without the parts that are patterns."""
    parts = sum(int(part["usual"] or part["least"]) for part in _PART.finditer(form))
    return parts + len(_PART.sub("", re.sub(r"\{\{.*?\}\}", "", form)))


def _first(pattern: str) -> str:
    """A text that a simple pattern matches: the first of each choice."""
    text = re.sub(r"\(\?<?[!=][^()]*\)", "", pattern).replace(r"\x20", " ")
    text = re.sub(r"\(\?:(?P<first>[^|()]*)[^()]*\)(?P<perhaps>\?)?", _choice, text)
    text = re.sub(
        r"\[(\\?.)[^\]]*\](?:\{(\d+)[^}]*\}|(\+))?", lambda m: m[1] * int(m[2] or 1), text
    )
    return re.sub(r"\\(.)", r"\1", text).replace("?", "")


def _choice(match: re.Match[str]) -> str:
    return "" if match["perhaps"] else match["first"]


def _example(part: re.Match[str], form: str) -> str:
    letters = _LETTERS.get(part["set"], _ALL)
    seed = f"{form} {part.start()}".encode()
    chance = hashlib.shake_128(seed).digest(int(part["usual"] or part["least"]))
    return "".join(letters[byte % len(letters)] for byte in chance)


def head_of(form: str) -> str:
    """The literal at the head of a form, in lower case: its gate."""
    return re.split(r"<[a-z]\d|\{\{", form, maxsplit=1)[0].lower()
