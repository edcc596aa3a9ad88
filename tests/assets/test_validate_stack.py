"""Faults of an edited file are found, with their places; generated files have none."""

import json

import pytest

from shipper.assets.generate.files import build
from shipper.assets.validate import validate
from shipper.assets.validate.stack import problems_in
from shipper.catalog import IndexStrategy, Scope, builtin

FILES = {
    path: content
    for path, content in build(builtin(), Scope()).items()
    if path.suffix == ".conf" or (path.parts[0] == "ilm" and path.parts[1] != "security")
}
INTAKE = "logstash/pipelines/mcp-beats.conf"
CLASSIFY = "logstash/pipelines/mcp-classify.conf"
OUTPUT = "logstash/pipelines/mcp-elasticsearch.conf"
POLICY = "ilm/policies/logs-mcp.tools.json"
TEMPLATE = "ilm/index_templates/logs-mcp.tools.json"
MAPPINGS = "ilm/component_templates/mcp@mappings.json"
INGEST = "ilm/ingest_pipelines/mcp-normalise.json"
TEXT = {str(path): content.decode() for path, content in FILES.items()}


def said(tmp_path, name, text):
    path = tmp_path / name.rpartition("/")[2]
    path.write_text(text, encoding="utf-8")
    return [str(problem).replace(f"{path}", "FILE") for problem in problems_in(path)]


@pytest.mark.parametrize("name", TEXT)
def test_generated_files_have_no_problem(tmp_path, name):
    assert said(tmp_path, name, TEXT[name]) == []


@pytest.mark.parametrize("strategy", IndexStrategy)
def test_generated_files_have_no_problem_under_another_strategy(tmp_path, strategy):
    files = build(builtin(), Scope(index_strategy=strategy))
    for path, content in files.items():
        if path.suffix == ".conf" or (path.parts[0] == "ilm" and path.parts[1] != "security"):
            assert said(tmp_path, str(path), content.decode()) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "found"),
    [
        (CLASSIFY, "filter {", "filtr {", "'filtr' is not one of input, filter, output"),
        (CLASSIFY, "=> true\n", "= true\n", "'= true"),
        (CLASSIFY, "  drop { id", "  dorp { id", "unknown filter 'dorp'"),
        (INTAKE, "include_codec_tag", "include_codec_tags", "unknown option 'include_codec_tags'"),
        (
            CLASSIFY,
            '"mcp_silent"',
            '"mcp_normalise"',
            "the id 'mcp_normalise' is already used",
        ),
        (INTAKE, 'id => "mcp_beats"\n', "", "beats has no id"),
        (CLASSIFY, 'normalise.rb"\n  }\n', 'normalise.rb"\n', "expected arrow, found '['"),
        (CLASSIFY, "if [data_stream] {", "if {", "a condition is missing"),
        (
            CLASSIFY,
            "if [data_stream] {",
            "if [data_stream] => {",
            "the end of this condition is missing",
        ),
        (INTAKE, "include_codec_tag => false", '[] => "x"', "expected an option, found '['"),
        (CLASSIFY, 'add_tag => ["mcp_unrouted"]', "add_tag => [", "expected a value"),
        (CLASSIFY, "overwrite => true", 'overwrite => "true', "is not part"),
        (OUTPUT, "data_stream => false", "data_stream => true", "does not take a document_id"),
    ],
)
def test_a_fault_in_a_pipeline_is_named_with_its_line(tmp_path, name, old, new, found):
    assert old in TEXT[name]
    [problem, *_] = said(tmp_path, name, TEXT[name].replace(old, new, 1))
    assert found in problem
    assert problem.startswith("FILE:")


def changed(name, change):
    body = json.loads(TEXT[name])
    change(body)
    return json.dumps(body)


def phase(name, **actions):
    def change(body):
        phases = body["policy"]["phases"]
        phases.setdefault(name, {"min_age": "60d", "actions": {}})["actions"].update(actions)

    return change


def without(*keys):
    def change(body):
        for key in keys[:-1]:
            body = body[key]
        del body[keys[-1]]

    return change


def put(value, *keys):
    def change(body):
        for key in keys[:-1]:
            body = body[key]
        body[keys[-1]] = value

    return change


def downsampled(interval, method="aggregate"):
    return {"downsample": {"fixed_interval": interval, "sampling_method": method}}


def both(warm, cold):
    def change(body):
        phase("warm", **warm)(body)
        phase("cold", **cold)(body)

    return change


PHASES = ("policy", "phases")
SNAPSHOT = {"snapshot_repository": "a"}


def replicated(first, second, span):
    def change(body):
        phase(first, searchable_snapshot=SNAPSHOT)(body)
        phase(second, searchable_snapshot={**SNAPSHOT, "replicate_for": span})(body)

    return change


POLICY_FAULTS = [
    (without(*PHASES, "hot", "actions", "rollover"), "needs rollover in the hot phase"),
    (put({}, *PHASES, "hot", "actions", "rollover"), "needs at least one max_ condition"),
    (phase("delete", rollover={"max_age": "1d"}), "is not an action of the delete phase"),
    (phase("cool"), "is not one of hot, warm, cold, frozen, delete"),
    (put("1y", *PHASES, "delete", "min_age"), "'1y' is not a time"),
    (put("100d", *PHASES, "warm", "min_age"), "is less than in the phase before it"),
    (put({}, *PHASES, "warm", "actions", "forcemerge"), "needs max_num_segments"),
    (phase("frozen"), "needs searchable_snapshot"),
    (phase("cold", searchable_snapshot={}), "needs snapshot_repository"),
    (phase("warm", set_priority={}), "needs priority"),
    (phase("warm", downsample={}), "needs fixed_interval"),
    (phase("delete", wait_for_snapshot={}), "needs policy"),
    (
        phase("warm", migrate={}, allocate={"require": {"box": "a"}}),
        "exclude each other",
    ),
    (put([], *PHASES, "hot"), "does not have the shape that Elasticsearch expects"),
    (put({}, "policy", "phase"), "policy.phase: unknown key"),
    (put("7d", *PHASES, "warm", "age"), "policy.phases.warm.age: unknown key"),
    (phase("hot", rollover={"max_agee": "1d"}), "max_agee: is not an option of rollover"),
    (phase("hot", readonly={"on": True}), "readonly.on: is not an option of readonly"),
    (phase("warm", shrink={}), "needs either number_of_shards or max_primary_shard_size"),
    (both(downsampled("1h"), downsampled("1h")), "must be a multiple of the interval of the phase"),
    (
        both(downsampled("1h"), downsampled("90m")),
        "must be a multiple of the interval of the phase",
    ),
    (both(downsampled("1h"), downsampled("1d", "last_value")), "must be the same as in the phase"),
    (replicated("hot", "cold", "1d"), "cold.actions.searchable_snapshot.replicate_for: only"),
    (phase("cold", searchable_snapshot={**SNAPSHOT, "replicate_for": "x"}), "'x' is not a time"),
    (
        phase("cold", searchable_snapshot={**SNAPSHOT, "replicate_for": "3000d"}),
        "lasts longer than until the delete phase begins",
    ),
]
#: Faults that Elasticsearch takes, but that have no effect, or fail only when the phase begins.
LATE_FAULTS = [
    (put({}, "policy", "phases"), "a policy needs phases"),
    (phase("warm", downsample={"fixed_interval": "soon"}), "'soon' is not a time"),
]
SOUND_CHANGES = [
    both(downsampled("1h"), downsampled("1d")),
    phase("cold", searchable_snapshot={**SNAPSHOT, "replicate_for": "14d"}),
]


@pytest.mark.parametrize(("change", "found"), POLICY_FAULTS + LATE_FAULTS)
def test_a_fault_in_a_policy_is_named(tmp_path, change, found):
    problems = said(tmp_path, POLICY, changed(POLICY, change))
    assert any(found in problem for problem in problems), problems


@pytest.mark.parametrize("change", SOUND_CHANGES)
def test_a_change_that_elasticsearch_takes_is_not_a_fault_of_a_policy(tmp_path, change):
    assert said(tmp_path, POLICY, changed(POLICY, change)) == []


def test_snapshots_in_two_repositories_and_merging_a_mounted_index_are_named(tmp_path):
    def change(body):
        phase("hot", searchable_snapshot=SNAPSHOT)(body)
        phase("cold", searchable_snapshot={"snapshot_repository": "b"})(body)

    text = " ".join(said(tmp_path, POLICY, changed(POLICY, change)))
    assert "must be in the same repository as the others" in text
    assert "comes after a searchable snapshot" in text
    assert "the hot phase has mounted the index already" in text


@pytest.mark.parametrize(
    ("name", "change", "found"),
    [
        (TEMPLATE, put([], "index_patterns"), "would match no index"),
        (TEMPLATE, put(100, "priority"), "must be over 100"),
        (TEMPLATE, put({}, "data_streams"), "data_streams: unknown key"),
        (TEMPLATE, put({}, "template", "setting"), "template.setting: unknown key"),
        (
            TEMPLATE,
            put({"data_retention": "7y"}, "template", "lifecycle"),
            "'7y' is not a time",
        ),
        (
            MAPPINGS,
            put({"type": "keywrd"}, "template", "mappings", "properties", "message"),
            "'keywrd' is not an Elasticsearch type",
        ),
        (MAPPINGS, put({}, "templates"), "templates: unknown key"),
        (INGEST, put({"sett": {}}, "processors", 0), "'sett' is not a processor"),
        (INGEST, put({}, "processors", 0), "an object with one member"),
        (INGEST, without("processors", 1, "script", "source"), "script needs 'source'"),
        (INGEST, without("processors", 1, "script", "tag"), "script has no tag"),
        (
            INGEST,
            put("mcp_silent", "processors", 1, "script", "tag"),
            "already used by another processor",
        ),
        (INGEST, put({}, "on_failures"), "on_failures: unknown key"),
    ],
)
def test_a_fault_in_a_template_or_an_ingest_pipeline_is_named(tmp_path, name, change, found):
    [problem] = said(tmp_path, name, changed(name, change))
    assert found in problem


@pytest.mark.parametrize(
    ("text", "found"),
    [("{", "is not valid JSON"), ("[]", "expected an object"), ("{}", "is not a policy")],
)
def test_a_file_that_is_not_an_asset_is_named(tmp_path, text, found):
    [problem] = said(tmp_path, "x.json", text)
    assert found in problem


def test_a_template_that_names_a_missing_part_is_found(tmp_path):
    body = json.loads(TEXT[TEMPLATE])
    body["composed_of"] = ["mcp@mapping"]
    body["template"]["settings"]["index"]["lifecycle"]["name"] = "logs-mcp.tool"
    (tmp_path / "logs-mcp.tools.json").write_text(json.dumps(body))
    assert list(validate(tmp_path, builtin(), Scope())) == []  # they may be installed by others
    (tmp_path / "mcp@mappings.json").write_text(TEXT[MAPPINGS])
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "logs-mcp.tools.json").write_text(TEXT[POLICY])
    assert [problem.what for problem in validate(tmp_path, builtin(), Scope())] == [
        "unknown component template 'mcp@mapping'",
        "unknown lifecycle policy 'logs-mcp.tool'",
    ]
