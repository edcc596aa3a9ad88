"""The fields of a request and of its result, read as the catalog's table of methods says.

Everything here is foreign and unvalidated: a params object may hold anything under any key.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from shipper.capture.values import snapshot, text
from shipper.catalog.methods import Method, Source, methods

Fields = dict[str, object]
Json = dict[str, object]
#: How a value is read: from an object and places in it.
_Reader = Callable[..., object]
#: The field, or None for a reader that gives several; its reader; the places.
_Rows = tuple[tuple[str | None, _Reader, tuple[str, ...]], ...]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")


def asked(method: str, params: object, *, from_server: bool = False) -> Fields:
    """The fields of the request: what it names, and a copy of its arguments."""
    table = _FROM_SERVER if from_server else _REQUESTS
    return _read(table.asked.get(method, ()), params)


def answered(method: str, result: object, *, from_server: bool = False) -> Fields:
    """The fields of the result: counts, kinds and sizes, and the text of a tool."""
    table = _FROM_SERVER if from_server else _REQUESTS
    return _read(table.answered.get(method, _ANY_RESULT), result)


def _read(rows: _Rows, found: object) -> Fields:
    fields: Fields = {}
    if not isinstance(found, dict):
        return fields
    for field, read, places in rows:
        value = read(found, *places)
        if field is None:
            fields.update(value)  # type: ignore[call-overload]  # several fields
        elif value is not None:
            fields[field] = value
    return fields


def _at(found: Json, path: str) -> object:
    """The value under a dotted path, or under the path as one key; a number counts in a list."""
    value = found.get(path)
    if value is not None or "." not in path:
        return value
    node: object = found
    for name in path.split("."):
        node = _step(node, name)
        if node is None:
            return None
    return node


def _step(node: object, name: str) -> object:
    if isinstance(node, dict):
        return node.get(name)
    if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
        return node[int(name)]
    return None


def _text(found: Json, *places: str) -> str | None:
    for place in places:
        if value := text(_at(found, place)):
            return value
    return None


def _const(_found: Json, value: str) -> str:
    return value


def _object(found: Json, place: str) -> object:
    value = _at(found, place)
    return snapshot(value) if isinstance(value, dict) else None


def _texts(found: Json, place: str) -> list[str] | None:
    listed = _at(found, place)
    if not isinstance(listed, list):
        return None
    return [item for item in listed if isinstance(item, str)] or None


def _count(found: Json, place: str) -> int | None:
    listed = _at(found, place)
    return len(listed) if isinstance(listed, list) else None


def _scheme(found: Json, place: str) -> str | None:
    uri = _text(found, place)
    scheme = _SCHEME.match(uri) if uri else None
    return scheme[0].lower() if scheme else None


def _map(found: Json, name_at: str, value_at: str) -> Fields | None:
    name = _text(found, name_at)
    return {name: snapshot(_at(found, value_at))} if name else None


def _wrap(found: Json, place: str) -> Fields | None:
    value = _text(found, place)
    return {place: value} if value else None


def _content(result: Json, place: str) -> Fields:
    """A tool's content blocks in sum: their kinds, their size in characters, and all text.

    Of pictures and sounds only kind and size are taken; a single text is not even copied.
    """
    blocks = _blocks(result, place)
    about: Fields = {"mcp.tool.is_error": result.get("isError") is True}
    structured = result.get("structuredContent")
    if not blocks and structured is not None:  # else the blocks say the same
        about["mcp.tool.result.content_types"] = ["structured"]
        about["mcp.tool.result.text"] = structured
        return about
    about["mcp.tool.result.content_types"] = sorted(
        {str(block.get("type", "")) for block in blocks}
    )
    about["mcp.tool.result.size"], texts = _said(blocks)
    if said := texts[0] if len(texts) == 1 else "\n".join(texts):
        about["mcp.tool.result.text"] = said
    return about


def _said(blocks: Iterable[Json]) -> tuple[int, list[str]]:
    size, texts = 0, []
    for block in blocks:
        resource = block.get("resource")
        holder = resource if isinstance(resource, dict) else block
        if isinstance(value := holder.get("text"), str):
            texts.append(value)
            size += len(value)
        elif isinstance(value := holder.get("data") or holder.get("blob"), str):
            size += len(value)
    return size, texts


def _contents(result: Json, place: str) -> Fields:
    contents = _blocks(result, place)
    kinds = {kind for block in contents if (kind := text(block.get("mimeType")))}
    return {
        "mcp.resource.mime_types": sorted(kinds),
        "mcp.resource.size": sum(map(_bytes_of, contents)),
    }


def _blocks(result: Json, place: str) -> list[Json]:
    listed = _at(result, place)
    if not isinstance(listed, list):
        return []
    return [block for block in listed if isinstance(block, dict)]


def _bytes_of(content: Json) -> int:
    if isinstance(value := content.get("text"), str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    blob = content.get("blob")
    return len(blob.rstrip("=")) * 3 // 4 if isinstance(blob, str) else 0


_READERS: Mapping[str, _Reader] = {
    "text": _text,
    "const": _const,
    "object": _object,
    "texts": _texts,
    "count": _count,
    "scheme": _scheme,
    "map": _map,
    "wrap": _wrap,
    "content": _content,
    "contents": _contents,
}
#: These give several fields each.
_IN_SUM = frozenset({_content, _contents})


def _rows(sources: Iterable[Source]) -> _Rows:
    rows = ((source.field, _READERS[source.how], source.places) for source in sources)
    return tuple((None if read in _IN_SUM else field, read, at) for field, read, at in rows)


class _Table(NamedTuple):
    """What is read from the parameters and from the result, by method."""

    asked: Mapping[str, _Rows]
    answered: Mapping[str, _Rows]


def _table(rows: Mapping[str, Method]) -> _Table:
    return _Table(
        asked={name: _rows(row.params) for name, row in rows.items()},
        answered={
            name: _rows(row.result) + (() if name in methods().greetings else _ANY_RESULT)
            for name, row in rows.items()
        },
    )


_ANY_RESULT = _rows(methods().any_result)
_REQUESTS = _table(methods().requests)
_FROM_SERVER = _table(methods().from_server)
