"""The interface as OpenAPI 3.1."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from shipper import __version__
from shipper.api.answers import ANSWERS
from shipper.api.operations import OPERATIONS
from shipper.api.requests import MEMBERS, REQUIRED, or_null
from shipper.catalog import Catalog

Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{name}"
_FAILURE: Json = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {"success": {"const": False}, "error": {"type": "string"}},
}
_FAILURES: Mapping[str, str] = {
    "400": "The request has problems; `error` has each of them.",
    "401": "The token is missing or unknown.",
    "403": "The role does not allow it.",
    "409": "The configuration names no cluster to ask.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "429": "Too many requests.",
    "500": "An error of mcp-shipper.",
    "503": "The record, or a server that it needs, cannot be reached now.",
}


def openapi(catalog: Catalog) -> Json:
    """The document."""
    known = {"event-type": [*catalog.event_types], "framework": [*catalog.frameworks]}
    paths: Json = {f"/v1/{name}": {"post": _with_names(_post(name), known)} for name in OPERATIONS}
    paths["/v1/events"] = {"get": _events()}
    paths["/v1/client"] = {"get": _client()}
    _, answers = msgspec.json.schema_components(ANSWERS.values(), ref_template=_REFERENCE)
    return {
        "openapi": "3.1.0",
        "info": {"title": "mcp-shipper", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": answers,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _with_names(value: Any, known: Mapping[str, list[str]]) -> Any:
    """A schema in which texts of these formats have the names of the configuration."""
    if isinstance(value, list | tuple):
        return [_with_names(one, known) for one in value]
    if not isinstance(value, Mapping):
        return value
    found = {name: _with_names(one, known) for name, one in value.items()}
    if names := known.get(str(found.get("format"))):
        found["pattern"] = f"^({'|'.join(map(re.escape, names))})$"
    return found


def _post(name: str) -> Json:
    body: Json = {
        "type": "object",
        "properties": {
            key: dict(one.schema) if key in REQUIRED.get(name, ()) else or_null(one.schema)
            for key, one in MEMBERS.get(name, {}).items()
        },
        "additionalProperties": False,
    }
    if needed := REQUIRED.get(name):
        body["required"] = list(needed)
    return {
        "operationId": name,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _content("Carried out.", _answer(name)), **_failures()},
    }


def _answer(name: str) -> Json:
    always = {"success": {"const": True}, "operation": {"const": name}}
    return {
        "allOf": [
            {"type": "object", "required": [*always], "properties": always},
            {"$ref": _REFERENCE.format(name=ANSWERS[name].__name__)},
        ]
    }


def _client() -> Json:
    text = {"type": "string"}
    members = {"name": text, "role": text, "operations": {"type": "array", "items": text}}
    answer = {"type": "object", "required": [*members], "properties": members}
    found = {"200": _content("The client of the token.", answer), **_failures()}
    return {"operationId": "client", "responses": found}


def _events() -> Json:
    text = {"type": "string"}
    parameters = [
        {"name": "query", "in": "query", "schema": text},
        {"name": "after", "in": "query", "schema": text},
        {"name": "Last-Event-ID", "in": "header", "schema": text},
    ]
    stream = {"description": "Events.", "content": {"text/event-stream": {"schema": text}}}
    return {
        "operationId": "events",
        "parameters": parameters,
        "responses": {"200": stream, **_failures()},
    }


def _failures() -> Json:
    return {status: _content(what, _FAILURE) for status, what in _FAILURES.items()}


def _content(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
