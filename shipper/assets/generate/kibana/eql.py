"""A query in Kibana's language as an EQL query, for alerts about a sequence of events."""

import json
import re

from shipper.catalog.alerts import Alert
from shipper.catalog.kql import And, Exists, Leaf, Match, Node, Not, Or, Range, Value, parse

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_WORDS = {"true", "false"}


def sequence(alert: Alert) -> str:
    """The sequence: `threshold` events that match `after`, then one that matches the query."""
    by = f" by {', '.join(alert.group_by)}" if alert.group_by else ""
    first = f"[any where {_eql(parse(alert.other))}]"
    runs = f"\n  {first} with runs={alert.threshold}" if alert.threshold > 1 else f"\n  {first}"
    then = f"\n  [any where {_eql(parse(alert.counted))}]"
    return f"sequence{by} with maxspan={alert.window_minutes}m{runs}{then}"


def _eql(node: Node | None) -> str:
    match node:
        case And(parts):
            return " and ".join(_inner(part) for part in parts)
        case Or(parts):
            return " or ".join(_inner(part) for part in parts)
        case Not(part):
            return f"not {_inner(part)}"
        case None:
            return "true"
    return _compared(node)


def _compared(node: Leaf) -> str:
    match node:
        case Exists(path):
            return f"{path} != null"
        case Range(path, operator, bound):
            return f"{path} {operator} {bound if _NUMBER.fullmatch(bound) else json.dumps(bound)}"
        case Match(path, value):
            return _match(path, value)


def _inner(node: Node) -> str:
    return f"({_eql(node)})" if isinstance(node, And | Or) else _eql(node)


def _match(path: str, value: Value) -> str:
    if len(value.texts) > 1:
        return f"{path} like {json.dumps('*'.join(value.texts))}"
    [text] = value.texts
    is_word = not value.is_quoted and (text in _WORDS or _NUMBER.fullmatch(text))
    return f"{path} == {text if is_word else json.dumps(text)}"
