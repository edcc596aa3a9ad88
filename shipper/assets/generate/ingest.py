"""Ingest pipelines, which turn foreign lines into events in Elasticsearch, without Logstash.

Painless limits how long a pattern may run on a text, so the patterns run as `gsub` processors: a
script collects every text of the event in a list, the processors mask the texts, and another script
puts them back.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from shipper.assets.generate.bodies import MANAGED_BY, Body, name_of
from shipper.assets.generate.dialects import body_of, java
from shipper.assets.generate.foreign import gateways_table, tables
from shipper.assets.generate.packaged import script
from shipper.assets.generate.secrets import own_names, own_shapes, pattern_of, shapes
from shipper.catalog import Catalog, Scope
from shipper.catalog.secrets import Secrets
from shipper.secrets import assigned, names
from shipper.secrets.persons import BY_NAME

_NORMALISE = "mcp-normalise"
_MASK_TEXT = "mcp-mask-text"

#: The length to which an unreadable line is cut; the same as in the Ruby script.
_MOST_CHARACTERS = 4_000
#: Replaces the name of a secret in the list of names.
_HIDDEN = "\ue000"
_IS_EVENT = "ctx._mcp != null && ctx._mcp.unknown == null"
_IS_UNKNOWN = "ctx._mcp?.unknown == true"


def ingest_pipelines(catalog: Catalog, scope: Scope) -> dict[str, Body]:
    """The pipeline for foreign lines, and the one that masks lines it could not read."""
    return {
        _MASK_TEXT: _pipeline(
            "Keeps a line that could not be read as one text in `message`, masks everything in it "
            "that looks like a secret, and cuts it if it is very long.",
            [*_text(catalog.secrets)],
        ),
        _NORMALISE: _pipeline(
            "Turns a line that another MCP server, proxy or gateway wrote into the event that "
            "mcp-shipper would have written. Lines of mcp-shipper pass untouched.",
            [*_normalise(catalog, scope)],
            on_failure=[*_on_failure()],
        ),
    }


def _pipeline(description: str, processors: list[Body], **more: Any) -> Body:
    about = {"managed_by": MANAGED_BY}
    return {"description": description, "processors": processors, **more, "_meta": about}


def _text(own: Secrets) -> Iterator[Body]:
    bound = {"most": _MOST_CHARACTERS}
    yield _script("text", {"origin": gateways_table()["origin"], **bound}, has_json=True)
    yield from _gsubs("message", (*_TEXT_SHAPES, *_own(own)))
    yield _script("trim", bound, condition="ctx._mcp?.cut != null")


def _normalise(catalog: Catalog, scope: Scope) -> Iterator[Body]:
    known, own = tables(catalog, scope), catalog.secrets
    structures = known.pop("structures")
    given = {
        name: known.pop(name)
        for name in ("types", "kinds", "severities", "levels", "related", "sentences", "ibans")
    }
    # A data stream requires it; a line with its own time gets that time later.
    now = {"field": "@timestamp", "copy_from": "_ingest.timestamp", "override": False}
    yield {"set": {"tag": "mcp_now", **now}}
    yield _script("read", known)
    yield {"drop": {"tag": "mcp_silent", "if": "ctx._mcp?.values?.silent == true"}}
    yield {
        "append": {
            "tag": "mcp_unrecognised",
            "if": _IS_UNKNOWN,
            "field": "tags",
            "value": ["mcp_unrecognised"],
        }
    }
    yield {"pipeline": {"tag": "mcp_mask_unrecognised", "if": _IS_UNKNOWN, "name": _MASK_TEXT}}
    yield _gsub("mcp_secret_names", "_mcp.plain", _NAME, _HIDDEN, condition=_IS_EVENT)
    if own.names:
        named = java(own_names(own))
        yield _gsub("mcp_own_names", "_mcp.plain", named, _HIDDEN, condition=_IS_EVENT)
    for number, (pattern, mark) in enumerate(_OF_PERSONS, 1):
        yield _gsub(
            f"mcp_person_names_{number}", "_mcp.persons", pattern, mark, condition=_IS_EVENT
        )
    yield _gsub("mcp_secret_words", "_mcp.names", _LAST_WORD, _HIDDEN, condition=_IS_EVENT)
    shaped = {"kinds": given["kinds"], "structures": structures}
    yield _script("mask", shaped, condition=_IS_EVENT, has_json=True)
    yield from _gsubs("_mcp.texts", (*_SHAPES, *_own(own)), condition=_IS_EVENT)
    indices = {row.dataset: name_of(row, scope) for row in catalog.event_types.values()}
    where = {"indices": indices, "strategy": str(scope.index_strategy)}
    yield _script("write", {**given, **where}, condition=_IS_EVENT, has_json=True)


def _on_failure() -> Iterator[Body]:
    """Keeps a line that could not be processed as text, masked, with the step that failed."""
    yield {"pipeline": {"tag": "mcp_mask_broken", "name": _MASK_TEXT}}
    yield {"set": {"tag": "mcp_broken_kind", "field": "event.kind", "value": "pipeline_error"}}
    # The step that failed, not its message: that may quote the line.
    failed = "_ingest.on_failure_processor_tag"
    yield {"set": {"tag": "mcp_failed", "field": "error.message", "copy_from": failed}}
    yield {"append": {"tag": "mcp_broken", "field": "tags", "value": ["mcp_broken"]}}


def _script(name: str, params: Body, condition: str = "", *, has_json: bool = False) -> Body:
    source = (script("json.painless") if has_json else "") + script(f"{name}.painless")
    body = {"tag": f"mcp_{name}", "lang": "painless", "source": source}
    return {"script": {**body, "params": params, **_when(condition)}}


def _gsubs(
    field: str, rows: Iterable[tuple[str, str, str]], *, condition: str = ""
) -> Iterator[Body]:
    for name, pattern, token in rows:
        yield _gsub(f"mcp_mask_{name}", field, pattern, token, condition=condition)


def _gsub(tag: str, field: str, pattern: str, token: str, *, condition: str = "") -> Body:
    body: Body = {"tag": tag, "field": field, "pattern": pattern, "replacement": token}
    if field == "message":
        body["ignore_missing"] = True
    return {"gsub": {**body, **_when(condition)}}


def _when(condition: str) -> Body:
    return {"if": condition} if condition else {}


def _body(pattern: re.Pattern[str]) -> str:
    return body_of(java(pattern.pattern).removeprefix("(?d)"))


#: The first is for a name without punctuation, the second for the name itself. Both match the
#: complete name of a secret.
_NAME = rf"(?s)\A(?!(?:{_body(names.HARMLESS)})\z).*?(?:{_body(names.SECRET_NAME)}).*\z"
#: Names of a person's data, in the order of the forms of their values: a name, an address and what
#: is confidential have no digits of necessity, the others have.
_FREE = 3
_OF_PERSONS = tuple(
    (rf"(?s)\A.*?(?:{'|'.join(_body(one) for one, _ in rows)}).*\z", mark)
    for rows, mark in ((BY_NAME[:_FREE], "\ue001"), (BY_NAME[_FREE:], "\ue002"))
)
_LAST_WORD = rf"(?s)\A.*?(?:{_body(names.LAST_WORD)}).*\z"


def _spelled(pattern: str) -> str:
    """A pattern that allows marks between the letters of a name: `api_key`, `client secret`."""
    marked = re.sub(r"([a-z])(\?)?", r"(?:\1[_. -]?)\2", pattern)
    return marked.replace("$", "(?![A-Za-z0-9_-])").replace("^", "(?<![A-Za-z0-9_.-])")


_IN_TEXT = (
    rf"(?<![\w.-])(?!(?:{_spelled(_body(names.HARMLESS))})(?![\w-]))[\w.-]{{0,32}}?"
    rf"(?:{_spelled(_body(names.SECRET_NAME))})[\w-]{{0,40}}+"
)
_MASKED = rf"(?!{_body(assigned.MASKED)})(?![\"'\\]{{0,4}}(?:{_body(assigned.EMPTY)}))"
#: A quoted value. After an escaped quote it ends at the next quote with just as many backslashes.
#: Possessive, because Java otherwise recurses for each character and runs out of stack.
_QUOTED = r"(\\*[\"'])(?:(?<=\\[\"'])(?:(?!(?<!\\)\2).)++|(?<!\\[\"'])(?:(?!\2)(?:\\.|[^\\]))++)"
_BARE = _body(assigned.VALUE)[_body(assigned.VALUE).index("(?:digest") :] + "+"
_ASSIGNED = (
    rf"(?isU)({_IN_TEXT}(?:[\"'\\\]]{{0,20}}+\s{{0,4}}+(?:=>|:=|[:=]{{1,2}}+)\s{{0,4}}+|>"
    rf"|\s{{1,4}}+(?:is|was|are):?\s{{1,4}}+(?=\S{{0,64}}?[0-9!@#$%^&*_=+/])"
    rf"|(?<=(?:^|\s)--?[\w-]{{1,40}})\s{{1,4}}+|\s{{1,4}}+(?=[\"'])))"
    rf"{_MASKED}(?:{_QUOTED}|[\[{{][^\n]*|{_BARE})"
)
#: Put before text that a script must check.
_MARK = "\ue001"
_IBAN_HEAD = r"(?<![A-Za-z0-9])(?=[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9])"


def _own(own: Secrets) -> Iterable[tuple[str, str, str]]:
    """The operator's own kinds and names, as rows of `_shapes`."""
    for number, shape in enumerate(own_shapes(own), 1):
        token = shape.token.replace("\\1", "$1").replace("\\2", "$2")
        yield f"own_{number}", java(pattern_of(shape)), token


def _shapes() -> Iterable[tuple[str, str, str]]:
    """The name, pattern and replacement of each shape, in the order in which the handler masks."""
    seen: dict[str, int] = {}
    for shape in shapes():
        seen[shape.kind] = seen.get(shape.kind, 0) + 1
        name = shape.kind if seen[shape.kind] == 1 else f"{shape.kind}_{seen[shape.kind]}"
        if shape.pattern:
            token = shape.token.replace("\\1", "$1").replace("\\2", "$2")
            yield name, java(pattern_of(shape)), token
        elif shape.code == "assigned":
            yield name, _ASSIGNED, "$1$2[PASSWORD]"
        elif shape.code == "numbers":
            yield "iban", _IBAN_HEAD, _MARK


_SHAPES = tuple(_shapes())
#: For text that no script checks afterwards: they match by form alone, so they mask too much rather
#: than too little.
_TEXT_SHAPES = (
    *(row for row in _SHAPES if row[0] != "iban"),
    ("basic", r"(?i)\b(basic\s{1,4})[a-z0-9+/_-]{8,}={0,2}", "$1[AUTHORIZATION]"),
    (
        "iban",
        r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{1,4}){3,8}(?![A-Za-z0-9])",
        "[IBAN]",
    ),
    ("card", r"(?<![0-9.])[3-6][0-9](?:[ -]?[0-9]){11,17}(?![0-9])", "[CARD]"),
    ("card_2", r"(?<![0-9.])(?:[0-9]{4}\.){3}[0-9]{4}(?![0-9])", "[CARD]"),
)
