"""Installs and removes Kibana's rules.

The operator decides whether a rule is enabled and what it does when it fires: an update keeps both.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NotRequired, TypedDict

from shipper.assets.generate.bodies import Body
from shipper.assets.generate.kibana.rules import detection_rules, rule_id, stack_rules
from shipper.assets.install.change import Change, Effect, differences, summary
from shipper.assets.install.kibana_api import Kibana
from shipper.catalog import Catalog, Scope
from shipper.errors import Refused

_DETECTION = "/api/detection_engine/rules"
#: Members that the operator sets, and the version, which Kibana increments with each change.
_NOT_UPDATED = {"enabled", "actions", "exceptions_list", "version"}
_NO_ENGINE = "this Kibana has no detection engine, or these credentials may not use it"


class _Installed(TypedDict):
    """The members of an installed rule that are read."""

    actions: NotRequired[list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule: the path to read it, and the requests that create and update it."""

    kind: str
    name: str
    path: str
    wanted: Body  # the members that are compared
    create: tuple[str, Body]
    update: Callable[[Body], tuple[str, str, Body]]


def install_rules(
    kibana: Kibana, catalog: Catalog, scope: Scope, *, dry_run: bool = False
) -> Iterator[Change]:
    """Create or update each rule; one that Kibana refuses is a failed change."""
    has_engine = _has_engine(kibana)
    for rule in _rules(kibana, catalog, scope):
        if rule.kind == _DETECTIONS and not has_engine:
            yield Change(rule.kind, rule.name, Effect.UNAVAILABLE, _NO_ENGINE)
            continue
        try:
            yield _put(kibana, rule, dry_run=dry_run)
        except Refused as error:
            yield Change(rule.kind, rule.name, Effect.FAILED, str(error))


def remove_rules(
    kibana: Kibana, catalog: Catalog, scope: Scope, *, dry_run: bool = False
) -> Iterator[Change]:
    """Delete the installed rules."""
    for rule in _rules(kibana, catalog, scope):
        if _found(kibana, rule):
            if not dry_run:
                kibana.ask("DELETE", rule.path)
            yield Change(rule.kind, rule.name, Effect.REMOVED)


_STACK, _DETECTIONS = "stack rule", "detection rule"


def _rules(kibana: Kibana, catalog: Catalog, scope: Scope) -> Iterator[_Rule]:
    for alert, body in stack_rules(catalog, scope).items():
        yield _stack(rule_id(alert, kibana.space), body)
    yield from map(_detection, detection_rules(catalog, scope))


def _stack(identity: str, body: Body) -> _Rule:
    path = f"/api/alerting/rule/{identity}"
    wanted = {name: body[name] for name in ("name", "tags", "schedule", "params")}

    def update(found: Body) -> tuple[str, str, Body]:
        return "PUT", path, {**wanted, "actions": [*map(_action, found.get("actions", ()))]}

    return _Rule(_STACK, body["name"], path, wanted, (path, body), update)


def _action(found: Body) -> Body:
    """The action as a `PUT` takes it: Kibana returns a member that it refuses there."""
    return {name: value for name, value in found.items() if name != "connector_type_id"}


def _detection(body: Body) -> _Rule:
    path = f"{_DETECTION}?rule_id={body['rule_id']}"
    wanted = {name: value for name, value in body.items() if name not in _NOT_UPDATED}

    def update(_found: Body) -> tuple[str, str, Body]:
        return "PATCH", _DETECTION, wanted

    return _Rule(_DETECTIONS, body["name"], path, wanted, (_DETECTION, body), update)


def _put(kibana: Kibana, rule: _Rule, *, dry_run: bool) -> Change:
    found = _found(kibana, rule)
    if not found:
        if not dry_run:
            kibana.ask("POST", *rule.create)
        return Change(rule.kind, rule.name, Effect.CREATED)
    differing = differences(rule.wanted, found, ignore_additions=True)
    if differing and not dry_run:
        kibana.ask(*rule.update(found))
    effect = Effect.UPDATED if differing else Effect.UNCHANGED
    return Change(rule.kind, rule.name, effect, summary(differing))


def _found(kibana: Kibana, rule: _Rule) -> Any:
    if kibana.is_empty:
        return {}
    return kibana.ask("GET", rule.path, accept=HTTPStatus.NOT_FOUND, shape=_Installed)


def _has_engine(kibana: Kibana) -> bool:
    """Whether the Security solution is there; without it, every rule would look missing."""
    if kibana.is_empty:
        return True
    try:
        kibana.ask("GET", f"{_DETECTION}/_find?per_page=1")
    except Refused:
        return False
    return True
