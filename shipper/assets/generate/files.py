"""Writes the files that are generated from the catalog, and finds stale ones."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from shipper.assets.generate import events, foreign, kibana, logstash, redaction, security
from shipper.assets.generate.bodies import (
    MANAGED_BY,
    Body,
    component_templates,
    final_pipeline,
    index_of,
    index_templates,
    policies,
)
from shipper.assets.generate.ingest import ingest_pipelines
from shipper.assets.generate.kibana.rules import detection_rules, stack_rules
from shipper.catalog import Catalog, Scope

Generated = Iterator[tuple[PurePosixPath, bytes]]
Generator = Callable[[Catalog, Scope], Generated]

#: Files in these folders that carry mcp-shipper's mark and are no longer generated are removed.
_FOLDERS = ("ilm", "kibana", "logstash/pipelines", "logstash/scripts")


def _ilm(catalog: Catalog, scope: Scope) -> Generated:
    yield from _json_files("ilm/policies", policies(catalog, scope))
    yield from _json_files("ilm/component_templates", component_templates(catalog))
    yield from _json_files("ilm/index_templates", index_templates(catalog, scope))
    pipelines = {**ingest_pipelines(catalog, scope), **final_pipeline()}
    yield from _json_files("ilm/ingest_pipelines", pipelines)
    yield from _json_files("ilm/overlays/cold_and_frozen", security.cold_and_frozen(catalog, scope))
    yield from _json_files("ilm/overlays", {"mcp@failures": security.failure_store()})
    yield from _json_files("ilm/security/roles", security.roles(catalog, scope))
    yield from _json_files("ilm/security/api_keys", security.api_keys(catalog, scope))
    yield from _json_files("ilm/security/spaces", security.spaces())


def _logstash(catalog: Catalog, scope: Scope) -> Generated:
    indices = [(row.dataset, index_of(row, scope)) for row in catalog.event_types.values()]
    for name, text in logstash.files(scope.index_strategy, indices):
        yield PurePosixPath("logstash/pipelines", name), text.encode()
    script = foreign.in_ruby(catalog, scope)
    yield PurePosixPath("logstash/scripts/mcp_normalise.rb"), script.encode()


def _kibana(catalog: Catalog, scope: Scope) -> Generated:
    objects = kibana.ndjson(kibana.saved_objects(catalog, scope))
    yield PurePosixPath("kibana/saved_objects/mcp-shipper.ndjson"), objects
    detections = kibana.ndjson(detection_rules(catalog, scope))
    yield PurePosixPath("kibana/rules/detection/mcp-shipper.ndjson"), detections
    yield from _json_files("kibana/rules/stack", stack_rules(catalog, scope))


def _docs(catalog: Catalog, scope: Scope) -> Generated:
    yield PurePosixPath("docs/events.md"), events.page(catalog, scope).encode()
    yield PurePosixPath("docs/redaction.md"), redaction.page().encode()


_GENERATORS: tuple[Generator, ...] = (_ilm, _logstash, _kibana, _docs)


def build(catalog: Catalog, scope: Scope) -> dict[PurePosixPath, bytes]:
    """Every file by its path, in order; the same input gives the same bytes."""
    return dict(sorted(file for generate in _GENERATORS for file in generate(catalog, scope)))


def write(root: Path, catalog: Catalog, scope: Scope) -> list[Path]:
    """Bring the files under `root` up to date; return those changed or removed, in order."""
    files = build(catalog, scope)
    changed = [path for path, content in files.items() if _content(root / path) != content]
    for path in changed:
        _replace(root / path, files[path])
    leftover = list(_leftover(root, files))
    for path in leftover:
        (root / path).unlink()
    return sorted(root / path for path in (*changed, *leftover))


def stale(root: Path, catalog: Catalog, scope: Scope) -> list[str]:
    """The changes that `write` would make, a line for each file."""
    files = build(catalog, scope)
    found = [f"{path}: no longer generated" for path in _leftover(root, files)]
    for path, content in files.items():
        there = _content(root / path)
        if there is None:
            found.append(f"{path}: missing")
        elif there != content:
            found.append(f"{path}: differs from the catalog")
    return sorted(found)


def _json_files(folder: str, bodies: Mapping[str, Body]) -> Generated:
    for name, body in bodies.items():
        text = json.dumps(body, indent=2, ensure_ascii=False)
        yield PurePosixPath(folder, f"{name}.json"), f"{text}\n".encode()


def _leftover(root: Path, files: Mapping[PurePosixPath, bytes]) -> Iterator[PurePosixPath]:
    for folder in _FOLDERS:
        for found in sorted((root / folder).rglob("*")):
            path = PurePosixPath(found.relative_to(root).as_posix())
            if path not in files and MANAGED_BY.encode() in (_content(found) or b""):
                yield path


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)
