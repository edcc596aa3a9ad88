"""Installs and removes templates, policies, pipelines, indices and roles in Elasticsearch."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from shipper.assets.generate.bodies import (
    component_templates,
    final_pipeline,
    first_indices,
    index_templates,
    policies,
)
from shipper.assets.generate.ingest import ingest_pipelines
from shipper.assets.generate.security import roles
from shipper.assets.install.change import Change, Effect
from shipper.assets.install.cluster import Cluster, Kind
from shipper.assets.install.parts import DEFAULT_PARTS, Part
from shipper.catalog import Catalog, IndexStrategy, Scope

#: All types share their mappings, so one data stream shows Kibana every field.
_FIRST_STREAM = "logs-mcp.tools"

if TYPE_CHECKING:  # it costs 170 ms and 31 MB, and only `setup` needs it
    from elasticsearch import Elasticsearch


def install_in_cluster(
    client: "Elasticsearch",
    catalog: Catalog,
    scope: Scope,
    *,
    parts: Collection[Part] = DEFAULT_PARTS,
    dry_run: bool = False,
) -> Iterator[Change]:
    """Create or update objects that are missing or differ, one at each step of the iterator.

    Raises `Unavailable` or `Refused` if the cluster cannot be reached or does not permit it.
    """
    cluster = Cluster(client, dry_run=dry_run)
    if Part.PIPELINES in parts:
        yield from cluster.put(Kind.PIPELINE, ingest_pipelines(catalog, scope))
    if Part.INDEX_MANAGEMENT in parts:
        yield from _manage_indices(cluster, catalog, scope)
    if Part.ROLES in parts:
        yield from cluster.put(Kind.ROLE, roles(catalog, scope))


def create_first_stream(
    client: "Elasticsearch", scope: Scope, namespace: str, *, dry_run: bool = False
) -> Iterator[Change]:
    """Create an empty data stream: where no index matches, Kibana's dashboards show errors."""
    if scope.index_strategy is IndexStrategy.DATA_STREAM:
        cluster = Cluster(client, dry_run=dry_run)
        yield cluster.create_first_stream(f"{_FIRST_STREAM}-{namespace}")


def remove_from_cluster(
    client: "Elasticsearch", *, parts: Collection[Part] = DEFAULT_PARTS, dry_run: bool = False
) -> Iterator[Change]:
    """Remove objects with mcp-shipper's mark, except those that existing data needs; never data."""
    cluster = Cluster(client, dry_run=dry_run)
    if Part.ROLES in parts:
        yield from cluster.remove(Kind.ROLE)
    if Part.INDEX_MANAGEMENT in parts:
        yield from cluster.remove_unwritten_streams()
        yield from cluster.remove_unwritten_aliases()
        yield from cluster.remove(Kind.INDEX)
        if cluster.has_ilm():
            yield from cluster.remove(Kind.POLICY)
        yield from cluster.remove(Kind.COMPONENT)
    if Part.PIPELINES in parts:
        yield from cluster.remove(Kind.PIPELINE)
    elif Part.INDEX_MANAGEMENT in parts:
        yield from cluster.remove(Kind.PIPELINE, only=final_pipeline())


def _manage_indices(cluster: Cluster, catalog: Catalog, scope: Scope) -> Iterator[Change]:
    """In this order: a template refers to components and a policy, an index to its template.

    The settings refer to the last pipeline; without it, Elasticsearch would refuse every event.
    """
    yield from cluster.put(Kind.PIPELINE, final_pipeline())
    components = component_templates(catalog, has_source_mode=cluster.has_source_mode())
    yield from cluster.put(Kind.COMPONENT, components)
    has_ilm = cluster.has_ilm()
    wanted = policies(catalog, scope)
    if has_ilm:
        yield from cluster.put(Kind.POLICY, wanted)
    else:
        detail = "this cluster has no ILM; the index template sets the retention instead"
        for name in wanted:
            yield Change(Kind.POLICY.label, name, Effect.UNAVAILABLE, detail)
    yield from cluster.put(Kind.INDEX, index_templates(catalog, scope, has_ilm=has_ilm))
    yield from cluster.create_first_indices(first_indices(catalog, scope))
