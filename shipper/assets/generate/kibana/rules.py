"""The five alerts of the guide, as rules that Kibana runs over the stored events.

Each twice: a detection rule (the Security solution, with its mappings to taxonomies) and a stack
rule (any Kibana, free). All are disabled until somebody who reads the alerts enables them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from shipper.assets.generate.bodies import MANAGED_BY, Body
from shipper.assets.generate.kibana.lens import uid
from shipper.assets.generate.kibana.saved import patterns
from shipper.catalog import Catalog, Scope

WINDOW_MINUTES = 10
_ATTACK = "https://attack.mitre.org"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert: `query` is KQL, `filters` the same for Elasticsearch.

    `groups` are the fields that at least `times` events must have in common; `first_seen` are
    fields whose values must never have been seen together before.
    """

    name: str
    title: str
    about: str
    severity: str
    risk_score: int
    query: str
    filters: tuple[Mapping[str, object], ...]
    tactic: tuple[str, str]
    technique: tuple[str, str]
    tags: tuple[str, ...]
    groups: tuple[str, ...] = ()
    times: int = 1
    first_seen: tuple[str, ...] = ()
    note: str = ""


def _term(path: str, value: str) -> Mapping[str, object]:
    return {"term": {path: value}}


ALERTS: tuple[Alert, ...] = (
    Alert(
        "multiple_authentication_failures",
        "MCP: multiple authentication failures",
        "Five or more failed authentications from one address within ten minutes.",
        "medium",
        47,
        "event.dataset : mcp.auth and event.outcome : failure",
        (_term("event.dataset", "mcp.auth"), _term("event.outcome", "failure")),
        ("TA0006", "Credential Access"),
        ("T1110", "Brute Force"),
        ("OWASP MCP07", "OWASP MCP01", "Mitre Atlas: AML.T0012"),
        groups=("source.ip",),
        times=5,
        note="Look at event.reason: `unknown` tokens in number are guesses or stolen lists, "
        "`expired` ones a client that does not refresh.",
    ),
    Alert(
        "privilege_escalation_attempts",
        "MCP: privilege escalation attempts",
        "A user was denied three or more times within ten minutes.",
        "high",
        73,
        "event.dataset : mcp.authz and mcp.authz.decision : deny",
        (_term("event.dataset", "mcp.authz"), _term("mcp.authz.decision", "deny")),
        ("TA0004", "Privilege Escalation"),
        ("T1078", "Valid Accounts"),
        ("OWASP MCP02", "OWASP MCP07", "Mitre Atlas: AML.T0053"),
        groups=("user.id",),
        times=3,
        note="Compare mcp.oauth.scopes.required with what was granted, and see in the user's "
        "trail whether a later request was allowed.",
    ),
    Alert(
        "unusual_tool_execution_patterns",
        "MCP: unusual tool execution patterns",
        "A user called a tool that they had not called in two weeks.",
        "low",
        21,
        "event.dataset : mcp.tools and gen_ai.tool.name : *",
        (_term("event.dataset", "mcp.tools"), {"exists": {"field": "gen_ai.tool.name"}}),
        ("TA0002", "Execution"),
        ("T1059", "Command and Scripting Interpreter"),
        ("OWASP MCP03", "OWASP MCP05", "Mitre Atlas: AML.T0053"),
        groups=("user.id", "gen_ai.tool.name"),
        times=50,
        first_seen=("user.id", "gen_ai.tool.name"),
        note="The stack rule of the same name cannot know what is new: it fires when a user "
        "calls one tool fifty times within ten minutes.",
    ),
    Alert(
        "policy_violation_spikes",
        "MCP: policy violation spike",
        "Ten or more policy violations within ten minutes.",
        "medium",
        47,
        "event.dataset : mcp.violations",
        (_term("event.dataset", "mcp.violations"),),
        ("TA0005", "Defense Evasion"),
        ("T1211", "Exploitation for Defense Evasion"),
        ("OWASP MCP06", "OWASP MCP10", "Mitre Atlas: AML.T0054"),
        times=10,
        note="Break it down by mcp.violation.type and mcp.client.id: one client that is broken "
        "looks different from one that is probing.",
    ),
    Alert(
        "high_confidence_threats",
        "MCP: high-confidence threat",
        "A detector was at least 80 per cent sure of an attack.",
        "critical",
        99,
        "event.dataset : mcp.threats and mcp.threat.confidence >= 0.8",
        (_term("event.dataset", "mcp.threats"), {"range": {"mcp.threat.confidence": {"gte": 0.8}}}),
        ("TA0001", "Initial Access"),
        ("T1190", "Exploit Public-Facing Application"),
        ("OWASP MCP03", "OWASP MCP06", "Mitre Atlas: AML.T0051"),
        note="mcp.threat.event_ids names the events that led to it; mcp.threat.blocked says "
        "whether it was stopped.",
    ),
)


def detection_rules(catalog: Catalog, scope: Scope) -> list[Body]:
    """One body a rule, as the import of detection rules takes them."""
    return [_detection(alert, catalog, scope) for alert in ALERTS]


def stack_rules(catalog: Catalog, scope: Scope) -> dict[str, Body]:
    """Bodies of `POST /api/alerting/rule/<id>`, by the alert's name."""
    return {alert.name: _stack(alert, catalog, scope) for alert in ALERTS}


def rule_id(alert: str) -> str:
    """The id that both rules of an alert go by."""
    return uid("rule", alert)


def _detection(alert: Alert, catalog: Catalog, scope: Scope) -> Body:
    body: Body = {
        "rule_id": rule_id(alert.name),
        "name": alert.title,
        "description": alert.about,
        "severity": alert.severity,
        "risk_score": alert.risk_score,
        "version": 1,
        "enabled": False,
        "interval": "5m",
        "from": f"now-{WINDOW_MINUTES + 1}m",  # a minute for what arrives late
        "to": "now",
        "language": "kuery",
        "query": alert.query,
        "index": patterns(catalog, scope),
        "max_signals": 100,
        "author": [MANAGED_BY],
        "license": "MIT",
        "tags": ["Domain: LLM", "MCP", *alert.tags],
        "threat": [_threat(alert)],
        "references": ["https://owasp.org/www-project-mcp-top-10/", "https://atlas.mitre.org/"],
        "false_positives": [],
        "note": alert.note,
        "setup": "Events must be in the data streams of mcp-shipper.",
        "actions": [],
        "exceptions_list": [],
    }
    return body | _detection_type(alert)


def _detection_type(alert: Alert) -> Body:
    if alert.first_seen:
        return {
            "type": "new_terms",
            "new_terms_fields": list(alert.first_seen),
            "history_window_start": "now-14d",
        }
    if alert.times > 1:
        return {
            "type": "threshold",
            "threshold": {"field": list(alert.groups), "value": alert.times, "cardinality": []},
        }
    return {"type": "query"}


def _threat(alert: Alert) -> Body:
    tactic, tactic_name = alert.tactic
    technique, technique_name = alert.technique
    return {
        "framework": "MITRE ATT&CK",
        "tactic": {
            "id": tactic,
            "name": tactic_name,
            "reference": f"{_ATTACK}/tactics/{tactic}/",
        },
        "technique": [
            {
                "id": technique,
                "name": technique_name,
                "reference": f"{_ATTACK}/techniques/{technique}/",
                "subtechnique": [],
            }
        ],
    }


def _stack(alert: Alert, catalog: Catalog, scope: Scope) -> Body:
    query = {"query": {"bool": {"filter": list(alert.filters)}}}
    params: Body = {
        "searchType": "esQuery",
        "index": patterns(catalog, scope),
        "timeField": "@timestamp",
        "esQuery": json.dumps(query, sort_keys=True),
        "size": 100,
        "timeWindowSize": WINDOW_MINUTES,
        "timeWindowUnit": "m",
        "threshold": [alert.times],
        "thresholdComparator": ">=",
        "aggType": "count",
        "groupBy": "top" if alert.groups else "all",
        "excludeHitsFromPreviousRun": True,
    }
    if alert.groups:
        one, *more = alert.groups
        params |= {"termField": [one, *more] if more else one, "termSize": 50}
    return {
        "name": alert.title,
        "rule_type_id": ".es-query",
        "consumer": "alerts",
        "schedule": {"interval": "5m"},
        "tags": [MANAGED_BY, alert.name],
        "actions": [],
        "enabled": False,
        "params": params,
    }
