r"""Regular expressions of a configuration, in the syntax of Go, which is that of RE2.

RE2 (the extra `fast`) takes time in proportion to the text. Without it Python's engine is used: a
pattern that could take exponential time there is refused.
"""

import re
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

#: A text that any engine reads the same way, perhaps at the start of the line.
_LITERAL = re.compile(r"\^?[A-Za-z0-9 _/:;,=@#%&\"'<>!~-]*")

#: Go's names of character classes within brackets; Python has none.
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "digit": "0-9",
    "lower": "a-z",
    "upper": "A-Z",
    "space": r"\s",
    "blank": r"\t ",
    "word": r"\w",
    "xdigit": "0-9A-Fa-f",
    "punct": r"!-/:-@\[-`{-~",
    "cntrl": r"\x00-\x1f\x7f",
    "print": r"\x20-\x7e",
    "graph": r"\x21-\x7e",
    "ascii": r"\x00-\x7f",
}
_CLASS = re.compile(r"\[:([a-z]+):\]")
_NEEDS_RE2 = "pip install 'mcp-shipper[fast]' for RE2, which reads it"

#: The longest pattern that is read.
_MAX_CHARACTERS = 65_536


class Pattern:
    """A pattern; two of the same text are equal."""

    __slots__ = ("compiled", "pattern", "search")

    def __init__(self, pattern: str, compiled: Any) -> None:
        self.pattern = pattern
        #: The engine's own object, with `sub`.
        self.compiled = compiled
        #: Something other than None if the pattern matches anywhere in the text.
        self.search: Callable[[str], object | None] = compiled.search

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self.pattern == other.pattern

    def __hash__(self) -> int:
        return hash(self.pattern)

    def __repr__(self) -> str:
        return f"Pattern({self.pattern!r})"

    def __reduce__(self) -> tuple[Callable[[str], "Pattern"], tuple[str]]:
        return pattern_of, (self.pattern,)


def pattern_of(text: str) -> Pattern:
    """The pattern; raises `ValueError` if it is none, or if it needs an engine that is missing."""
    if len(text) > _MAX_CHARACTERS:
        raise ValueError(f"longer than {_MAX_CHARACTERS} characters")
    if _LITERAL.fullmatch(text):  # a tenth of the time that a call of RE2 takes
        return Pattern(text, re.compile(text))
    engine = _re2()
    return Pattern(text, _of_python(text) if engine is None else _Lenient(_of_re2(engine, text)))


class _Lenient:
    """A pattern of RE2 that reads any text, also the name of a file that is not UTF-8."""

    __slots__ = ("_pattern", "sub")

    def __init__(self, pattern: Any) -> None:
        self._pattern, self.sub = pattern, pattern.sub

    def search(self, text: str) -> object | None:
        try:
            found: object | None = self._pattern.search(text)
        except UnicodeEncodeError:  # it has half a character
            found = self._pattern.search(text.encode(errors="replace").decode())
        return found


def plain_pattern(text: str) -> re.Pattern[str]:
    """The pattern for Python's engine, which it cannot hold up; raises `ValueError` otherwise."""
    compiled: re.Pattern[str] = _of_python(text)
    return compiled


@cache
def _re2() -> Any:
    """The module, if it is installed; 4 ms and 4 MB, for configurations with patterns."""
    try:
        import re2
    except ImportError:
        return None
    return re2


def _of_re2(engine: Any, text: str) -> Any:
    options = engine.Options()
    options.log_errors = False
    try:
        return engine.compile(text, options)
    except engine.error as error:
        reason = error.args[0]
        shown = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"{shown}{_advice(text)}") from error


def _advice(text: str) -> str:
    """Another way, for what Perl and Python have and Go has not."""
    if re.search(r"\(\?<?[=!]", text):
        return "; Go has no lookaround: use a second pattern, or a condition"
    if re.search(r"\\[1-9]", text):
        return "; Go has no references to groups"
    return r"; Go ends a text with \z" if r"\Z" in text else ""


def _of_python(text: str) -> Any:
    """Python's pattern with classes in ASCII, as in Go."""
    own = _CLASS.sub(lambda match: _CLASSES.get(match[1], match[0]), text).replace(r"\z", r"\Z")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # `[[:alpha:]]` means something else in Python
            compiled = re.compile(own, re.ASCII)
            parsed = _parsed(own)
    except (re.error, FutureWarning, DeprecationWarning, OverflowError, RecursionError) as error:
        raise ValueError(f"{error}; {_NEEDS_RE2}") from error
    if "{," in own or any(name in _ONLY_PYTHON for name in _names(parsed)):
        raise ValueError(f"it means something else in Go; {_NEEDS_RE2}")
    if _repeats(parsed):
        raise ValueError(f"a repetition within a repetition can take for ever; {_NEEDS_RE2}")
    return compiled


def _parsed(text: str) -> Sequence[Any]:
    from re import _parser  # type: ignore[attr-defined]

    parsed: Sequence[Any] = _parser.parse(text, re.ASCII)
    return parsed


_REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}
_ONLY_PYTHON = {"ASSERT", "ASSERT_NOT", "GROUPREF", "GROUPREF_EXISTS", "ATOMIC_GROUP"}
#: A repetition up to this count multiplies the time, and no more.
_FEW = 8


def _names(parsed: Any) -> list[str]:
    """The kinds of all nodes of Python's parse tree."""
    found: list[str] = []
    for name, argument in _nodes(parsed):
        found += [name, *_names(argument)]
    return found


def _repeats(parsed: Any, *, is_repeated: bool = False) -> bool:
    """Whether a repetition of any count stands in another one."""
    for name, argument in _nodes(parsed):
        is_one = name in _REPEATS and argument[1] > _FEW
        varies = name in _REPEATS and argument[0] != argument[1]
        if (is_repeated and varies) or _repeats(argument, is_repeated=is_repeated or is_one):
            return True
        if is_repeated and name == "BRANCH":
            return True
    return False


def _nodes(parsed: Any) -> list[tuple[str, Any]]:
    """The nodes directly below one of Python's parse tree."""
    parsed = getattr(parsed, "data", parsed)
    if isinstance(parsed, tuple | list) and len(parsed) == 2 and hasattr(parsed[0], "name"):  # noqa: PLR2004
        return [(parsed[0].name, parsed[1])]
    if isinstance(parsed, str | bytes) or not hasattr(parsed, "__iter__"):
        return []
    return [node for one in parsed for node in _nodes(one)]
