"""Every panel, search and rule over the sample month, in a real Elasticsearch.

No Kibana runs here: its requests are made by `tests.assets.queries` from the same model.
"""

import json

import pytest
from elasticsearch import Elasticsearch as Client

from shipper.assets.generate.kibana import boards, saved_objects
from shipper.assets.generate.kibana.model import (
    AGENTS_VIEW,
    EVENTS_VIEW,
    Links,
    Markdown,
    Saved,
    columns_of,
)
from shipper.assets.generate.kibana.rules import stack_rules
from shipper.assets.generate.kibana.saved import field_types
from shipper.assets.generate.kibana.searches import SEARCHES
from shipper.assets.install.elasticsearch import install_in_cluster, remove_from_cluster
from shipper.catalog import Scope, builtin
from shipper.catalog.alerts import alerts
from shipper.sample import write_sample
from tests.assets.agents import INDEX as AGENTS_INDEX
from tests.assets.agents import index_agents
from tests.assets.queries import indices_of, query_of, request, rows_of
from tests.integration.line import call, clear, configuration, count, ship_once

CATALOG = builtin()
#: A Tuesday afternoon: windows of ten minutes fall the same way in every run.
END_S = 1_795_530_600
INDEX = "logs-mcp.*-default"
STAND_INS = {"match_only_text": "text", "constant_keyword": "keyword"}
PANELS = [
    pytest.param(panel, board.view, id=f"{board.id}: {panel.title}")
    for board in boards(CATALOG)
    for row in board.rows
    for panel in row.panels
    if not isinstance(panel.chart, Links | Markdown | Saved)
]
#: The fields of the controls of all dashboards.
CONTROLS = sorted(
    {
        control["explicitInput"]["fieldName"]
        for body in saved_objects(CATALOG, Scope())
        if body["type"] == "dashboard"
        for control in json.loads(body["attributes"]["controlGroupInput"]["panelsJSON"]).values()
    }
)


@pytest.fixture(scope="module")
def month(elasticsearch, tmp_path_factory):
    """Thirty days of the sample, shipped; the address of the node and the number of lines."""
    home = tmp_path_factory.mktemp("month")
    events = write_sample(home / "audit", days=30, seed=1, end_s=END_S)
    with Client(elasticsearch.url) as client:
        clear(elasticsearch.url)
        list(install_in_cluster(client, CATALOG, Scope()))
        outputs = {"elasticsearch": {"hosts": [elasticsearch.url]}}
        config = configuration(home, [home / "audit" / "*.jsonl"], outputs)
        done = ship_once(config, timeout_s=240)
        assert done.returncode == 0, done.stderr
        index_agents(client, home / "audit")
        call(f"{elasticsearch.url}/{INDEX}/_refresh", "POST")
        yield elasticsearch.url, events
        client.indices.delete(index=AGENTS_INDEX)
        clear(elasticsearch.url)
        list(remove_from_cluster(client))


def found(url, body, view=EVENTS_VIEW):
    return call(f"{url}/{indices_of(view)}/_search", "POST", body)


def test_the_whole_month_arrives(month):
    url, events = month
    marks = {"query": {"prefix": {"mcp.compliance.operation": "segment-"}}}
    marks = call(f"{url}/{INDEX}/_count", "POST", marks)["count"]
    assert count(url, INDEX) == events + marks


@pytest.mark.parametrize(("panel", "view"), PANELS)
def test_a_panel_has_data(month, panel, view):
    answer = found(month[0], request(panel, view=view), view)
    rows = rows_of(panel, answer)
    assert rows
    for column, values in zip(columns_of(panel.chart), zip(*rows, strict=True), strict=True):
        assert any(values) or column.label == "Other"  # what the sample has none of


@pytest.mark.parametrize("search", SEARCHES, ids=lambda row: row.id)
def test_a_search_finds_events_and_each_of_its_columns_holds_something(month, search):
    query = query_of(search.query)
    total = found(month[0], {"size": 0, "query": query}, search.view)["hits"]["total"]["value"]
    assert total
    for column in search.columns:
        exists = {"bool": {"filter": [query, {"exists": {"field": column}}]}}
        answer = found(month[0], {"size": 0, "query": exists}, search.view)
        assert answer["hits"]["total"]["value"], column


@pytest.mark.parametrize("path", CONTROLS)
def test_a_control_offers_values(month, path):
    offered = {"size": 0, "aggs": {"values": {"terms": {"field": path}}}}
    assert found(month[0], offered)["aggregations"]["values"]["buckets"]


@pytest.mark.parametrize("alert", [*alerts().values()][:5], ids=lambda alert: alert.name)
def test_the_incident_of_the_sample_fires_a_rule(month, alert):
    """The stack rule's own query and the detection rule's KQL find the same events, enough."""
    params = stack_rules(CATALOG, Scope())[alert.name]["params"]
    window = {"date_histogram": {"field": "@timestamp", "fixed_interval": "10m"}}
    group = {}
    for path in reversed(alert.group_by):
        group = {"group": {"terms": {"field": path}, "aggs": group}}
    aggs = {"window": {**window, "aggs": group}}
    ours = found(month[0], json.loads(params["esQuery"]) | {"size": 0, "aggs": aggs})
    theirs = found(month[0], {"size": 0, "query": query_of(alert.counted)})
    assert ours["hits"]["total"] == theirs["hits"]["total"]
    groups = ours["aggregations"]["window"]["buckets"]
    for _ in alert.group_by:
        groups = [one for outer in groups for one in outer["group"]["buckets"]]
    assert max(one["doc_count"] for one in groups) >= alert.threshold


def test_every_field_of_the_model_is_mapped_with_its_type(month):
    capabilities = call(f"{month[0]}/{INDEX}/_field_caps?fields=*")["fields"]
    mapped = {path: set(row) for path, row in capabilities.items()}
    for path, kind in field_types(CATALOG).items():
        if path in CATALOG.fields:
            assert mapped[path] == {STAND_INS.get(kind, kind)}, path


def test_a_call_is_joined_from_the_agents_decision_to_the_servers_outcome(month):
    """A row of the table: the agent's decision and result, the server's event and its user."""
    [table] = [
        panel
        for board in boards(CATALOG)
        for row in board.rows
        for panel in row.panels
        if panel.title.startswith("Calls: ")
    ]
    answer = found(month[0], request(table, view=AGENTS_VIEW), AGENTS_VIEW)
    calls = [row for row in rows_of(table, answer) if not str(row[0]).endswith("-rejected")]
    assert len(calls) > 40
    for _call, _last, decided, agent, server, tool, user, outcome in calls:
        assert (decided, agent, server) == (1, 1, 1)
        assert all((tool, user, outcome))
