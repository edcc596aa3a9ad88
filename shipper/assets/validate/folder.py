"""References between the files of a folder: from templates to parts, from rules to data views."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from shipper.errors import Problem

Json = dict[str, Any]


def dangling(files: Iterable[Path]) -> Iterator[Problem]:
    """Names in index templates that are not those of a file in the folder.

    If the folder has no file of a kind, its names are not checked: others may install that kind.
    """
    bodies = dict(_objects(files))
    templates = {file: body for file, body in bodies.items() if "index_patterns" in body}
    components = {
        file.stem for file, body in bodies.items() if "template" in body and file not in templates
    }
    policies = {file.stem for file, body in bodies.items() if "policy" in body}
    for file, body in templates.items():
        for name in body.get("composed_of", []) if components else ():
            if name not in components:
                yield Problem(f"{file}: composed_of", f"unknown component template {name!r}")
        if policies and _policy(body) not in (None, *policies):
            place = f"{file}: template.settings.index.lifecycle.name"
            yield Problem(place, f"unknown lifecycle policy {_policy(body)!r}")


def astray(files: Iterable[Path], generated: Mapping[str, str]) -> Iterator[Problem]:
    """Rules that search outside every data view, where nobody could open the events of an alert.

    The data views are those in the files, or else `generated`: their titles by id.
    """
    bodies = [*_objects(files), *_lines(files)]
    views = {
        str(body.get("id")): str(body.get("attributes", {}).get("title"))
        for _, body in bodies
        if body.get("type") == "index-pattern"
    } or generated
    titles = {frozenset(title.split(",")) for title in views.values()}
    for where, body in bodies:
        place, index = _searched(body)
        if isinstance(index, list) and index and frozenset(map(str, index)) not in titles:
            known = " or ".join(sorted(views.values()))
            what = f"{','.join(map(str, index))} is not the title of a data view; use {known}"
            yield Problem(f"{where}: {place}", what)
        view = body.get("data_view_id") if "rule_id" in body else None
        if view and view not in views:
            what = f"unknown data view {view!r}; known: {', '.join(sorted(views))}"
            yield Problem(f"{where}: data_view_id", what)


def _searched(body: Json) -> tuple[str, object]:
    """The key with which a rule names its indices, and the indices."""
    if "rule_type_id" in body:
        params = body.get("params")
        return "params.index", params.get("index") if isinstance(params, dict) else None
    return "index", body.get("index") if "rule_id" in body else None


def _lines(files: Iterable[Path]) -> Iterator[tuple[str, Json]]:
    for file in files:
        if file.suffix == ".ndjson":
            for number, text in enumerate(file.read_bytes().split(b"\n"), 1):
                if (body := _object(text)) is not None:
                    yield f"{file}:{number}", body


def _objects(files: Iterable[Path]) -> Iterator[tuple[Path, Json]]:
    for file in files:
        if file.suffix == ".json" and (body := _object(file.read_bytes())) is not None:
            yield file, body


def _object(text: bytes) -> Json | None:
    """None if it is not an object, which the check of the file itself reports."""
    try:
        body = json.loads(text)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _policy(body: Json) -> object:
    node: Any = body
    for name in ("template", "settings", "index", "lifecycle", "name"):
        node = node.get(name) if isinstance(node, dict) else None
    return node
