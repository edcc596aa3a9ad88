"""What `setup` does to an Elasticsearch: puts there what is missing or differs, and says so."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from shipper.assets.generate.bodies import (
    component_templates,
    first_indices,
    index_templates,
    policies,
)
from shipper.assets.generate.ingest import ingest_pipelines
from shipper.assets.generate.security import roles
from shipper.assets.install.stack import Kind, Stack
from shipper.assets.install.steps import USUAL, Action, Part, Step
from shipper.catalog import Catalog, Scope

if TYPE_CHECKING:  # it costs 170 ms and 31 MB, and only `setup` needs it
    from elasticsearch import Elasticsearch


def install(
    client: "Elasticsearch",
    catalog: Catalog,
    scope: Scope,
    *,
    parts: Collection[Part] = USUAL,
    dry_run: bool = False,
) -> Iterator[Step]:
    """Put the templates, policies and pipelines there, each as the iterator is advanced.

    Raises `Unavailable` or `Refused` where the cluster cannot be reached or does not permit it.
    """
    stack = Stack(client, dry_run=dry_run)
    if Part.PIPELINES in parts:
        yield from stack.put(Kind.PIPELINE, ingest_pipelines(catalog, scope))
    if Part.INDEX_MANAGEMENT in parts:
        yield from _manage_indices(stack, catalog, scope)
    if Part.ROLES in parts:
        yield from stack.put(Kind.ROLE, roles(catalog, scope))


def remove(
    client: "Elasticsearch", *, parts: Collection[Part] = USUAL, dry_run: bool = False
) -> Iterator[Step]:
    """Take away what carries our mark; never data, nor what existing data still needs."""
    stack = Stack(client, dry_run=dry_run)
    if Part.ROLES in parts:
        yield from stack.remove(Kind.ROLE)
    if Part.INDEX_MANAGEMENT in parts:
        yield from stack.end()
        yield from stack.remove(Kind.INDEX)
        if stack.has_ilm():
            yield from stack.remove(Kind.POLICY)
        yield from stack.remove(Kind.COMPONENT)
    if Part.PIPELINES in parts:
        yield from stack.remove(Kind.PIPELINE)


def _manage_indices(stack: Stack, catalog: Catalog, scope: Scope) -> Iterator[Step]:
    """What a template names comes before it, and the first index after its template."""
    components = component_templates(catalog, has_source_mode=stack.has_source_mode())
    yield from stack.put(Kind.COMPONENT, components)
    has_ilm = stack.has_ilm()
    wanted = policies(catalog, scope)
    if has_ilm:
        yield from stack.put(Kind.POLICY, wanted)
    else:
        detail = "this cluster has no ILM; the index template sets the retention instead"
        for name in wanted:
            yield Step(Kind.POLICY.label, name, Action.UNAVAILABLE, detail)
    yield from stack.put(Kind.INDEX, index_templates(catalog, scope, has_ilm=has_ilm))
    yield from stack.begin(first_indices(catalog, scope))
