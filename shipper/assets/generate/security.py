"""Bodies of roles, API keys and Kibana's spaces, and two overlays.

An administrator reviews and installs them; `setup` installs roles and a space only on request.
Limits on documents or fields need a Platinum licence, cold and frozen phases an Enterprise licence.
"""

from collections.abc import Iterator
from typing import Any

from shipper.assets.generate.bodies import MANAGED_BY, Body, policies
from shipper.catalog import Catalog, IndexStrategy, Scope, Sensitivity

_SPACE = "mcp-audit"
#: The operator's snapshot repository, from which cold and frozen indices are mounted.
_REPOSITORY = "mcp-audit"
_COLD_AFTER_DAYS = 60
_FROZEN_AFTER_DAYS = 180
#: Elasticsearch's default is 30; this leaves a quarter to review refused documents.
_FAILURES_DAYS = 90

_READ = ("read", "view_index_metadata")
_CONTENT = {"flattened", "match_only_text"}


def roles(catalog: Catalog, scope: Scope) -> dict[str, Body]:
    """Roles by name.

    The writer is for a shipper with a password, and has the rights of its API key. The analyst
    sees who did what, but no content: no arguments, results or error messages. The tenant sees the
    events of one OAuth client, which the user's metadata names as `mcp_client_id`. Roles add up: if
    a user has another role that reads these indices without limits, the limits of these roles have
    no effect.
    """
    names = _indices(catalog, scope)
    return {
        "mcp_writer": {
            **_writer(names),
            **_about("Adds events and reads them to compare; cannot change or delete any."),
        },
        "mcp_analyst": _role(
            "Reads events without their content.",
            {**_reads(names), "field_security": {"grant": ["*"], "except": _content(catalog)}},
        ),
        "mcp_auditor": _role("Reads all of every event.", _reads(names)),
        "mcp_tenant": _role(
            "Reads the events of one client.", {**_reads(names), "query": _OF_CLIENT}
        ),
    }


def api_keys(catalog: Catalog, scope: Scope) -> dict[str, Body]:
    """Bodies of `POST /_security/api_key`: for a shipper, and for running `setup`."""
    installer = ["manage_ilm", "manage_index_templates", "manage_ingest_pipelines", "monitor"]
    names = _indices(catalog, scope)
    setup: Body = {"cluster": installer}
    if scope.index_strategy is not IndexStrategy.MONTHLY:  # setup makes the first indices
        setup["indices"] = [{"names": names, "privileges": ["manage"]}]
    return {
        "mcp-shipper-writer": _key("mcp-shipper-writer", "mcp_writer", _writer(names)),
        "mcp-shipper-setup": _key("mcp-shipper-setup", "mcp_setup", setup),
    }


def spaces(space: str = _SPACE) -> dict[str, Body]:
    """Kibana's space for the dashboards and rules, as `POST /api/spaces/space` takes it."""
    about = f"Audit of MCP servers and clients, by {MANAGED_BY}."
    name = "MCP audit" if space == _SPACE else space
    return {space: {"id": space, "name": name, "description": about}}


def failure_store() -> Body:
    """A component template that keeps refused documents; for Elasticsearch 8.19, 9.1 and later.

    Add it to `composed_of` of the index templates. The failure store holds documents as they
    arrived, before any pipeline masked them, and no role limits their fields.
    """
    kept = {"enabled": True, "lifecycle": {"data_retention": f"{_FAILURES_DAYS}d"}}
    options = {"data_stream_options": {"failure_store": kept}}
    return {"template": options, "_meta": {"managed_by": MANAGED_BY}}


def cold_and_frozen(catalog: Catalog, scope: Scope) -> dict[str, Body]:
    """The policies with cold and frozen phases, for types that are kept for long enough."""
    found = policies(catalog, scope)
    for body in found.values():
        phases = body["policy"]["phases"]
        kept_days = body["policy"]["_meta"]["retention_days"]
        delete = phases.pop("delete")
        for name, after_days in (("cold", _COLD_AFTER_DAYS), ("frozen", _FROZEN_AFTER_DAYS)):
            if kept_days > after_days:
                mount = {"searchable_snapshot": {"snapshot_repository": _REPOSITORY}}
                phases[name] = {"min_age": f"{after_days}d", "actions": mount}
        phases["delete"] = delete
    return found


_OF_CLIENT = {
    "template": {"source": '{"term": {"mcp.client.id": "{{_user.metadata.mcp_client_id}}"}}'}
}
_KIBANA = {
    "application": "kibana-.kibana",
    "privileges": ["feature_discover.read", "feature_dashboard.read"],
    "resources": [f"space:{_SPACE}"],
}


def _writer(names: list[str]) -> Body:
    """The rights of a shipper."""
    # It compares an event whose id is taken with the document that has it (`event.hash`).
    compares = {"names": names, "privileges": ["read"]}
    return {"cluster": ["monitor"], "indices": [_writes(names), compares, _writes(_GENERIC)]}


def _role(description: str, indices: Body) -> Body:
    return {"indices": [indices], "applications": [_KIBANA], **_about(description)}


def _about(description: str) -> Body:
    return {"metadata": {"managed_by": MANAGED_BY, "description": description}}


def _key(name: str, role: str, descriptor: Body) -> Body:
    return {
        "name": name,
        "role_descriptors": {role: descriptor},
        "metadata": {"managed_by": MANAGED_BY},
    }


def _writes(names: list[str]) -> Body:
    """`auto_configure` creates a missing data stream from its template."""
    return {"names": names, "privileges": ["create_doc", "auto_configure"]}


#: Where lines go that are no events and name no data stream.
_GENERIC = ["logs-generic-*"]


def _reads(names: list[str]) -> dict[str, Any]:
    return {"names": names, "privileges": list(_READ)}


def _indices(catalog: Catalog, scope: Scope) -> list[str]:
    rows = catalog.event_types.values()
    if scope.index_strategy is IndexStrategy.DATA_STREAM:
        return [f"logs-{row.dataset}-*" for row in rows]
    return [name for row in rows for name in (row.index, f"{row.index}-2*")]


def _content(catalog: Catalog) -> list[str]:
    return sorted(_of_content(catalog))


def _of_content(catalog: Catalog) -> Iterator[str]:
    """The fields that hold content; names, such as a tool's, stay visible."""
    for path, row in catalog.fields.items():
        if row.sensitivity in {Sensitivity.PAYLOAD, Sensitivity.SECRET} and row.type in _CONTENT:
            yield path
            if row.type == "flattened":
                yield f"{path}.*"
