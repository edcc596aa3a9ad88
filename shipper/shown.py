r"""Names and texts of others, made safe to print.

A file name is bytes. Python decodes it with surrogates for bytes that are not UTF-8; no encoder
takes those, and whoever names a file may put control sequences for a terminal in it. Here each such
byte becomes `\xNN`. In a name, a backslash before an `x` becomes `\x5c`, so that no two names look
the same.
"""

import re

_BACKSLASH = re.compile(r"\\(?=x)")


def shown(name: str) -> str:
    """The name on one line, with each character that is not printable escaped."""
    escaped = _BACKSLASH.sub(r"\\x5c", name)
    return escaped if escaped.isprintable() else "".join(map(_shown, escaped))


def as_text(name: str) -> str:
    """The exact name if it is UTF-8, as JSON can hold it; otherwise `shown`."""
    return name if is_encodable(name) else shown(name)


def printable(text: str) -> str:
    """A text of several lines without control characters other than newlines and tabs."""
    if text.isprintable():
        return text
    return "".join(one if one in "\n\t" else _shown(one) for one in text)


def is_encodable(text: str) -> bool:
    """Whether UTF-8 can hold the text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    is_byte = "\udc80" <= character <= "\udcff"
    data = character.encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in data)
