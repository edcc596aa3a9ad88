"""Kibana's data view, searches, dashboards and rules, generated from the catalog.

`model` defines the parts of a dashboard; `overview`, `compliance`, `operations`, `agents` and
`searches` are literals of it; `lens`, `dashboards` and `saved` turn them into Kibana's own shapes.
`rules` makes the rules from the alerts of the catalog.
"""

from shipper.assets.generate.bodies import Body
from shipper.assets.generate.kibana import agents, compliance, operations, overview
from shipper.assets.generate.kibana.dashboards import dashboard
from shipper.assets.generate.kibana.model import Dashboard
from shipper.assets.generate.kibana.saved import data_views, field_types, line, search, tag
from shipper.assets.generate.kibana.searches import SEARCHES
from shipper.catalog import Catalog, Scope


def boards(catalog: Catalog) -> tuple[Dashboard, ...]:
    """The dashboards as values."""
    return (
        overview.DASHBOARD,
        compliance.dashboard(catalog),
        operations.DASHBOARD,
        agents.DASHBOARD,
    )


def saved_objects(catalog: Catalog, scope: Scope) -> list[Body]:
    """Every saved object; each comes after the objects that it refers to."""
    types = field_types(catalog)
    searches = [search(row) for row in SEARCHES]
    pages = [dashboard(board, types) for board in boards(catalog)]
    return [tag(), *data_views(catalog, scope), *searches, *pages]


def ndjson(objects: list[Body]) -> bytes:
    """An import file, with one object on each line."""
    return b"".join(map(line, objects))
