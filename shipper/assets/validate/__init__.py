"""Checks of asset files without a server, as generated or as a user has edited them."""

import json
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from shipper.assets.generate.kibana.model import EVENTS_VIEW
from shipper.assets.generate.kibana.saved import field_types, patterns
from shipper.assets.validate import rules, saved, stack
from shipper.assets.validate.fields import Findings, Types
from shipper.assets.validate.folder import astray, dangling
from shipper.catalog import Catalog, Scope
from shipper.errors import Problem

Json = dict[str, Any]
Line = tuple[str, Json]

_SUFFIXES = (".ndjson", ".json", ".conf")


def validate(path: Path, catalog: Catalog, scope: Scope) -> Iterator[Problem]:
    """Problems of a file, or of all files below a folder.

    Saved objects and detection rules are read from `.ndjson`, pipelines of Logstash from `.conf`;
    stack rules, policies, templates and ingest pipelines from `.json`. Other `.json` files are
    ignored. Fields are compared with those of the catalog.
    """
    named = sorted(path.rglob("*")) if path.is_dir() else [path]
    unread = {file: why for file in named if file.suffix in _SUFFIXES and (why := _unread(file))}
    yield from (Problem(str(file), f"cannot be read: {why}") for file, why in unread.items())
    files = [file for file in named if file not in unread]
    if not any(file.suffix in _SUFFIXES for file in named):
        yield Problem(str(path), f"contains no assets; their names end in {', '.join(_SUFFIXES)}")
    for file in files:
        if file.suffix == ".ndjson":
            yield from _ndjson(file, catalog)
        elif file.suffix == ".json":
            yield from _json(file, catalog)
        elif file.suffix == ".conf":
            yield from stack.problems_in(file)
    yield from dangling(files)
    yield from astray(files, {EVENTS_VIEW: ",".join(patterns(catalog, scope))})


def _unread(file: Path) -> str:
    """Why the file cannot be read, such as a link that leads nowhere; empty if it can."""
    try:
        with file.open("rb") as opened:
            opened.peek(1)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _json(file: Path, catalog: Catalog) -> Iterator[Problem]:
    body = yield from _parsed(file.read_bytes(), str(file))
    if body and "rule_type_id" in body:
        found = rules.stack(body, field_types(catalog))
        yield from _within(str(file), found)
    elif body and stack.knows(body):
        yield from stack.problems_in(file)


def _ndjson(file: Path, catalog: Catalog) -> Iterator[Problem]:
    lines: list[Line] = []
    for number, text in enumerate(file.read_bytes().split(b"\n"), 1):
        if text.strip():
            body = yield from _parsed(text, f"{file}:{number}")
            if body is not None:
                lines.append((f"{file}:{number}", body))
    objects = [line for line in lines if "exportedCount" not in line[1]]
    for where, body in lines:
        if body.get("exportedCount", len(objects)) != len(objects):
            what = f"exportedCount is {body['exportedCount']}, but there are {len(objects)} objects"
            yield Problem(where, what)
    yield from _all(objects, field_types(catalog))


def _all(objects: list[Line], types: Types) -> Iterator[Problem]:
    known = Counter(_key(body) for _, body in objects)
    for where, body in objects:
        if known[_key(body)] > 1:
            yield Problem(where, f"{' '.join(_key(body))} is in the file more than once")
        name = f"{where} ({body.get('type')} {body.get('rule_id') or body.get('id')})"
        yield from _within(name, _object(body, set(known), types))


def _object(body: Json, known: set[tuple[str, str]], types: Types) -> Findings:
    if "risk_score" in body or "rule_id" in body:
        return rules.detection(body, types)
    return saved.check(body, known, types)


def _key(body: Json) -> tuple[str, str]:
    return ("rule", str(body["rule_id"])) if "rule_id" in body else _saved_key(body)


def _saved_key(body: Json) -> tuple[str, str]:
    return str(body.get("type")), str(body.get("id"))


def _parsed(text: bytes, where: str) -> Generator[Problem, None, Json | None]:
    """Yields the problem, if there is one; returns the object or None."""
    try:
        value = json.loads(text)
    except ValueError as error:
        yield Problem(where, f"is not valid JSON: {error}")
        return None
    if not isinstance(value, dict):
        yield Problem(where, f"expected an object, found {type(value).__name__}")
        return None
    return value


def _within(where: str, found: Findings) -> Iterator[Problem]:
    try:
        for what in found:
            yield Problem(where, what)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        yield Problem(where, f"it does not have the shape that Kibana expects ({error!r})")
