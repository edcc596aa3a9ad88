"""The operator's own names, kinds and exceptions, beside the built-in tables.

They apply to the complete process: if one handler of an application must not write a secret, another
must not either.
"""

import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from shipper.patterns import plain_pattern
from shipper.secrets.kinds import Kind
from shipper.secrets.lazy import lazy

#: Characters before the literal of an own kind from which its pattern may match.
_BACK = 64
_SOURCE = "the operator"
_kinds: dict[str, Kind] = {}
_names: set[str] = set()
_allowed: dict[str, re.Pattern[str]] = {}
#: The key of digests, if there is one.
_key: list[bytes] = []
#: How a kind is masked, if not as all are: `token`, `digest` or `last4`.
_masks: dict[str, str] = {}
_ALL = "all"
#: Masks of no secret alone.
_BARE = frozenset({"[CUT]"})
#: Fewer letters and digits would hide too little beside the last four.
_LEAST_FOR_LAST4 = 9
_SEPARATORS = lazy(r"[\W_]+")
#: A value behind its name in a text: in quotes, or a word.
_VALUE = r"""["'\\]{0,4}\s{0,2}[:=>]\s{0,3}["'\\]{0,4}(?!\[[A-Z_]+[#*\]])(?P<s>[^\s"'\\,;&<>}\])]{1,256})"""


#: Name, literal and pattern of an own kind.
_Row = tuple[str, str, str]


def declare(
    rows: Iterable[_Row] = (),
    names: Iterable[str] = (),
    allowed: Iterable[str] = (),
    digest_key: str = "",
    masks: Mapping[str, str] | None = None,
) -> None:
    """Add to the tables; a row has the name, literal and pattern of a kind.

    `names` are names of members whose values are secrets, in any case and with any separators.
    `allowed` are patterns of complete texts that are no secrets, whatever finds them.
    `digest_key` is a file: with its content as key, each mask has a digest of the secret, so that
    equal secrets can be found. Raises `OSError` if it cannot be read. `masks` decides by kind, or
    for `all`: `token`, `digest` (the default with a key) or `last4`.
    """
    _masks.update(masks or {})
    if digest_key:
        _key[:] = [Path(digest_key).read_bytes().strip()]
    before = (len(_kinds), len(_names), len(_allowed))
    names = list(names)
    for kind in kinds_of(rows, names):
        _kinds.setdefault(f"{kind.name} {kind.pattern}", kind)
    _names.update(map(plain_name, names))
    for pattern in allowed:
        _allowed.setdefault(pattern, plain_pattern(pattern))
    if before != (len(_kinds), len(_names), len(_allowed)):
        _clear_caches()


def kinds_of(rows: Iterable[_Row], names: Iterable[str]) -> Iterator[Kind]:
    """The own kinds, and those that find `name = value` in a text."""
    for name, literal, pattern in rows:
        yield Kind(
            name, (literal.lower(),), _in_python(pattern), _SOURCE, (), group=name, back=_BACK
        )
    yield from map(_in_text, names)


class _Cache(Protocol):
    def cache_clear(self) -> None: ...


_Cached = TypeVar("_Cached", bound=_Cache)
_caches: list[Callable[[], None]] = []


def follows_own(function: _Cached) -> _Cached:
    """Decorates a cached function: its results are forgotten when the tables change."""
    _caches.append(function.cache_clear)
    return function


def _clear_caches() -> None:
    for clear in _caches:
        clear()


def own_kinds() -> tuple[Kind, ...]:
    return tuple(_kinds.values())


def is_own_name(name: str) -> bool:
    return bool(_names) and plain_name(name) in _names


def has_own_name(lower: str) -> bool:
    """Whether a text in lower case may hold an own name; cheaper than to find it."""
    return any(kind.gates[0] in lower for kind in _kinds.values() if kind.group == "password")


def is_allowed(text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern in _allowed.values())


def has_allowed() -> bool:
    return bool(_allowed)


def mask_of(token: str, secret: object) -> str:
    """The token that stands for a secret: alone, with its digest (HMAC-SHA256, 64 bits), its end."""
    if not _key and not _masks:
        return token
    how = _masks.get(token[1:-1].lower()) or _masks.get(_ALL) or "digest"
    text = secret if isinstance(secret, str) else repr(secret)
    if how == "last4":
        return _with_end(token, text)
    if how == "token" or not _key or token in _BARE:
        return token
    digest = hmac.digest(_key[0], text.encode("utf-8", "surrogatepass"), "sha256")
    return f"{token[:-1]}#{digest[:8].hex()}]"


def _with_end(token: str, text: str) -> str:
    plain = "".join(char for char in text if char.isalnum() and char.isascii())
    return f"{token[:-1]}*{plain[-4:]}]" if len(plain) >= _LEAST_FOR_LAST4 else token


def forget() -> None:
    """Back to the built-in tables alone."""
    _kinds.clear()
    _names.clear()
    _allowed.clear()
    _key.clear()
    _masks.clear()
    _clear_caches()


def plain_name(name: str) -> str:
    """The letters and digits of a name, in lower case."""
    return _SEPARATORS.sub("", name).lower()


def _in_python(pattern: str) -> str:
    """A pattern in Go's syntax, for Python's engine; the flags at its head stay there."""
    text = plain_pattern(pattern).pattern
    flags = re.match(r"\(\?([ims]+)\)", text)
    return f"(?a{flags[1]}){text[flags.end() :]}" if flags else f"(?a){text}"


def _in_text(name: str) -> Kind:
    """`name = value` in a text; the words of the name may be joined by any separator."""
    words = [word for word in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", name) if word]
    pattern = r"[\W_]?".join(map(re.escape, words))
    text = rf"(?i){pattern}{_VALUE}"
    return Kind(f"name {name}", (words[0].lower(),), text, _SOURCE, (), group="password")
