"""Checks detection rules and stack rules as Kibana would."""

import json
import re
from collections.abc import Mapping
from typing import Any

from shipper.assets.validate import attack
from shipper.assets.validate.fields import Findings, Types, field, kql
from shipper.catalog.model import GROUPS, NUMBERS

Json = dict[str, Any]

_SEVERITIES = ("low", "medium", "high", "critical")
_MAX_RISK = 100
_COMMON = {
    *("rule_id", "name", "description", "severity", "risk_score", "type", "version", "enabled"),
    *("interval", "from", "to", "language", "query", "index", "data_view_id", "max_signals"),
    *("author", "license", "tags", "threat", "references", "false_positives", "note", "setup"),
    *("actions", "exceptions_list", "filters", "timestamp_override", "risk_score_mapping"),
    *("severity_mapping", "alert_suppression"),
}
_NEEDED = ("rule_id", "name", "description", "severity", "risk_score", "type", "query", "language")
_OWN: Mapping[str, set[str]] = {
    "query": set(),
    "eql": set(),
    "threshold": {"threshold"},
    "new_terms": {"new_terms_fields", "history_window_start"},
}
_MAX_GROUPS = 3
_MAX_TERMS = 4
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_EQL_FIELD = re.compile(r"\b[a-z_]+(?:\.[a-z_]+)+\b")
_SPAN = re.compile(r"(?:now-)?(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
#: A run or an event may be this late without being missed: Kibana's own default.
_SLACK_S = 60
_COMPARATORS = {">", ">=", "<", "<=", "between", "notBetween"}


def detection(body: Json, types: Types) -> Findings:
    """Problems of a detection rule, in the shape of its import."""
    kind = str(body.get("type"))
    if kind not in _OWN:
        yield f"type {kind!r} is not one of: {', '.join(_OWN)}"
        return
    for name in _NEEDED:
        if not body.get(name):
            yield f"{name} is missing"
    for name in sorted(_OWN[kind] - body.keys()):
        yield f"{name} is missing: a rule of type {kind} needs it"
    for name in sorted(body.keys() - _COMMON - _OWN[kind]):
        yield f"unknown key {name!r} for a rule of type {kind}"
    yield from _grades(body)
    if bool(body.get("index")) == bool(body.get("data_view_id")):
        yield "it needs either index or data_view_id"
    if body.get("timestamp_override"):
        yield from field(body["timestamp_override"], types)
    yield from _query(body, types)
    yield from _groups(body, types)
    for path in _other_fields(body):
        yield from field(path, types)
    yield from _looks_back(body)
    for threat in body.get("threat", ()):
        yield from attack.check(threat)


def _query(body: Json, types: Types) -> Findings:
    """Problems of the query, in its language."""
    if body["type"] != "eql":
        yield from kql(body.get("query", ""), types)
        return
    if body.get("language") != "eql":
        yield f"language {body.get('language')!r}: a rule of type eql needs eql"
    for path in _EQL_FIELD.findall(_QUOTED.sub("", str(body.get("query", "")))):
        yield from field(path, types)


def _grades(body: Json) -> Findings:
    if body.get("severity") not in _SEVERITIES:
        yield f"severity {body.get('severity')!r} is not one of: {', '.join(_SEVERITIES)}"
    risk = body.get("risk_score")
    if not isinstance(risk, int) or not 0 <= risk <= _MAX_RISK:
        yield f"risk_score {risk!r} is not a whole number from 0 to {_MAX_RISK}"


def _groups(body: Json, types: Types) -> Findings:
    threshold = body.get("threshold") or {}
    groups = [*threshold.get("field", ()), *body.get("new_terms_fields", ())]
    for row in threshold.get("cardinality", ()):
        yield from field(row.get("field"), types, fit=GROUPS)
    if len(groups) > _MAX_GROUPS:
        yield f"{len(groups)} fields to group by: Kibana takes {_MAX_GROUPS}"
    for path in groups:
        yield from field(path, types, fit=GROUPS)
    if body.get("type") == "threshold" and not _is_positive(threshold.get("value")):
        yield "threshold.value must be a whole number from 1"


def _other_fields(body: Json) -> list[object]:
    """Fields that a rule names outside its query and its groups."""
    mappings = [*body.get("severity_mapping", ()), *body.get("risk_score_mapping", ())]
    return [
        *(row.get("field") for row in mappings),
        *body.get("alert_suppression", {}).get("group_by", ()),
        *(row.get("meta", {}).get("key") for row in body.get("filters", ())),
    ]


def _looks_back(body: Json) -> Findings:
    if _seconds(body.get("history_window_start", "now-14d")) is None:
        yield "history_window_start must be a span like now-14d"
    interval, since = _seconds(body.get("interval", "5m")), _seconds(body.get("from", "now-6m"))
    if interval is None or since is None:
        yield "interval and from must be spans like 5m and now-6m"
    elif since < interval + _SLACK_S:
        least = f"now-{interval + _SLACK_S}s"
        yield f"from must be {least} or before, or events that arrive between two runs are missed"


def stack(body: Json, types: Types) -> Findings:
    """Problems of a stack rule of the type `.es-query` with an Elasticsearch query."""
    for name in ("name", "consumer", "schedule", "params"):
        if not body.get(name):
            yield f"{name} is missing"
    if body.get("rule_type_id") != ".es-query":
        yield f"rule_type_id {body.get('rule_type_id')!r}: only .es-query is checked"
        return
    params = body.get("params") or {}
    for name in ("index", "timeField", "esQuery", "size", "timeWindowSize", "timeWindowUnit"):
        if params.get(name) in (None, "", []):
            yield f"params.{name} is missing"
    yield from field(params.get("timeField"), types, fit=frozenset({"date"}))
    yield from _es_query(params.get("esQuery"), types)
    comparator, threshold = params.get("thresholdComparator"), params.get("threshold") or []
    if comparator not in _COMPARATORS:
        yield f"params.thresholdComparator {comparator!r} is unknown"
    elif len(threshold) != (2 if str(comparator).lower().endswith("between") else 1):
        yield f"params.threshold has {len(threshold)} values, which do not fit {comparator}"
    if params.get("aggType", "count") != "count":
        yield from field(params.get("aggField"), types, fit=NUMBERS)
    yield from _stack_groups(params, types)


def _stack_groups(params: Json, types: Types) -> Findings:
    if params.get("groupBy") != "top":
        return
    terms = params.get("termField")
    if not terms or not params.get("termSize"):
        yield "params.groupBy top needs termField and termSize"
    paths = terms if isinstance(terms, list) else [terms]
    if len(paths) > _MAX_TERMS:
        yield f"params.termField names {len(paths)} fields: Kibana takes {_MAX_TERMS}"
    for path in paths:
        yield from field(path, types, fit=GROUPS)


def _es_query(text: object, types: Types) -> Findings:
    try:
        query = json.loads(str(text))["query"]
    except (ValueError, KeyError, TypeError):
        yield "params.esQuery must be JSON with a query in it"
        return
    for path in _named(query):
        yield from field(path, types)


def _named(node: object) -> list[str]:
    """The fields of an Elasticsearch query."""
    if isinstance(node, list):
        return [path for item in node for path in _named(item)]
    if not isinstance(node, dict):
        return []
    found = []
    for key, value in node.items():
        if key in {"term", "terms", "match", "range", "prefix", "wildcard"}:
            found += list(value)
        elif key == "exists":
            found.append(value["field"])
        else:
            found += _named(value)
    return found


def _is_positive(value: object) -> bool:
    return isinstance(value, int) and value >= 1


def _seconds(span: object) -> int | None:
    found = _SPAN.fullmatch(str(span))
    return int(found[1]) * _SECONDS[found[2]] if found else None
