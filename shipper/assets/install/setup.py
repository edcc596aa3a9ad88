"""Installs and removes all assets, in Elasticsearch and in Kibana."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipper.assets.generate.bodies import Body
from shipper.assets.generate.kibana import saved_objects
from shipper.assets.generate.kibana.spaces import in_space
from shipper.assets.install.change import Change
from shipper.assets.install.elasticsearch import (
    create_first_stream,
    install_in_cluster,
    remove_from_cluster,
)
from shipper.assets.install.kibana import install_objects, remove_objects
from shipper.assets.install.kibana_api import Kibana
from shipper.assets.install.kibana_rules import install_rules, remove_rules
from shipper.assets.install.parts import Part
from shipper.catalog import Catalog, Scope

if TYPE_CHECKING:  # it costs 170 ms and 31 MB, and only `setup` needs it
    from elasticsearch import Elasticsearch


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The destination, and the parts to install. Without a Kibana, its parts are left out.

    `space` is the space of Kibana; the default space if it is empty.
    """

    client: "Elasticsearch"
    kibana: Kibana | None
    space: str = ""
    parts: Collection[Part]
    catalog: Catalog
    scope: Scope
    namespace: str
    dry_run: bool

    def install(self) -> Iterator[Change]:
        """Install in Elasticsearch, then in Kibana; a missing space is created."""
        yield from install_in_cluster(
            self.client, self.catalog, self.scope, parts=self.parts, dry_run=self.dry_run
        )
        if self.kibana and self.space:
            yield self.kibana.enter(self.space, dry_run=self.dry_run)
        if self.kibana and {Part.KIBANA, Part.INDEX_MANAGEMENT} <= {*self.parts}:
            yield from create_first_stream(
                self.client, self.scope, self.namespace, dry_run=self.dry_run
            )
        if self.kibana and Part.KIBANA in self.parts:
            yield from install_objects(self.kibana, self._objects(), dry_run=self.dry_run)
        if self.kibana and Part.RULES in self.parts:
            yield from install_rules(self.kibana, self.catalog, self.scope, dry_run=self.dry_run)

    def remove(self) -> Iterator[Change]:
        """Remove in the opposite order. A space stays: it may hold other objects."""
        if self.kibana and self.space:
            self.kibana.enter(self.space, dry_run=True)  # does not create a missing one
        if self.kibana and Part.RULES in self.parts:
            yield from remove_rules(self.kibana, self.catalog, self.scope, dry_run=self.dry_run)
        if self.kibana and Part.KIBANA in self.parts:
            yield from remove_objects(self.kibana, self._objects(), dry_run=self.dry_run)
        yield from remove_from_cluster(self.client, parts=self.parts, dry_run=self.dry_run)

    def _objects(self) -> list[Body]:
        return in_space(saved_objects(self.catalog, self.scope), self.space)
