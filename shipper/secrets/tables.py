"""Secrets of structures: columns of tables, members of keys and manifests, parts of a list."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from shipper.secrets.masker import masker
from shipper.secrets.names import MAX_NAME, is_secret_name, labelled, may_be_labelled
from shipper.secrets.own import follows_own
from shipper.secrets.spans import Span

COLUMNS = ("columns", "header", "headers", "fields", "column_names", "columnNames", "cols")
ROWS = ("rows", "data", "values", "records", "results", "items")
#: Rows whose cells are masked, and columns that are read.
_MOST_ROWS, _MOST_COLUMNS = 10_000, 256
#: Private members of a JSON Web Key (RFC 7518, section 6).
OF_JWK = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
OF_MANIFEST = frozenset({"data", "stringData"})
#: Items and characters of a list that is read as one text.
_MOST_ITEMS, _MOST_CHARS, _LEAST_PART = 64, 4096, 8
_SURE = frozenset({"[TOKEN]", "[JWT]", "[PRIVATE_KEY]", "[AUTHORIZATION]"})

_Mask = Callable[[Any], object]


def may_hide(keys: Collection[Any]) -> bool:
    """Whether an object with these keys may hide some of its members, or cells of a table.

    If not, `hidden_members` and `without_cells` find none, whatever the values are.
    """
    is_table = any(key in keys for key in ROWS) and any(key in keys for key in COLUMNS)
    return is_table or "kty" in keys or "kind" in keys or may_be_labelled(keys)


def hidden_members(value: Mapping[Any, object]) -> tuple[object, ...]:
    """The keys whose values are secrets because of the other members."""
    if "kty" in value:
        return tuple(key for key in value if key in OF_JWK)
    if value.get("kind") == "Secret":
        return tuple(key for key in value if key in OF_MANIFEST)
    return labelled(value)


def without_cells(value: Mapping[Any, object], mask: _Mask) -> Mapping[Any, object]:
    """A table as an object, with the cells of secret columns masked; any other object unchanged."""
    names = next((value[key] for key in COLUMNS if key in value), None)
    rows = next((key for key in ROWS if key in value), None)
    if rows is None or not isinstance(names, list | tuple):
        return value
    if not (columns := _secret_columns(names)):
        return value
    return {**value, rows: _masked_rows(value[rows], columns, mask)}


def without_column(items: Sequence[object], mask: _Mask) -> Sequence[object]:
    """A list of rows of which the first has the names; any other list unchanged."""
    first = items[0] if len(items) > 1 else None
    if not isinstance(first, list | tuple) or not isinstance(items[1], list | tuple):
        return items
    if len(first) < 2 or len(first) != len(items[1]) or not (columns := _secret_columns(first)):  # noqa: PLR2004 - a pair
        return items
    return [first, *_masked_rows(items[1:], columns, mask)]


def _secret_columns(names: Sequence[object]) -> set[int]:
    listed = [
        name.get("name") if isinstance(name, Mapping) else name for name in names[:_MOST_COLUMNS]
    ]
    if not all(isinstance(name, str) for name in listed):
        return set()
    return {at for at, name in enumerate(listed) if is_secret_name(str(name)[:128])}


def _masked_rows(rows: Any, columns: set[int], mask: _Mask) -> Any:
    if not isinstance(rows, list | tuple):
        return rows
    return [
        [mask(cell) if at in columns else cell for at, cell in enumerate(row)]
        if isinstance(row, list | tuple) and number < _MOST_ROWS
        else row
        for number, row in enumerate(rows)
    ]


def is_plain(items: Sequence[object]) -> bool:
    """Whether a list has only texts, of which none decides about another: the usual list.

    The texts themselves are still to be searched.
    """
    if not 0 < len(items) <= _MOST_ITEMS:
        return False
    is_long = False
    for item in items:
        if type(item) is not str or item[:1] in _SPECIAL:
            return False
        is_long = is_long or len(item) >= _LEAST_PART
    if len(items) == 2 and is_secret_name(items[0][:MAX_NAME]):  # type: ignore[index]  # noqa: PLR2004 - a pair
        return False
    line = "".join(items) if is_long else ""  # type: ignore[arg-type]
    return len(line) <= _MOST_CHARS and (not line or _is_free(line))


class _Free:
    """Lines of lists without a token: columns, scopes and tags repeat, and a search costs 3 µs.

    At most 1024 lines of 128 characters are remembered, and no line that may hold a secret.
    """

    def __init__(self) -> None:
        self._lines: set[str] = set()

    def __call__(self, line: str) -> bool:
        if line in self._lines:
            return True
        if masker().may_hold_tokens(line):
            return False
        if len(line) <= _MAX_REMEMBERED:
            if len(self._lines) >= _MOST_REMEMBERED:
                self.cache_clear()
            self._lines.add(line)
        return True

    def cache_clear(self) -> None:
        self._lines.clear()


_MOST_REMEMBERED, _MAX_REMEMBERED = 1024, 128
_is_free = follows_own(_Free())


#: With these an option or JSON begins; an empty text may also be the value of an option.
_SPECIAL = frozenset({"-", "{", "[", ""})


def parts_of_secrets(items: Sequence[object]) -> dict[int, list[Span]]:
    """The secrets of a command line in a list, and of a token that is split over items."""
    if not 1 < len(items) <= _MOST_ITEMS:
        return {}
    is_command = is_long = False
    for item in items:
        if type(item) is not str:
            return {}
        is_command = is_command or item[:1] == "-"
        is_long = is_long or len(item) >= _LEAST_PART
    if not (is_command or is_long):
        return {}
    return _in_line([*map(str, items)], " " if is_command else "")


def _in_line(texts: list[str], mark: str) -> dict[int, list[Span]]:
    line = mark.join(texts)
    if sum(map(len, texts)) > _MOST_CHARS or not (mark or masker().may_hold_tokens(line)):
        return {}
    if mark:
        return _in_items(texts, mark, masker().spans(line))
    spans = [span for span in masker().spans(line) if span.token in _SURE]
    found = _in_items(texts, mark, spans)
    return {at: part for at, part in found.items() if part[0][:2] == (0, len(texts[at]))}


def _in_items(texts: list[str], mark: str, spans: list[Span]) -> dict[int, list[Span]]:
    found: dict[int, list[Span]] = {}
    start = 0
    for number, text in enumerate(texts):
        end = start + len(text)
        inside = [
            Span(max(span.start, start) - start, min(span.end, end) - start, span.token)
            for span in spans
            if span.start < end and span.end > start
        ]
        if inside:
            found[number] = inside
        start = end + len(mark)
    return found
