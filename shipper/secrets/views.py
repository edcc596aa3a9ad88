"""Other spellings of a text: what a browser, a shell or a decoder makes of it.

A secret in `%70assword%3D…` or `pass&#119;ord` is found in the decoded text, and masked in the text
as it came. Each view remembers where its characters come from.
"""

import binascii
import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from shipper.secrets.lazy import lazy
from shipper.secrets.names import LOOKALIKES
from shipper.secrets.spans import Span

#: How often a text is decoded again: a URL in a URL in a URL.
_MOST = 3
_CODE = lazy(
    r"(?P<percent>(?:%[0-9A-Fa-f]{2})+)|(?P<entity>&(?:#[0-9]{1,6}|#[xX][0-9A-Fa-f]{1,5}|[a-zA-Z]{2,8});)"
    r"|(?P<escape>\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\+[\"'/])|(?P<plus>(?<=[\w%])\+(?=[\w%]))"
)
_IS_CODED = lazy(
    r"%[0-9A-Fa-f]{2}|&(?:#|quot;|amp;|lt;|gt;|apos;)|\\[ux][0-9A-Fa-f]{2}|=[\w.%-]*\+[\w.%-]+\+[\w.%-]"
)
_MAY_BE_CODE = lazy(r"[%&+\\\x00\x1b]|[^\x00-\x7f]")
#: Characters without a width, and those that look like others: full-width, blanks, dashes.
_ODD = lazy(
    "[\u00a0\u00ad\u034f\u061c\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u115f\u180e\u2000-\u2015\u2024\u202a-\u202f\u205f-\u2064\u2212\u3000\ufe0f\ufeff\uff01-\uff5e\x00-\x08\x1b]"
)
_INVISIBLE = lazy(
    "[\u00ad\u034f\u061c\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe0f\ufeff\x00-\x08]|\x1b\\[[0-9;]{0,16}m?"
)
_SAME = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **{base + digit: 48 + digit for base in (0x660, 0x6F0, 0x966) for digit in range(10)},
    **dict.fromkeys((160, *range(8192, 8203), 8239, 8287, 12288), 32),
    **dict.fromkeys((*range(8208, 8214), 8722), 45),
    0x2024: 46,
}
#: A word in base64. The bits of its first characters must be those of UTF-8: an ASCII character that
#: no continuation follows, a continuation, or a head that a continuation follows (RFC 3629). Most
#: identifiers fail here.
_BASE64 = lazy(
    r"(?<![A-Za-z0-9+/_=-])(?![g-v])"
    r"(?=(?:(?:[A-Za-f][A-HM-Xc-ns-z0-389+/_-]|[g-v][A-Za-z0-9+/_-]|[w-z0-9][I-LYZabo-r4-7])"
    r"[A-Za-z0-9+/_-]{2}){4})"
    r"[A-Za-z0-9+/_-]{16,4096}={0,2}(?![A-Za-z0-9+/_=-])"
)


#: Eleven characters in base64.
LEAST_BASE64 = 16
#: Text in hexadecimal: each pair begins like those of printable ASCII.
_HEX = lazy(r"(?<![0-9A-Za-z])(?:[2-7][0-9A-Fa-f]|0[9AaDd]){12,4096}(?![0-9A-Za-z])")


#: A word in two alphabets.
_LATIN = lazy(r"[a-z][аеорсухі]|[аеорсухі][a-z]")


class View(NamedTuple):
    """A text, and for each of its characters the place where it begins in the original."""

    text: str
    starts: list[int]

    def back(self, span: Span) -> Span:
        """The span in the original text."""
        return Span(self.starts[span.start], self.starts[span.end], span.token, span.rank)


def may_be_coded(text: str, separators: int = 0) -> bool:
    """Whether a text may have another spelling; cheaper than to make it.

    The text may also be several, with the given number of NULs between them.
    """
    return (
        "%" in text
        or "&" in text
        or "\\" in text
        or not text.isascii()
        or "\x1b" in text
        or ("+" in text and "=" in text and (separators > 0 or " " not in text))  # of a form
        or text.count("\0") > separators
    )


def codes_in(text: str) -> int:
    """About how many characters of a text are codes."""
    odd = 0 if text.isascii() else len(text) // 4
    return text.count("%") + text.count("&") + text.count("\\") + text.count("+") + odd


def coded_from(text: str) -> int:
    """Where the first word begins that may have another spelling."""
    code = _MAY_BE_CODE.search(text)
    return text.rfind(" ", 0, code.start()) + 1 if code else 0


def views_of(text: str) -> Iterator[View]:
    """Decoded spellings of a text that differ from it."""
    view = View(text, [])
    if (not text.isascii() or "\x1b" in text or "\0" in text) and _ODD.search(text):
        view = _without_odd(text)
        yield view
    if not text.isascii() and (spelt := text.translate(LOOKALIKES)) != text and _LATIN.search(text):
        yield View(spelt, [*range(len(text) + 1)])
    if not _IS_CODED.search(view.text):
        return
    if not view.starts:
        view = View(text, [*range(len(text) + 1)])
    for _ in range(_MOST):
        decoded = _decoded(view)
        if decoded.text == view.text:
            return
        view = decoded
        yield view


def _without_odd(text: str) -> View:
    pieces: list[str] = []
    starts: list[int] = []
    at = 0
    for match in _INVISIBLE.finditer(text):
        pieces.append(text[at : match.start()])
        starts += range(at, match.start())
        at = match.end()
    pieces.append(text[at:])
    starts += range(at, len(text) + 1)
    return View("".join(pieces).translate(_SAME), starts)


def _decoded(view: View) -> View:
    text = view.text
    pieces: list[str] = []
    starts: list[int] = []
    at = 0
    for match in _CODE.finditer(text):
        plain = _plain(match)
        pieces += (text[at : match.start()], plain)
        starts += view.starts[at : match.start()]
        begin, end = view.starts[match.start()], view.starts[match.end()]
        step = (end - begin) / max(1, len(plain))
        starts += [begin + int(number * step) for number in range(len(plain))]
        at = match.end()
    pieces.append(text[at:])
    starts += view.starts[at:]
    return View("".join(pieces), starts)


def _plain(match: re.Match[str]) -> str:
    code = match[0]
    if match["percent"]:
        return bytes.fromhex(code.replace("%", "")).decode("latin-1")
    if match["entity"]:
        return html.unescape(code)
    if match["plus"]:
        return " "
    return chr(int(code[2:], 16)) if code[1] in "ux" else code[-1]  # noqa: FURB166 - no prefix of Python's


def in_base64(text: str) -> list[tuple[int, int, str]]:
    """Values in base64 or hexadecimal that are text: where they stand, and the text."""
    if len(text) < LEAST_BASE64:
        return []
    found = [(*match.span(), bytes.fromhex(match[0]).decode()) for match in _HEX.finditer(text)]
    if not _BASE64.search(text):
        return found
    found += [
        (match.start(), match.end(), plain)
        for match in _BASE64.finditer(text)
        if (plain := _text_of(match[0]))
    ]
    return found


def _text_of(word: str) -> str:
    """The text that a word in base64 stands for; empty if it stands for none."""
    body = word.rstrip("=").translate(_STANDARD)
    try:
        raw = binascii.a2b_base64(body + "=" * (-len(body) % 4))
    except binascii.Error:
        return ""
    plain = raw.decode("utf-8", "surrogateescape")  # most words are none: an error would cost more
    return plain if plain.isprintable() or _TEXT.fullmatch(plain) else ""


_STANDARD = str.maketrans("-_", "+/")
_TEXT = lazy(r"[^\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]*")
