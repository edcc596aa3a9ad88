"""Each alert of the catalog as two rules that Kibana runs over the stored events.

A detection rule is for the Security solution and carries the mappings to taxonomies; a stack rule
is for any Kibana, without a licence. All are disabled until someone who reads the alerts enables
them.
"""

import json
from collections.abc import Mapping

from shipper.assets.generate.bodies import MANAGED_BY, Body
from shipper.assets.generate.kibana.eql import sequence
from shipper.assets.generate.kibana.filters import filters
from shipper.assets.generate.kibana.lens import uid
from shipper.assets.generate.kibana.saved import field_types, patterns
from shipper.catalog import Catalog, Scope
from shipper.catalog.alerts import Alert, Attack, Tactic, Technique, alerts_of

_ATTACK = "https://attack.mitre.org"
#: Part of the note: some versions drop the member `setup`, and each run would find it missing.
_NEEDS = "Needs the data streams of mcp-shipper."
#: What Kibana cannot see: events that are missing, and which hours are usual.
_NOT_DETECTED = ("silence", "sequence_gap", "usual_hours")
_NOT_COUNTED = ("distinct", "after", *_NOT_DETECTED)
#: For events that arrive late.
_SLACK_MINUTES = 1


def detection_rules(
    catalog: Catalog, scope: Scope, rows: Mapping[str, Alert] | None = None
) -> list[Body]:
    """A body for each alert, or for each of `rows`, as the import of detection rules takes them."""
    found = alerts_of(catalog) if rows is None else rows
    return [
        _detection(alert, patterns(catalog, scope))
        for alert in found.values()
        if alert.memory not in _NOT_DETECTED
    ]


def stack_rules(
    catalog: Catalog, scope: Scope, rows: Mapping[str, Alert] | None = None
) -> dict[str, Body]:
    """Bodies of `POST /api/alerting/rule/<id>`, by the alert's name.

    A stack rule can only count events, so an alert that needs more has none.
    """
    types = field_types(catalog)
    return {
        name: _stack(alert, patterns(catalog, scope), types)
        for name, alert in (alerts_of(catalog) if rows is None else rows).items()
        if alert.memory not in _NOT_COUNTED
    }


def rule_id(alert: str, space: str = "") -> str:
    """The id of an alert's rules; that of a stack rule is unique among all spaces of a Kibana."""
    return uid("rule", alert, *([space] if space else []))


def _detection(alert: Alert, index: list[str]) -> Body:
    body: Body = {
        "rule_id": rule_id(alert.name),
        "name": alert.title,
        "description": alert.description,
        "severity": alert.severity.value,
        "risk_score": alert.risk_score,
        "version": 1,
        "enabled": False,
        "interval": f"{alert.interval_minutes}m",
        "from": f"now-{alert.window_minutes + _SLACK_MINUTES}m",
        "to": "now",
        # So that an event that arrives after an outage is still seen. Kibana takes `@timestamp`
        # where an event has no such field.
        "timestamp_override": "event.ingested",
        "language": "kuery",
        "query": alert.counted,
        "index": index,
        "max_signals": 100,
        "author": [MANAGED_BY],
        "license": "MIT",
        "tags": ["Domain: LLM", "MCP", *alert.tags],
        "threat": [_threat(alert.attack)] if alert.attack else [],
        "references": ["https://owasp.org/www-project-mcp-top-10/", "https://atlas.mitre.org/"],
        "false_positives": list(alert.false_positives),
        "note": f"{alert.note}\n\n{_NEEDS}",
        "actions": [],
        "exceptions_list": [],
    }
    return body | _detection_type(alert)


def _detection_type(alert: Alert) -> Body:
    if alert.after:
        return {"type": "eql", "language": "eql", "query": sequence(alert)}
    if alert.first_seen:
        return {
            "type": "new_terms",
            "new_terms_fields": list(alert.first_seen.fields),
            "history_window_start": f"now-{alert.first_seen.days}d",
        }
    if alert.threshold > 1:
        return {"type": "threshold", "threshold": _threshold(alert)}
    return {"type": "query"}


def _threshold(alert: Alert) -> Body:
    groups = list(alert.group_by)
    if not alert.distinct:
        return {"field": groups, "value": alert.threshold, "cardinality": []}
    different = {"field": alert.distinct, "value": alert.threshold}
    return {"field": groups, "value": 1, "cardinality": [different]}


def _threat(attack: Attack) -> Body:
    technique = _entry("techniques", attack.technique)
    return {
        "framework": "MITRE ATT&CK",
        "tactic": _entry("tactics", attack.tactic),
        "technique": [{**technique, "subtechnique": []}],
    }


def _entry(kind: str, row: Tactic | Technique) -> Body:
    return {"id": row.id, "name": row.name, "reference": f"{_ATTACK}/{kind}/{row.id}/"}


def _stack(alert: Alert, index: list[str], types: Mapping[str, str]) -> Body:
    query = {"query": {"bool": {"filter": filters(alert.counted, types)}}}
    params: Body = {
        "searchType": "esQuery",
        "index": index,
        "timeField": "@timestamp",
        "esQuery": json.dumps(query, sort_keys=True),
        "size": 100,
        "timeWindowSize": alert.window_minutes,
        "timeWindowUnit": "m",
        "threshold": [alert.threshold],
        "thresholdComparator": ">=",
        "aggType": "count",
        "groupBy": "top" if alert.group_by else "all",
        "excludeHitsFromPreviousRun": True,
    }
    if alert.group_by:
        one, *more = alert.group_by
        params |= {"termField": [one, *more] if more else one, "termSize": 50}
    return {
        "name": alert.title,
        "rule_type_id": ".es-query",
        "consumer": "alerts",
        "schedule": {"interval": f"{alert.interval_minutes}m"},
        "tags": [MANAGED_BY, alert.name],
        "actions": [],
        "enabled": False,
        "params": params,
    }
