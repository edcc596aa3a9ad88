"""What files of one folder say of each other: a template names its parts and its policy."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from shipper.errors import Problem


def dangling(files: Iterable[Path]) -> Iterator[Problem]:
    """Names in index templates that lead to no file of the folder.

    A kind of which the folder has none is not looked for: it may be installed by others.
    """
    bodies = dict(_objects(files))
    templates = {file: body for file, body in bodies.items() if "index_patterns" in body}
    components = {
        file.stem for file, body in bodies.items() if "template" in body and file not in templates
    }
    policies = {file.stem for file, body in bodies.items() if "policy" in body}
    for file, body in templates.items():
        for name in body.get("composed_of", []):
            if components and name not in components:
                yield Problem(f"{file}: composed_of", f"no component template {name!r} is here")
        policy = _policy(body)
        if policies and policy is not None and policy not in policies:
            place = f"{file}: template.settings.index.lifecycle.name"
            yield Problem(place, f"no lifecycle policy {policy!r} is here")


def _objects(files: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in files:
        if file.suffix == ".json":
            try:
                body = json.loads(file.read_bytes())
            except ValueError:  # said of the file itself
                continue
            if isinstance(body, dict):
                yield file, body


def _policy(body: dict[str, Any]) -> object:
    node: Any = body
    for name in ("template", "settings", "index", "lifecycle", "name"):
        node = node.get(name) if isinstance(node, dict) else None
    return node
