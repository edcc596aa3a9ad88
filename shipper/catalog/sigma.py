"""Alerts as Sigma rules, and Sigma rules as rows of alerts.

Sigma describes one event; its correlations count events. The windows of its converters do not
slide, and they know no values that are new and no usual rates, so alerts that need these are
refused. From Sigma, only rules about one event are taken.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from shipper.catalog.alerts import Alert
from shipper.catalog.kql import And, Exists, Match, Node, Not, Or, Range, Value, datasets, parse

_PRODUCT = "mcp"
_DATASET = "event.dataset"
_COMPARE = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_SIGNS = {word: sign for sign, word in _COMPARE.items()}
_ESCAPED = re.compile(r"([*?\\])")
_REFUSED = {
    "first_seen": "Sigma has no rule for values that are new",
    "after": "Sigma's converters do not support events in an order (temporal_ordered)",
    "usual": "Sigma has no rule for a usual rate",
    "usual_hours": "Sigma has no rule for usual hours",
    "silence": "Sigma has no rule for events that do not come",
    "sequence_gap": "Sigma has no rule for events that do not come",
}

Document = dict[str, Any]


def sigma_of(alert: Alert) -> list[Document]:
    """The documents of an alert: its rule, and the correlation that counts, if it counts.

    Raises `ValueError` with the reason if Sigma cannot express it.
    """
    if reason := _REFUSED.get(alert.memory):
        raise ValueError(f"{alert.name}: {reason}")
    base = _rule(alert)
    if alert.threshold == 1 and not alert.distinct:
        return [base]
    name = f"{alert.name}_event"
    counted = {
        **{key: base[key] for key in ("title", "status", "description", "tags", "level")},
        "id": _id(f"{alert.name}/correlation"),
        "correlation": _correlation(alert, name),
    }
    return [{**base, "name": name, "level": "informational"}, counted]


def _correlation(alert: Alert, rule: str) -> Document:
    condition: Document = {"gte": alert.threshold}
    if alert.distinct:
        condition["field"] = alert.distinct
    return {
        "type": "value_count" if alert.distinct else "event_count",
        "rules": [rule],
        "group-by": list(alert.group_by),
        "timespan": f"{alert.window_minutes}m",
        "condition": condition,
    }


def _rule(alert: Alert) -> Document:
    tree = parse(alert.counted)
    assert tree is not None, "the catalog refuses an alert without a query"
    service = _service_of(tree)
    detection = _Detection()
    condition = detection.add(tree)
    return {
        "title": alert.title,
        "id": _id(alert.name),
        "status": "stable",
        "description": alert.description,
        "author": "mcp-shipper",
        "tags": [*_tags(alert)],
        "logsource": {"product": _PRODUCT} | ({"service": service} if service else {}),
        "detection": {**detection.selections, "condition": condition},
        "falsepositives": list(alert.false_positives) or ["Unknown"],
        "level": alert.severity.value,
    }


def _tags(alert: Alert) -> Iterator[str]:
    if alert.attack:
        yield f"attack.{alert.attack.tactic.name.lower().replace(' ', '-')}"
        yield f"attack.{alert.attack.technique.id.lower()}"


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"mcp-shipper/sigma/{name}"))


def _service_of(tree: Node) -> str:
    """The service of the log source, if the query is about one dataset."""
    within = datasets(tree) or ()
    names = [
        name.removeprefix(f"{_PRODUCT}.") for name in within if name.startswith(f"{_PRODUCT}.")
    ]
    return names[0] if len(within) == len(names) == 1 else ""


class _Detection:
    """The selections of a rule, numbered."""

    def __init__(self) -> None:
        self.selections: dict[str, Document] = {}

    def add(self, node: Node) -> str:
        """The condition that holds where the node does."""
        match node:
            case And(parts):
                return " and ".join(self._inner(part) for part in parts)
            case Or(parts):
                if of_one := _of_one_field(parts):
                    return self._new(of_one)
                return " or ".join(self._inner(part) for part in parts)
            case Not(part):
                return f"not {self._inner(part)}"
        return self._new(_selection(node))

    def _new(self, selection: Document) -> str:
        name = f"selection_{len(self.selections) + 1}"
        self.selections[name] = selection
        return name

    def _inner(self, node: Node) -> str:
        text = self.add(node)
        return f"({text})" if isinstance(node, And | Or) and " " in text else text


def _of_one_field(parts: Iterable[Node]) -> Document:
    """The values of one field as a list; empty if the parts are about more than that."""
    found = [_selection(part) for part in parts if isinstance(part, Match)]
    paths = {path for one in found for path in one}
    if len(found) != len([*parts]) or len(paths) != 1:
        return {}
    [path] = paths
    return {path: [one[path] for one in found]}


def _selection(node: Node) -> Document:
    match node:
        case Exists(path):
            return {f"{path}|exists": True}
        case Range(path, operator, bound):
            return {f"{path}|{_COMPARE[operator]}": float(bound) if "." in bound else int(bound)}
        case Match(path, Value(texts=texts)):
            return {path: "*".join(_ESCAPED.sub(r"\\\1", text) for text in texts)}
    raise AssertionError(node)


def row_of(document: Mapping[str, Any]) -> tuple[str, Document]:
    """A Sigma rule as a row of alerts, and its name; raises `ValueError` with the reason if not."""
    if "correlation" in document:
        what = (
            "correlations are refused: write `threshold`, `group_by`, `window_minutes` in the row"
        )
        raise ValueError(what)
    title, detection = document.get("title"), document.get("detection")
    if not isinstance(title, str) or not isinstance(detection, Mapping):
        raise ValueError("expected a Sigma rule with a title and a detection")  # noqa: TRY004
    query = _query_of(detection)
    service = (document.get("logsource") or {}).get("service")
    if service and f"{_DATASET} :" not in query:
        query = f"{_DATASET} : {_PRODUCT}.{service} and ({query})"
    level = str(document.get("level", "medium"))
    row: Document = {
        "title": title,
        "description": str(document.get("description") or title).strip(),
        "severity": level if level in _RISKS else "low",
        "risk_score": _RISKS.get(level, 21),
        "query": query,
    }
    if tags := [str(tag) for tag in document.get("tags") or ()]:
        row["tags"] = tags
    if positives := [str(one) for one in document.get("falsepositives") or ()]:
        row["false_positives"] = positives
    return _name_of(title), row


_RISKS = {"low": 21, "medium": 47, "high": 73, "critical": 99}


def _name_of(title: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
    return name if name[:1].isalpha() else f"sigma_{name}"


def _query_of(detection: Mapping[str, Any]) -> str:
    conditions = detection.get("condition")
    if isinstance(conditions, list):
        conditions = " or ".join(f"({one})" for one in conditions)
    if not isinstance(conditions, str):
        raise ValueError("detection has no condition")  # noqa: TRY004
    searches = {
        name: _search(name, value)
        for name, value in detection.items()
        if name not in {"condition", "timeframe"}
    }
    return _Condition(conditions, searches).query()


_WORD = re.compile(r"\s*(\(|\)|[^\s()]+)")


class _Condition:
    """Reads a condition: names, `1 of x*`, `all of them`, `and`, `or`, `not`, parentheses."""

    def __init__(self, text: str, searches: Mapping[str, str]) -> None:
        if "|" in text:
            raise ValueError(f"condition {text!r}: aggregations (`|`) are refused, use `threshold`")
        self._words, self._searches = _WORD.findall(text), searches

    def query(self) -> str:
        found = self._either()
        if self._words:
            raise ValueError(f"condition: unexpected {self._words[0]!r}")
        return found

    def _either(self) -> str:
        found = [self._every()]
        while self._takes("or"):
            found.append(self._every())
        return _joined(found, "or")

    def _every(self) -> str:
        found = [self._one()]
        while self._takes("and"):
            found.append(self._one())
        return _joined(found, "and")

    def _one(self) -> str:
        if self._takes("not"):
            return f"not {self._one()}"
        if self._takes("("):
            found = self._either()
            if not self._takes(")"):
                raise ValueError("condition: expected `)`")
            return f"({found})"
        if not self._words:
            raise ValueError("condition: expected the name of a search")
        word = self._words.pop(0)
        if word in {"1", "any", "all"} and self._takes("of"):
            return self._of("and" if word == "all" else "or")
        return self._named(word)[0]

    def _of(self, how: str) -> str:
        pattern = self._words.pop(0) if self._words else ""
        found = [*self._searches.values()] if pattern == "them" else self._named(pattern)
        return f"({_joined(found, how)})"

    def _named(self, pattern: str) -> list[str]:
        wanted = re.compile(re.escape(pattern).replace(r"\*", ".*"))
        if found := [text for name, text in self._searches.items() if wanted.fullmatch(name)]:
            return [f"({text})" for text in found]
        known = ", ".join(self._searches)
        raise ValueError(f"condition: no search is named {pattern!r}; known: {known}")

    def _takes(self, word: str) -> bool:
        if self._words and self._words[0].lower() == word:
            self._words.pop(0)
            return True
        return False


def _search(name: str, value: Any) -> str:
    """A search: a mapping, whose keys all hold, or a list of mappings, of which one holds."""
    if isinstance(value, Mapping):
        return _joined([_field(name, str(key), inner) for key, inner in value.items()], "and")
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        return _joined([f"({_search(name, one)})" for one in value], "or")
    raise ValueError(f"{name}: keywords without a field are refused, name the field")


def _field(name: str, key: str, value: Any) -> str:
    field, *modifiers = key.split("|")
    how = "and" if "all" in modifiers else "or"
    values = value if isinstance(value, list) else [value]
    kinds = [one for one in modifiers if one != "all"]
    if not values or len(kinds) > 1:
        raise ValueError(f"{name}.{key}: expected values, and one modifier beside `all`")
    found = [_value(f"{name}.{key}", field, kinds[0] if kinds else "", one) for one in values]
    return found[0] if len(found) == 1 else f"({_joined(found, how)})"


def _value(place: str, field: str, modifier: str, value: Any) -> str:
    if modifier in _SIGNS:
        return f"{field} {_SIGNS[modifier]} {value}"
    if modifier == "exists" or value is None:
        return f"{field} : *" if value is True else f"not {field} : *"
    if modifier == "re":
        return _joined([f"{field} : {one}" for one in _wildcards(place, str(value))], "or")
    if modifier == "cidr":
        return f'{field} : "{value}"'
    pattern = _AROUND.get(modifier)
    if pattern is None:
        known = ", ".join([*filter(None, _AROUND), *_SIGNS, "all", "cidr", "exists", "re"])
        raise ValueError(f"{place}: the modifier {modifier!r} is not supported; known: {known}")
    return f"{field} : {pattern.format(_plain(place, value))}"


_AROUND = {"": "{}", "contains": "*{}*", "startswith": "{}*", "endswith": "*{}"}
_KQL_SIGNS = re.compile(r'([\\():<>"{}])')


def _plain(place: str, value: Any) -> str:
    """A Sigma value as a value of Kibana's language: `*` is a wildcard in both."""
    if isinstance(value, bool):
        return str(value).lower()
    texts = re.split(r"(?<!\\)\*", str(value))
    if any(re.search(r"(?<!\\)\?", text) for text in texts):
        raise ValueError(f"{place}: `?` is refused: Kibana's language has no wildcard for one sign")
    return "*".join(_literal(re.sub(r"\\([*?\\])", r"\1", text)) for text in texts)


def _literal(text: str) -> str:
    quoted = _KQL_SIGNS.sub(r"\\\1", text).replace("*", r"\*")
    return re.sub(r"(?i)\b(and|or|not)\b", r"\\\1", quoted)


#: Signs that mean more than themselves in a regular expression.
_SPECIAL = re.compile(r"\\[A-Za-z0-9]|[\[\]{}()+?^$|.*]")


def _wildcards(place: str, pattern: str) -> list[str]:
    """A regular expression of plain text, `.*`, `^`, `$` and `|` as values with wildcards."""
    found = []
    for branch in pattern.split("|"):
        text = branch if branch.startswith("^") else f".*{branch}"
        text = text.removeprefix("^")
        text = text.removesuffix("$") if text.endswith("$") else f"{text}.*"
        pieces = re.split(r"(?:\.\*)+", text)
        for piece in pieces:
            if _SPECIAL.search(re.sub(r"\\[^A-Za-z0-9]", "", piece)):
                what = "Kibana's language has no regular expressions; only `.*`, `^`, `$`, `|` work"
                raise ValueError(f"{place}: {pattern!r} is refused: {what}")
        found.append("*".join(_literal(re.sub(r"\\(.)", r"\1", piece)) for piece in pieces))
    return found


def _joined(parts: list[str], how: str) -> str:
    return f" {how} ".join(parts)
