"""Python's patterns in the dialects of Ruby and of Java.

They translate the patterns of `shipper.secrets`, not every possible pattern.
"""

import re

#: The item that a possessive `{n,m}+` repeats: a set, an escape or a letter.
_ATOM = r"(\[(?:\\.|[^\]\\])*\]|\\.|[\w=])"


def ruby(pattern: str) -> str:
    """In Ruby's dialect: other syntax for named groups, `m` for `s`, no possessive `{n,m}+`."""
    text = _atomic_groups(_portable(pattern))
    text = re.sub(_ATOM + r"\{(\d*,?\d*)\}\+", r"(?>\1{\2})", text)
    return re.sub(r"\(\?([is]+)([:)])", lambda m: f"(?{m[1].replace('s', 'm')}{m[2]}", text)


def _atomic_groups(pattern: str) -> str:
    """Each `(...){n,m}+` as `(?>(...){n,m})`: Ruby reads the `+` as one more repetition."""
    open_at: list[int] = []
    for part in re.finditer(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()]", pattern, re.DOTALL):
        if part[0] == "(":
            open_at.append(part.start())
        elif part[0] == ")":
            start = open_at.pop()
            if times := re.compile(r"(\{\d*,?\d*\})\+").match(pattern, part.end()):
                atomic = f"(?>{pattern[start : part.end()]}{times[1]})"
                return _atomic_groups(pattern[:start] + atomic + pattern[times.end() :])
    return pattern


def java(pattern: str) -> str:
    """In Java's dialect: `(?d)` makes `.` stop at line feeds only."""
    return f"(?d){_portable(pattern)}"


def body_of(pattern: str) -> str:
    """A pattern without the flags at its head."""
    return re.sub(r"\A\s*\(\?[adimsx]+\)", "", pattern)


def _portable(pattern: str) -> str:
    text = compact(pattern).replace("(?P<", "(?<").replace(r"\Z", r"\z")
    return re.sub(r"\(\?P=(\w+)\)", r"\\k<\1>", text)


def compact(pattern: str) -> str:
    """The pattern without the blanks that `(?x)` allows, and without flags of Python only."""
    head = re.match(r"\s*\(\?([aimsx]+)\)", pattern)
    letters = head[1] if head else ""
    body = body_of(pattern)
    if "x" in letters:
        body = "".join(re.findall(r"\[(?:\\.|[^\]\\])*\]|\\.|\(\?#|[^\s]", body, re.DOTALL))
    kept = "".join(letter for letter in letters if letter in "ims")
    return f"(?{kept}){body}" if kept else body
