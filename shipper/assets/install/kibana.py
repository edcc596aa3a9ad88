"""What `setup` does to Kibana's saved objects: imports those that are missing or differ."""

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shipper.assets.generate.bodies import MANAGED_BY, Body
from shipper.assets.generate.kibana.saved import line
from shipper.assets.install.kibana_api import MAX_REASON, Kibana
from shipper.assets.install.steps import Action, Step, summary

_REVISION = re.compile(rf"\({MANAGED_BY} ([0-9a-f]+)\)")
#: What tells one data view from another: it has no description to carry a revision.
_OF_A_VIEW = ("title", "name", "timeFieldName", "runtimeFieldMap", "fieldFormatMap")
_NOT_OURS = "not by this version"

Key = tuple[str, str]


def install_objects(
    kibana: Kibana, objects: Sequence[Body], *, dry_run: bool = False
) -> Iterator[Step]:
    """Import the objects that are missing or differ, in one request; a step for each object.

    An object of the same revision is left as it is, even where somebody has changed it by hand
    since. One that Kibana refuses is a failed step with Kibana's reason; the others are taken all
    the same.
    """
    there = _existing(kibana, objects)
    changed = {_key(body): _difference(body, there.get(_key(body))) for body in objects}
    wanted = [body for body in objects if changed[_key(body)] is not None]
    errors = {} if dry_run or not wanted else _load(kibana, wanted)
    for body in objects:
        key = _key(body)
        action = Action.UNCHANGED if changed[key] is None else Action.UPDATED
        if key not in there:
            action = Action.CREATED
        detail = errors.get(key, changed[key] or "")
        yield Step(_kind(body), body["id"], Action.FAILED if key in errors else action, detail)


def remove_objects(
    kibana: Kibana, objects: Sequence[Body], *, dry_run: bool = False
) -> Iterator[Step]:
    """Delete those of the objects that are there, what refers to others before what is referred to.

    By id: an object that somebody has copied from one of ours stays.
    """
    there = _existing(kibana, objects)
    for body in reversed(objects):
        if _key(body) in there:
            if not dry_run:
                kibana.ask("DELETE", f"/api/saved_objects/{body['type']}/{body['id']}?force=true")
            yield Step(_kind(body), body["id"], Action.REMOVED)


def _key(body: Mapping[str, Any]) -> Key:
    return str(body["type"]), str(body["id"])


def _kind(body: Body) -> str:
    """As Kibana's pages call it."""
    kind = str(body["type"])
    return {"index-pattern": "data view", "search": "saved search"}.get(kind, kind)


def _existing(kibana: Kibana, objects: Sequence[Body]) -> dict[Key, Body]:
    """Those of the objects that are there, as Kibana keeps them."""
    if kibana.is_empty:
        return {}
    wanted = [{"type": body["type"], "id": body["id"]} for body in objects]
    answer = kibana.ask("POST", "/api/saved_objects/_bulk_get", wanted)
    return {_key(one): one for one in answer["saved_objects"] if "error" not in one}


def _load(kibana: Kibana, objects: Sequence[Body]) -> dict[Key, str]:
    """Import them over what is there; Kibana's reason for each that it refused."""
    data, kind = _form(b"".join(map(line, objects)))
    answer = kibana.send("POST", "/api/saved_objects/_import?overwrite=true", data, kind)
    return {_key(one): _reason(one["error"]) for one in answer.get("errors", ())}


def _difference(ours: Body, theirs: Body | None) -> str | None:
    """What an import would change: nothing (None), or words about it."""
    if theirs is None:
        return ""
    mine, found = ours["attributes"], theirs.get("attributes", {})
    if ours["type"] == "index-pattern":
        differing = [
            f"{name}: {found.get(name, 'absent')} -> {mine.get(name, 'absent')}"
            for name in _OF_A_VIEW
            if mine.get(name) != found.get(name)
        ]
        return summary(differing) if differing else None
    before, after = _revision(found), _revision(mine)
    if before == after:
        return None
    return summary([*_panel_changes(found, mine), f"revision {before} -> {after}"])


def _panel_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Panels by their titles: what a person sees of a dashboard."""
    old, new = _panels(before), _panels(after)
    yield from (f"+ {title}" for title in new if title not in old)
    yield from (f"- {title}" for title in old if title not in new)
    yield from (f"~ {title}" for title in new if title in old and old[title] != new[title])


def _panels(attributes: Mapping[str, Any]) -> dict[str, object]:
    """What each panel draws, as far as it is told the same way by every Kibana."""
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
    return found[1] if found else _NOT_OURS


def _form(content: bytes) -> tuple[bytes, str]:
    """A form with one file, and its content type; Kibana insists on the end of the file's name."""
    boundary = secrets.token_hex(16)
    disposition = 'form-data; name="file"; filename="mcp-shipper.ndjson"'
    head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n"
    head += "Content-Type: application/ndjson\r\n\r\n"
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def _reason(error: Mapping[str, Any]) -> str:
    """Why one object was refused, in Kibana's words."""
    missing = [f"{one.get('type')} {one.get('id')}" for one in error.get("references", ())]
    said = f"missing: {', '.join(missing)}" if missing else str(error.get("message", ""))
    return f"{error.get('type', 'unknown')}: {said}"[:MAX_REASON].rstrip(": ")
