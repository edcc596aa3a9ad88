"""The validators catch a seeded fault of each kind in the generated files, and name its place."""

import json
from pathlib import Path

import pytest

from shipper.assets.generate.files import build
from shipper.assets.generate.kibana import ndjson
from shipper.assets.validate import validate
from shipper.catalog import IndexStrategy, Scope, builtin

ROOT = Path(__file__).parent.parent.parent
OURS = (ROOT / "kibana/saved_objects/mcp-shipper.ndjson").read_bytes().splitlines()
DETECTIONS = (ROOT / "kibana/rules/detection/mcp-shipper.ndjson").read_bytes().splitlines()
STACK = ROOT / "kibana/rules/stack/multiple_authentication_failures.json"
BOARD, SEARCH, VIEW = 11, 3, 1
GONE = object()


def problems(file):
    return list(validate(file, builtin(), Scope()))


def put(node, path, value):
    *outer, name = path
    for key in outer:
        node = node[key]
    if value is GONE:
        del node[name]
    else:
        node[name] = value


def saved_with(tmp_path, number, path, value):
    """The generated file with one value of one object changed."""
    bodies = [json.loads(line) for line in OURS]
    put(bodies[number], path, value)
    file = tmp_path / "edited.ndjson"
    file.write_bytes(ndjson(bodies))
    return file


def only(file):
    [problem] = problems(file)
    return problem


LINE_FAULTS = [
    (BOARD, ("typeMigrationVersion",), GONE, "typeMigrationVersion is None"),
    (BOARD, ("typeMigrationVersion",), "8.8.0", "must be 8.9.0 to 10.1.0"),
    (BOARD, ("typeMigrationVersion",), "10.3.0", "must be 8.9.0 to 10.1.0"),
    (SEARCH, ("typeMigrationVersion",), "10.6.0", "must be 8.0.0"),
    (BOARD, ("coreMigrationVersion",), GONE, "coreMigrationVersion must be 8.8.0"),
    (BOARD, ("updated_at",), "2026-11-24", "updated_at belongs to a single Kibana"),
    (BOARD, ("colour",), "red", "unknown key 'colour'"),
    (BOARD, ("attributes", "sections"), [], "attribute 'sections'"),
    (BOARD, ("attributes", "controlGroupInput", "showApplySelections"), False, "showApply"),
    (SEARCH, ("attributes", "tabs"), [], "attribute 'tabs'"),
    (BOARD, ("attributes", "optionsJSON"), {}, "must be JSON in a string"),
    (BOARD, ("attributes", "optionsJSON"), "{", "optionsJSON is not valid JSON"),
    (BOARD, ("attributes", "optionsJSON"), '"{}"', "packed twice"),
    (SEARCH, ("attributes", "columns"), ["user.idd"], "did you mean user.id?"),
    (SEARCH, ("attributes", "sort"), [["@timestam", "desc"]], "did you mean @timestamp?"),
    (VIEW, ("type",), "visualization", "is not one of"),
    (SEARCH, ("attributes", "title"), "", "its title is missing"),
    (SEARCH, ("references",), [], "it needs exactly one reference"),
]


@pytest.mark.parametrize(("number", "path", "value", "said"), LINE_FAULTS)
def test_a_fault_of_a_line_is_named_with_its_place(tmp_path, number, path, value, said):
    file = saved_with(tmp_path, number, path, value)
    found = [one for one in problems(file) if one.where.startswith(f"{file}:{number + 1} (")]
    assert any(said in one.what for one in found), found


def board_with(tmp_path, change):
    """The first generated dashboard with a change in its panels."""
    bodies = [json.loads(line) for line in OURS]
    attributes = bodies[BOARD]["attributes"]
    panels = json.loads(attributes["panelsJSON"])
    change({panel["title"]: panel for panel in panels if panel["type"] == "lens"}, panels)
    attributes["panelsJSON"] = json.dumps(panels)
    file = tmp_path / "edited.ndjson"
    file.write_bytes(ndjson(bodies))
    return file


def state(panel):
    return panel["embeddableConfig"]["attributes"]["state"]


def layer(panel):
    [only_layer] = state(panel)["datasourceStates"]["formBased"]["layers"].values()
    return only_layer


def column(panel, operation):
    columns = layer(panel)["columns"].values()
    return next(one for one in columns if one["operationType"] == operation)


def drawn(panel):
    return state(panel)["visualization"]


def xy(panels):
    return panels["Failed authentications by reason"]


PANEL_FAULTS = {
    "is unknown": lambda p, _: drawn(xy(p))["layers"][0].update(seriesType="bars"),
    "overlaps: ": lambda p, _: p["Events by outcome"]["gridData"].update(y=4),
    "leaves the grid": lambda p, _: p["Event types"]["gridData"].update(w=17),
    "panelIndex must be unique": lambda p, _: p["Event types"]["gridData"].update(i="x"),
    "sections are newer": lambda p, _: p["Event types"]["gridData"].update(sectionId="s"),
    "columnOrder must name": lambda p, _: layer(xy(p))["columnOrder"].pop(),
    "a metric before a bucket": lambda p, _: layer(xy(p))["columnOrder"].reverse(),
    "needs params.interval": lambda p, _: column(xy(p), "date_histogram")["params"].clear(),
    "isBucketed does not fit": lambda p, _: column(xy(p), "count").update(isBucketed=True),
    "operationType 'formula'": lambda p, _: column(xy(p), "count").update(operationType="formula"),
    "did you mean event.reason": lambda p, _: column(xy(p), "terms").update(
        sourceField="event.reasons"
    ),
    "field message is match_only_text": lambda p, _: column(xy(p), "terms").update(
        sourceField="message"
    ),
    "field user.id is keyword; it takes one of: date": lambda p, _: column(
        xy(p), "date_histogram"
    ).update(sourceField="user.id"),
    "which is not a metric of this layer": lambda p, _: column(xy(p), "terms")["params"][
        "orderBy"
    ].update(columnId="x"),
    "xAccessor names 'x'": lambda p, _: drawn(xy(p))["layers"][0].update(xAccessor="x"),
    "takes a bucket, not": lambda p, _: drawn(xy(p))["layers"][0].update(
        xAccessor=drawn(xy(p))["layers"][0]["accessors"][0]
    ),
    "is not a layer of the panel": lambda p, _: drawn(xy(p))["layers"][0].update(layerId="x"),
    "splitAccessors is newer": lambda p, _: drawn(xy(p))["layers"][0].update(splitAccessors=[]),
    "shape 'square'": lambda p, _: drawn(p["Event types"]).update(shape="square"),
    "needs valueAccessor": lambda p, _: drawn(p["Calls by tool and user"]).pop("valueAccessor"),
    "cannot be read: expected a value": lambda p, _: state(xy(p))["query"].update(query="a :"),
    "no field 'user.nme'": lambda p, _: state(xy(p))["query"].update(query="user.nme : x"),
    "it takes one of: date, double": lambda p, _: state(xy(p))["query"].update(query="user.id > 1"),
    "has 0": lambda p, _: p["Event types"]["embeddableConfig"]["attributes"].update(references=[]),
    "visualizationType 'lnsChoropleth'": lambda p, _: p["Event types"]["embeddableConfig"][
        "attributes"
    ].update(visualizationType="lnsChoropleth"),
    "it does not have the shape that Kibana expects": lambda _, panels: panels[3].pop("gridData"),
    "panels: Kibana takes 100": lambda _, panels: panels.extend(panels[-1:] * 100),
    "a link has the target 'mcp-complianc'": lambda _, panels: panels[1]["embeddableConfig"][
        "savedVis"
    ]["params"].update(markdown="[x](#/view/mcp-complianc)"),
    "a link has the type 'externalLink'": lambda _, panels: panels[0]["embeddableConfig"][
        "attributes"
    ]["links"][0].update(type="externalLink"),
    "is not used": lambda _, panels: panels.pop(),
    "'x' of the panel is not used": lambda p, _: p["Event types"]["embeddableConfig"]["attributes"][
        "references"
    ].append({"type": "index-pattern", "id": "mcp-logs", "name": "x"}),
    "state needs datasourceStates": lambda p, _: p["Event types"]["embeddableConfig"][
        "attributes"
    ].pop("state"),
    "the name of its saved search is missing": lambda _, panels: panels[-1].pop("panelRefName"),
    "type 'map' is not one of: lens": lambda _, panels: panels[-1].update(type="map"),
    "a query is text, not int": lambda p, _: state(xy(p))["query"].update(query=1),
    "attribute 'savedObjectId' is unknown": lambda p, _: p["Event types"]["embeddableConfig"][
        "attributes"
    ].update(savedObjectId="x"),
    "state.esql is unknown": lambda p, _: state(xy(p)).update(esql="FROM logs"),
    "orderDirection 'down' is neither": lambda p, _: column(xy(p), "terms")["params"].update(
        orderDirection="down"
    ),
    "field user.id is keyword; it takes one of: double": lambda p, _: column(xy(p), "count").update(
        operationType="average", sourceField="user.id"
    ),
    "no field of the mappings matches 'acme.*'": lambda p, _: state(xy(p))["query"].update(
        query="acme.* : 1"
    ),
}


@pytest.mark.parametrize("said", PANEL_FAULTS)
def test_a_fault_of_a_panel_is_named(tmp_path, said):
    found = problems(board_with(tmp_path, PANEL_FAULTS[said]))
    assert any(said in one.what for one in found), found


def test_a_control_of_an_unknown_field_is_named(tmp_path):
    attributes = json.loads(OURS[BOARD])["attributes"]
    controls = json.loads(attributes["controlGroupInput"]["panelsJSON"])
    next(iter(controls.values()))["explicitInput"]["fieldName"] = "user.nme"
    path = ("attributes", "controlGroupInput", "panelsJSON")
    assert (
        "no field 'user.nme'" in only(saved_with(tmp_path, BOARD, path, json.dumps(controls))).what
    )


def test_in_a_dashboard_without_a_filter_each_panel_without_one_is_named(tmp_path):
    path = ("attributes", "kibanaSavedObjectMeta", "searchSourceJSON")
    source = '{"filter":[],"query":{"language":"kuery","query":""}}'
    found = [one.what for one in problems(saved_with(tmp_path, BOARD, path, source))]
    assert "panel 'Event types': neither it nor the dashboard has a filter" in found


def test_a_duplicate_object_a_wrong_count_and_broken_lines_are_named(tmp_path):
    file = tmp_path / "export.ndjson"
    file.write_bytes(b"\n".join([*OURS, OURS[0], b'{"exportedCount":1}', b"{", b"[]"]))
    said = [str(one) for one in problems(file)]
    assert f"{file}:1: tag mcp-shipper is in the file more than once" in said
    assert f"{file}:17: exportedCount is 1, but there are 16 objects" in said
    assert f"{file}:19: expected an object, found list" in said
    assert any(one.startswith(f"{file}:18: is not valid JSON") for one in said)


def test_a_missing_object_that_others_refer_to_is_named(tmp_path):
    file = tmp_path / "partial.ndjson"
    file.write_bytes(b"\n".join(OURS[2:]))
    assert any("has no target in this file" in one.what for one in problems(file))


DETECTION_FAULTS = [
    (0, ("rule_id",), GONE, "rule_id is missing"),
    (0, ("severity",), "severe", "severity 'severe'"),
    (0, ("risk_score",), 101, "risk_score 101"),
    (0, ("threshold",), GONE, "threshold is missing"),
    (0, ("threshold", "value"), 0, "threshold.value must be"),
    (0, ("threshold", "field"), ["a", "b", "c", "d"], "4 fields to group by"),
    (0, ("query",), "event.outcome : ", "cannot be read"),
    (0, ("index",), [], "either index or data_view_id"),
    (0, ("from",), "now-5m", "from must be now-360s or before"),
    (0, ("from",), "yesterday", "must be spans"),
    (0, ("immutable",), True, "unknown key 'immutable'"),
    (0, ("timestamp_override",), "event.ingestd", "no field 'event.ingestd'"),
    (0, ("threat", 0, "framework"), "MITRE ATLAS", "put others into tags"),
    (0, ("from",), "now-330s", "between two runs are missed"),
    (0, ("threshold", "cardinality"), [{"field": "user.idd", "value": 2}], "no field 'user.idd'"),
    (0, ("threat", 0, "tactic", "id"), "TA0099", "'TA0099' is not a tactic of ATT&CK"),
    (0, ("threat", 0, "tactic", "name"), "Impact", "TA0006 is Credential Access, not 'Impact'"),
    (0, ("threat", 0, "tactic", "reference"), "https://x", "the reference of TA0006 must be"),
    (0, ("threat", 0, "technique", 0, "id"), "T9999", "'T9999' is not a technique of ATT&CK"),
    (
        0,
        ("threat", 0, "technique", 0, "id"),
        "T1059",
        "T1059 belongs to TA0002, not to tactic TA0006",
    ),
    (0, ("threat", 0, "technique", 0, "id"), "T1110.001", "name it below T1110"),
    (0, ("threat", 0, "technique", 0, "reference"), GONE, "the reference of T1110 must be"),
    (0, ("threat", 0, "technique", 0, "subtechnique"), [{"id": "T1110.099"}], "'T1110.099' is no"),
    (0, ("threat", 0, "technique", 0, "subtechnique"), [{"id": "T1003.001"}], "one of T1110"),
    (0, ("index",), ["logs-*"], "logs-* is not the title of a data view; use logs-mcp.*-*"),
    (0, ("severity_mapping",), [{"field": "event.severty"}], "did you mean event.severity?"),
    (0, ("risk_score_mapping",), [{"field": "risk"}], "no field 'risk'"),
    (0, ("alert_suppression",), {"group_by": ["user.idd"]}, "did you mean user.id?"),
    (0, ("filters",), [{"meta": {"key": "user.idd"}}], "did you mean user.id?"),
    (2, ("history_window_start",), "14 days", "history_window_start must be a span"),
    (2, ("new_terms_fields",), ["gen_ai.tool.call.arguments"], "is flattened"),
    (4, ("type",), "machine_learning", "is not one of"),
]


@pytest.mark.parametrize(("number", "path", "value", "said"), DETECTION_FAULTS)
def test_a_fault_of_a_detection_rule_is_named(tmp_path, number, path, value, said):
    bodies = [json.loads(line) for line in DETECTIONS]
    put(bodies[number], path, value)
    file = tmp_path / "rules.ndjson"
    file.write_bytes(ndjson(bodies))
    assert any(said in one.what for one in problems(file)), problems(file)


STACK_FAULTS = [
    (("params", "esQuery"), "{}", "must be JSON with a query"),
    (("params", "esQuery"), '{"query":{"term":{"user.idd":"x"}}}', "did you mean user.id?"),
    (("params", "esQuery"), '{"query":{"exists":{"field":"nothing.like"}}}', "no field"),
    (("params", "termField"), "message", "is match_only_text"),
    (("params", "termSize"), 0, "needs termField and termSize"),
    (("params", "timeField"), "user.id", "it takes one of: date"),
    (("params", "threshold"), [1, 2], "has 2 values"),
    (("params", "thresholdComparator"), "=>", "is unknown"),
    (("params", "index"), [], "params.index is missing"),
    (("params", "index"), ["mcp-*"], "mcp-* is not the title of a data view; use logs-mcp.*-*"),
    (("params", "termField"), ["user.id"] * 5, "names 5 fields: Kibana takes 4"),
    (("params", "aggType"), "avg", "no field None"),
    (("rule_type_id",), ".index-threshold", "only .es-query is checked"),
    (("schedule",), GONE, "schedule is missing"),
]


@pytest.mark.parametrize(("path", "value", "said"), STACK_FAULTS)
def test_a_fault_of_a_stack_rule_is_named(tmp_path, path, value, said):
    body = json.loads(STACK.read_bytes())
    put(body, path, value)
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(body))
    assert said in only(file).what


def attack(kind, entry, **others):
    return {"id": entry, "reference": f"https://attack.mitre.org/{kind}/{entry}/", **others}


@pytest.mark.parametrize(
    ("tactic", "name", "technique"),
    [
        ("TA0005", "Defense Evasion", "T1562"),
        ("TA0005", "Stealth", "T1684"),
        ("TA0112", "Defense Impairment", "T1685"),
    ],
)
def test_the_ids_of_either_version_of_attack_pass(tmp_path, tactic, name, technique):
    rule = json.loads(DETECTIONS[0])
    rule["threat"][0] |= {
        "tactic": attack("tactics", tactic, name=name),
        "technique": [attack("techniques", technique, subtechnique=[])],
    }
    file = tmp_path / "rules.ndjson"
    file.write_bytes(ndjson([rule]))
    assert problems(file) == []


def test_rules_are_checked_against_the_data_views_beside_them(tmp_path):
    rule = json.loads(DETECTIONS[0])
    (tmp_path / "rules.ndjson").write_bytes(ndjson([rule]))
    view = json.loads(OURS[VIEW])
    view["attributes"]["title"] = "logs-acme-*,logs-mcp.*-*"
    (tmp_path / "view.ndjson").write_bytes(ndjson([json.loads(OURS[0]), view]))
    assert only(tmp_path).where == f"{tmp_path / 'rules.ndjson'}:1: index"
    rule["index"] = ["logs-mcp.*-*", "logs-acme-*"]
    (tmp_path / "rules.ndjson").write_bytes(ndjson([rule]))
    assert problems(tmp_path) == []


def test_a_rule_of_an_unknown_data_view_is_named(tmp_path):
    rule = json.loads(DETECTIONS[0]) | {"data_view_id": "mcp-log"}
    del rule["index"]
    file = tmp_path / "rules.ndjson"
    file.write_bytes(ndjson([rule]))
    assert only(file).what == "unknown data view 'mcp-log'; known: mcp-logs"


def test_rules_of_another_index_strategy_are_checked_against_its_data_view(tmp_path):
    scope = Scope(index_strategy=IndexStrategy.MONTHLY)
    for path, content in build(builtin(), scope).items():
        if path.parts[0] == "kibana" and path.parts[1] == "rules":
            (tmp_path / path.name).write_bytes(content)
    assert list(validate(tmp_path, builtin(), scope)) == []


@pytest.mark.parametrize("name", ["", "notes.txt"])
def test_a_folder_without_assets_is_a_problem(tmp_path, name):
    (tmp_path / "notes.txt").write_text("nothing")
    (problem,) = validate(tmp_path / name, builtin(), Scope())
    assert "contains no assets" in problem.what


def test_a_link_that_leads_nowhere_is_a_problem(tmp_path):
    (tmp_path / "a.conf").symlink_to(tmp_path / "nothing")
    (tmp_path / "b.json").mkdir()
    found = [problem.what for problem in validate(tmp_path, builtin(), Scope())]
    assert "cannot be read: No such file or directory" in found
    assert "cannot be read: Is a directory" in found
