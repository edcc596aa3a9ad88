"""Imports saved objects that are missing or differ into Kibana, and removes them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from shipper.assets.generate.bodies import MANAGED_BY, Body
from shipper.assets.generate.kibana.saved import line
from shipper.assets.install.change import Change, Effect, summary
from shipper.assets.install.kibana_api import MAX_REASON, Kibana

_REVISION = re.compile(rf"\({MANAGED_BY} ([0-9a-f]+)\)")
#: The attributes of a data view that are compared: it has no description to carry a revision.
_VIEW_ATTRIBUTES = ("title", "name", "timeFieldName", "runtimeFieldMap", "fieldFormatMap")
_UNKNOWN = "unknown"

Key = tuple[str, str]


class _Object(TypedDict):
    """The members of an object in an answer that are read."""

    type: str
    id: str
    attributes: NotRequired[dict[str, Any]]


class _Got(TypedDict):
    saved_objects: list[_Object]


class _Error(TypedDict):
    references: NotRequired[list[dict[str, Any]]]


class _Refusal(TypedDict):
    type: str
    id: str
    error: _Error


class _Imported(TypedDict):
    errors: NotRequired[list[_Refusal]]


def install_objects(
    kibana: Kibana, objects: Sequence[Body], *, dry_run: bool = False
) -> Iterator[Change]:
    """Import the objects that are missing or differ, in one request; a change for each object.

    An object of the same revision stays unchanged, even if somebody has changed it by hand since.
    An object that Kibana refuses is a failed change with Kibana's reason; the others are imported.
    """
    there = _existing(kibana, objects)
    changed = {_key(body): _difference(body, there.get(_key(body))) for body in objects}
    wanted = [body for body in objects if changed[_key(body)] is not None]
    errors = {} if dry_run or not wanted else _load(kibana, wanted)
    for body in objects:
        key = _key(body)
        effect = Effect.UNCHANGED if changed[key] is None else Effect.UPDATED
        if key not in there:
            effect = Effect.CREATED
        detail = errors.get(key, changed[key] or "")
        yield Change(_kind(body), body["id"], Effect.FAILED if key in errors else effect, detail)


def remove_objects(
    kibana: Kibana, objects: Sequence[Body], *, dry_run: bool = False
) -> Iterator[Change]:
    """Delete the installed objects by id, those with references before their targets.

    A copy that somebody has made of an object has another id and stays.
    """
    there = _existing(kibana, objects)
    for body in reversed(objects):
        if _key(body) in there:
            if not dry_run:
                kibana.ask("DELETE", f"/api/saved_objects/{body['type']}/{body['id']}?force=true")
            yield Change(_kind(body), body["id"], Effect.REMOVED)


def _key(body: Mapping[str, Any]) -> Key:
    return str(body["type"]), str(body["id"])


def _kind(body: Body) -> str:
    """The name of the kind on Kibana's pages."""
    kind = str(body["type"])
    return {"index-pattern": "data view", "search": "saved search"}.get(kind, kind)


def _existing(kibana: Kibana, objects: Sequence[Body]) -> dict[Key, Body]:
    """The objects that are installed, as Kibana stores them."""
    if kibana.is_empty:
        return {}
    wanted = [{"type": body["type"], "id": body["id"]} for body in objects]
    answer = kibana.ask("POST", "/api/saved_objects/_bulk_get", wanted, shape=_Got)
    return {_key(one): one for one in answer["saved_objects"] if "error" not in one}


def _load(kibana: Kibana, objects: Sequence[Body]) -> dict[Key, str]:
    """Import them and replace the installed ones; Kibana's reason for each that it refused."""
    path = "/api/saved_objects/_import?overwrite=true"
    data = b"".join(map(line, objects))
    answer = kibana.upload(path, "mcp-shipper.ndjson", data, _Imported)
    return {_key(one): _reason(one["error"]) for one in answer.get("errors", ())}


def _difference(generated: Body, installed: Body | None) -> str | None:
    """A summary of what an import would change; None if it would change nothing."""
    if installed is None:
        return ""
    wanted, found = generated["attributes"], installed.get("attributes", {})
    if generated["type"] == "index-pattern":
        differing = [
            f"{name}: {found.get(name, 'absent')} -> {wanted.get(name, 'absent')}"
            for name in _VIEW_ATTRIBUTES
            if wanted.get(name) != found.get(name)
        ]
        return summary(differing) if differing else None
    before, after = _revision(found), _revision(wanted)
    if before == after:
        return None
    return summary([*_panel_changes(found, wanted), f"revision {before} -> {after}"])


def _panel_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """The panels that differ, by the titles that a person sees."""
    old, new = _panels(before), _panels(after)
    yield from (f"+ {title}" for title in new if title not in old)
    yield from (f"- {title}" for title in old if title not in new)
    yield from (f"~ {title}" for title in new if title in old and old[title] != new[title])


def _panels(attributes: Mapping[str, Any]) -> dict[str, object]:
    """The data of each panel, by title, as far as every Kibana stores it in the same way."""
    try:
        panels = json.loads(attributes.get("panelsJSON", "[]"))
        return {one["title"]: _drawn(one) for one in panels if one.get("title")}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def _drawn(panel: Mapping[str, Any]) -> object:
    state = panel.get("embeddableConfig", {}).get("attributes", {}).get("state", {})
    layers = state.get("datasourceStates", {}).get("formBased", {}).get("layers", {})
    return layers, state.get("query")


def _revision(attributes: Mapping[str, Any]) -> str:
    found = _REVISION.search(str(attributes.get("description", "")))
    return found[1] if found else _UNKNOWN


def _reason(error: Mapping[str, Any]) -> str:
    """Why one object was refused, in Kibana's words."""
    missing = [f"{one.get('type')} {one.get('id')}" for one in error.get("references", ())]
    said = f"missing: {', '.join(missing)}" if missing else str(error.get("message", ""))
    return f"{error.get('type', 'unknown')}: {said}"[:MAX_REASON].rstrip(": ")
