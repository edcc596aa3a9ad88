"""What people see in the dashboards: links, rows, units, colours and titles, as Kibana takes them.

Each right value was tried in a real Kibana 8.12.
"""

import json

import pytest

from shipper.assets.generate.kibana import saved_objects
from shipper.assets.generate.kibana.spaces import in_space
from shipper.catalog import Scope, builtin
from tests.assets.kibana import fake_kibana

OBJECTS = saved_objects(builtin(), Scope())
BOARDS = {body["id"]: body for body in OBJECTS if body["type"] == "dashboard"}
SEARCHES = {body["id"]: body for body in OBJECTS if body["type"] == "search"}
PANELS = {
    (key, panel["title"] + (" tile" if panel["gridData"]["h"] == 6 else "")): panel
    for key, board in BOARDS.items()
    for panel in json.loads(board["attributes"]["panelsJSON"])
}
LENS = [panel for panel in PANELS.values() if panel["type"] == "lens"]


def visualization(panel):
    return panel["embeddableConfig"]["attributes"]["state"]["visualization"]


def kind(panel):
    return panel["embeddableConfig"]["attributes"].get("visualizationType")


def layer(panel):
    layers = panel["embeddableConfig"]["attributes"]["state"]["datasourceStates"]["formBased"]
    [found] = layers["layers"].values()
    return found


def columns(panel):
    found = layer(panel)
    return [found["columns"][key] for key in found["columnOrder"]]


def of_kind(name):
    return [panel for panel in LENS if kind(panel) == name]


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_a_search_opens_with_30_days_in_rows_of_one_line(search):
    about = search["attributes"]
    assert about["timeRestore"]
    assert about["timeRange"] == {"from": "now-30d", "to": "now"}
    assert about["rowHeight"] == 1


@pytest.mark.parametrize("board", BOARDS)
def test_links_between_dashboards_carry_filters_and_time(board):
    panel = PANELS[board, "Dashboards"]
    links = panel["embeddableConfig"]["attributes"]["links"]
    names = [f"{panel['panelIndex']}:{link['destinationRefName']}" for link in links]
    targets = {one["name"]: one["id"] for one in BOARDS[board]["references"]}
    assert [targets[name] for name in names] == [*BOARDS]
    for link in links:
        assert link["options"]["useCurrentFilters"]
        assert link["options"]["useCurrentDateRange"]


def test_no_table_leaves_an_event_out_because_it_lacks_a_value():
    for panel in of_kind("lnsDatatable"):
        for column in columns(panel):
            if column["operationType"] == "terms":
                assert column["params"]["otherBucket"]
                assert column["params"]["missingBucket"] is (column["dataType"] == "string")


def test_a_failure_is_listed_with_its_reason_wherever_it_is_stated():
    table = PANELS["mcp-operations", "Reasons and errors"]
    paths = [column["sourceField"] for column in columns(table) if column["isBucketed"]]
    assert paths == ["event.dataset", "event.reason", "error.type"]
    assert "message" in SEARCHES["mcp-failures"]["attributes"]["columns"]


def test_denied_means_the_same_in_tile_chart_and_search():
    [tile] = columns(PANELS["mcp-security-overview", "Denied tile"])
    chart = PANELS["mcp-security-overview", "Denied requests by rule"]
    source = SEARCHES["mcp-denied"]["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"]
    query = tile["filter"]["query"]
    assert query == chart["embeddableConfig"]["attributes"]["state"]["query"]["query"]
    assert query == json.loads(source)["query"]["query"]


def test_a_tile_that_should_be_zero_is_green_at_zero_and_red_above():
    for title in ("Violations", "Threats", "Let through"):
        shown = visualization(PANELS["mcp-security-overview", f"{title} tile"])
        stops = shown["palette"]["params"]["colorStops"]
        assert [stop["stop"] for stop in stops] == [0, 1]
        assert [stop["color"] for stop in stops] == ["#54b399", "#cc5642"]


def test_no_tile_has_a_fixed_colour_or_its_title_twice():
    for panel in of_kind("lnsMetric"):
        assert "color" not in visualization(panel)
        assert panel["embeddableConfig"]["hidePanelTitles"]


def test_heatmaps_have_one_hue_and_a_column_for_each_hour():
    for panel in of_kind("lnsHeatmap"):
        assert visualization(panel)["palette"]["params"]["rangeType"] == "percent"
    for title in ("Events by hour (UTC)", "Failures by hour (UTC)"):
        day, hour, _ = columns(PANELS["mcp-security-overview", title])
        assert len(hour["params"]["filters"]) == 24
        assert len(day["params"]["filters"]) == 7


def test_names_of_tools_stand_on_the_vertical_axis():
    panel = PANELS["mcp-security-overview", "Calls by tool and user"]
    down = layer(panel)["columns"][visualization(panel)["yAccessor"]]
    assert down["sourceField"] == "gen_ai.tool.name"


def test_horizontal_bars_are_in_the_order_of_their_totals():
    for panel in of_kind("lnsXY"):
        [drawn] = visualization(panel)["layers"]
        if drawn["seriesType"].startswith("bar_horizontal"):
            assert layer(panel)["columnOrder"][0] == drawn["xAccessor"]


def test_a_column_of_times_is_wide_enough_for_the_time_of_day():
    for panel in of_kind("lnsDatatable"):
        widths = {one["columnId"]: one.get("width") for one in visualization(panel)["columns"]}
        for key, column in layer(panel)["columns"].items():
            if column.get("sourceField") == "@timestamp":
                assert widths[key] == 190


def test_names_in_legends_are_not_cut():
    for panel in of_kind("lnsPie"):
        [ring] = visualization(panel)["layers"]
        assert (ring["truncateLegend"], ring["legendSize"]) == (False, "large")
    for panel in of_kind("lnsXY"):
        legend = visualization(panel)["legend"]
        assert (legend["shouldTruncate"], legend["legendSize"]) == (False, "large")


def test_bytes_and_durations_have_units_that_people_read():
    for panel in LENS:
        for column in columns(panel):
            form = column["params"].get("format", {}).get("id")
            if column.get("sourceField") == "event.duration":
                assert form == "duration"
            if column.get("sourceField") == "mcp.resource.size":
                assert form == "bytes"


def test_ten_rows_of_a_page_fit_into_the_longest_tables():
    for board, title in [
        ("mcp-security-overview", "Users"),
        ("mcp-security-overview", "Addresses with failures"),
        ("mcp-operations", "Tools"),
        ("mcp-operations", "Clients"),
        ("mcp-compliance", "Retention in force"),
        ("mcp-compliance", "Resources read"),
    ]:
        assert PANELS[board, title]["gridData"]["h"] >= 16


def test_outcomes_have_the_same_colours_in_every_chart():
    decisions = PANELS["mcp-compliance", "Decisions"]
    [drawn] = visualization(decisions)["layers"]
    labels = {key: column["label"] for key, column in layer(decisions)["columns"].items()}
    colors = {labels[one["forAccessor"]]: one["color"] for one in drawn["yConfig"]}
    assert (colors["Allowed"], colors["Denied"]) == ("#54b399", "#cc5642")
    for title in ("Failed authentications by reason", "Denied requests by rule"):
        [drawn] = visualization(PANELS["mcp-security-overview", title])["layers"]
        assert drawn["palette"]["name"] == "warm"


def test_a_title_says_mcp_once():
    for body in (*BOARDS.values(), *SEARCHES.values()):
        assert body["attributes"]["title"].count("MCP") == 1


def test_an_object_of_a_space_refers_only_to_objects_of_the_space():
    moved = in_space(OBJECTS, "soc")
    ids = {body["id"] for body in moved}
    assert ids == {f"{body['id']}-soc" for body in OBJECTS}
    for body in moved:
        assert {one["id"] for one in body["references"]} <= ids
        content = json.dumps(body["attributes"])
        for name in (*BOARDS, *SEARCHES):
            assert f"/view/{name})" not in content
        assert '\\"dataViewId\\":\\"mcp-logs\\"' not in content


def test_the_default_space_keeps_the_ids():
    assert in_space(OBJECTS, "") == OBJECTS


def test_a_fake_kibana_gives_an_object_of_another_space_a_new_id():
    with fake_kibana() as (fake, _):
        fake.store({"type": "tag", "id": "x"})
        fake.here = "soc"
        fake.store({"type": "tag", "id": "x"})
        assert [*fake.objects] == [("tag", "x"), ("tag", "new-x")]


def test_compliance_states_what_shows_that_the_record_is_complete_even_where_nothing_did():
    table = PANELS["mcp-compliance", "Is the record complete?"]
    [rows] = [column for column in columns(table) if column["operationType"] == "filters"]
    assert [row["label"] for row in rows["params"]["filters"]] == [
        "Verified, intact",
        "Verified, damaged",
        "Checkpoints signed",
        "Checkpoints refused or failed",
        "Checkpoints overdue",
        "Gaps in a sequence",
        "Records lost",
        "Dead letters",
    ]


def test_compliance_names_who_read_and_who_changed_the_record():
    for title in ("Who read the record", "Who changed the record or its settings"):
        user, operation, *_ = columns(PANELS["mcp-compliance", title])
        assert user["sourceField"] == "user.id"
        assert operation["sourceField"] == "mcp.compliance.operation"


def test_the_delay_to_elasticsearch_is_shown_as_a_duration():
    panel = PANELS["mcp-compliance", "From the event to Elasticsearch"]
    for column in columns(panel):
        if not column["isBucketed"]:
            assert column["sourceField"] == "delay_to_ingest"
            assert column["params"]["format"]["params"]["fromUnit"] == "milliseconds"
