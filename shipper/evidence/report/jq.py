"""A query in Kibana's language as a filter for jq, so that others count without this program."""

import json
import re

from shipper.catalog.kql import And, Exists, Match, Node, Not, Or, Range

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def jq_of(node: Node | None, since: str, until: str) -> str:
    """The filter that selects the events of the period that match."""
    within = f'.["@timestamp"][:26] >= {_text(since)} and .["@timestamp"][:26] < {_text(until)}'
    inner = f" and {_jq(node)}" if node is not None else ""
    return f"select({within}{inner})"


def _jq(node: Node) -> str:
    match node:
        case And(parts):
            return f"({' and '.join(_jq(part) for part in parts)})"
        case Or(parts):
            return f"({' or '.join(_jq(part) for part in parts)})"
        case Not(part):
            return f"({_jq(part)} | not)"
        case Exists(path):
            return _any(path, ". != null")
        case Range(path, sign, bound):
            return _any(path, f'type == "number" and . {sign} {float(bound)!r}')
        case Match(path, value):
            return _any(path, f". != null and ({_matches(value.texts)})")


def _matches(texts: tuple[str, ...]) -> str:
    if len(texts) == 1:
        return f"tostring == {_text(texts[0])}"
    pattern = "^" + ".*".join(map(_escaped, texts)) + "$"
    return f'tostring | test({_text(pattern)}; "s")'


def _escaped(text: str) -> str:
    return re.sub(r"([^A-Za-z0-9_ -])", r"\\\1", text)


def _any(path: str, holds: str) -> str:
    """Whether the value holds, or one value of a list."""
    return f'any(({_path(path)})? | if type == "array" then flatten[] else . end; {holds})'


def _path(path: str) -> str:
    return "".join(map(_key, path.split(".")))


def _key(name: str) -> str:
    return f".{name}" if _NAME.fullmatch(name) else f".[{_text(name)}]"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
