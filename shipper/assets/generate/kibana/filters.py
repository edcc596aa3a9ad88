"""A query in Kibana's language as filters of an Elasticsearch search."""

import json
from collections.abc import Mapping
from typing import Any

from shipper.catalog.kql import And, Exists, Match, Node, Not, Or, Range, Value, parse
from shipper.catalog.model import NUMBERS

_OPERATORS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_SPECIAL = str.maketrans({"\\": r"\\", "*": r"\*", "?": r"\?"})

_Clause = Mapping[str, Any]


def filters(query: str, types: Mapping[str, str]) -> list[_Clause]:
    """Clauses that an event must match all of; each term of the query names a field of `types`."""
    node = parse(query)
    parts = node.parts if isinstance(node, And) else (node,) if node else ()
    return [_clause(part, types) for part in parts]


def _clause(node: Node, types: Mapping[str, str]) -> _Clause:
    match node:
        case And(parts):
            return {"bool": {"filter": [_clause(part, types) for part in parts]}}
        case Or(parts):
            return {"bool": {"should": [_clause(part, types) for part in parts]}}
        case Not(part):
            return {"bool": {"must_not": [_clause(part, types)]}}
        case Exists(path):
            return {"exists": {"field": path}}
        case Range(path, operator, bound):
            number = json.loads(bound) if types[path] in NUMBERS else bound
            return {"range": {path: {_OPERATORS[operator]: number}}}
        case Match(path, value):
            return _match(path, value, types[path])


def _match(path: str, value: Value, kind: str) -> _Clause:
    if len(value.texts) > 1:
        pattern = "*".join(text.translate(_SPECIAL) for text in value.texts)
        return {"wildcard": {path: {"value": pattern}}}
    if kind == "match_only_text":
        return {"match_phrase" if value.is_quoted else "match": {path: value.texts[0]}}
    return {"term": {path: value.texts[0]}}
