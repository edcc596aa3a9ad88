"""Other spellings of a text: the encodings and tricks under which a secret travels."""

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_ARABIC = {ord("0") + digit: 0x0660 + digit for digit in range(10)}
_LOOKALIKES = str.maketrans("aeopcxi", "\u0430\u0435\u043e\u0440\u0441\u0445\u0456")


def _base64(text):
    return base64.b64encode(text.encode()).decode()


def _json(text):
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _grouped(text, by, size=4):
    return by.join(text[at : at + size] for at in range(0, len(text), size))


def _middle(text, between):
    return text[: len(text) // 2] + between + text[len(text) // 2 :]


FILTERS = {
    "url": lambda text: quote(text, safe=""),
    "path": quote,
    "plus": quote_plus,
    "lowpct": lambda text: re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), quote(text, safe="")),
    "twice": lambda text: quote(quote(text, safe=""), safe=""),
    "html": lambda text: html.escape(text).replace("&#x27;", "&#39;"),
    "entities": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "json": _json,
    "escapes": lambda text: "".join(f"\\u{ord(one):04x}" for one in text),
    "b64": _base64,
    "b64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "b64lines": lambda text: "\n".join(
        _base64(text)[at : at + 76] for at in range(0, len(_base64(text)), 76)
    ),
    "b32": lambda text: base64.b32encode(text.encode()).decode(),
    "hexed": lambda text: text.encode().hex(),
    "upper": str.upper,
    "lower": str.lower,
    "backwards": lambda text: text[::-1],
    "repr": lambda text: repr(text)[1:-1],
    "shell": lambda text: text.replace("'", "'\\''"),
    "sql": lambda text: text.replace("'", "''"),
    "csv": lambda text: text.replace('"', '""'),
    "spaced": lambda text: _grouped(text, " "),
    "dashed": lambda text: _grouped(text, "-"),
    "dotted": lambda text: _grouped(text, "."),
    "nbsp": lambda text: _grouped(text, "\u00a0"),
    "endash": lambda text: _grouped(text, "\u2013"),
    "thin": lambda text: _grouped(text, "\u2009"),
    "pairs": lambda text: _grouped(text, " ", 2),
    "lines": lambda text: _grouped(text, "\n", 64),
    "zerowidth": lambda text: _middle(text, "\u200b"),
    "joiner": lambda text: _middle(text, "\u200d"),
    "softhyphen": lambda text: _middle(text, "\u00ad"),
    "bom": lambda text: _middle(text, "\ufeff"),
    "wordjoiner": lambda text: _middle(text, "\u2060"),
    "fullwidth": lambda text: text.translate(_FULL_WIDTH),
    "arabic": lambda text: text.translate(_ARABIC),
    "lookalike": lambda text: text.translate(_LOOKALIKES),
    "folded": lambda text: _middle(text, "\n "),
    "continued": lambda text: _middle(text, "\\\n"),
    "joined": lambda text: _middle(text, '" + "'),
    "tail": lambda text: text[len(text) // 2 :],
}


def outside_marks(name, text):
    """The filter over each piece of a text between marks of secrets."""
    return "".join(
        piece if piece in "«»" else FILTERS[name](piece) for piece in re.split("([«»])", text)
    )
