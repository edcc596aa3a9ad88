"""Names that each line chooses: an index, a pipeline, a topic, a key."""

import json

import pytest

from shipper.config import from_mapping
from shipper.lines import Lines, Origin
from shipper.outputs import OUTPUTS
from shipper.outputs.base import DELIVERED, Rejected
from shipper.processors.naming import Template
from tests.fakes import FakeElasticsearch

AUDIT = {"data_stream": {"type": "logs", "dataset": "mcp.tools", "namespace": "default"}}
LATE = "2026-11-30T23:30:00-02:00"  # in UTC it is December


def foreign(*events):
    lines = Lines.of(json.dumps(event, separators=(",", ":")).encode() for event in events)
    return Lines(lines.block, lines.ends, origins=(Origin(len(events), "key"),))


def sent(events, **settings):
    """The outcomes, and the action of each document, by its number `n`."""
    with FakeElasticsearch() as server:
        section = {"hosts": [server.url], "compression_level": 0, **settings}
        config = from_mapping({"output": {"elasticsearch": section}}).outputs["elasticsearch"]
        output = OUTPUTS["elasticsearch"].create(config)
        outcomes = output.send(foreign(*events))
        output.close()
        rows = [row for _, _, body in server.requests for row in bytes(body).splitlines()]
    actions = {
        json.loads(line).get("n"): json.loads(action)["create"]
        for action, line in zip(rows[::2], rows[1::2], strict=True)
    }
    return outcomes, actions


@pytest.mark.parametrize(
    ("template", "event", "name"),
    [
        ("x-%{+yyyy.MM.dd}", {"@timestamp": LATE}, "x-2026.12.01"),
        ("%{+yy-M-d-HH-D-E-MMM}", {"@timestamp": LATE}, "26-12-1-01-335-Tue-Dec"),
        ("%{+xxxx.ww}", {"@timestamp": "2027-01-01T00:00:00Z"}, "2026.53"),
        ("%{+yyyy'week'}", {"@timestamp": LATE}, "2026week"),
        ("%{[a.b]}-%{[c][d]}", {"a.b": 1, "c": {"d": True}}, "1-true"),
        ("%{[a]:b}", {}, "b"),
        ("%{[a]:b}", {"a": None}, "b"),
        ("%{[a]:}x", {}, "x"),
        ("%{[a]}", {}, None),
        ("%{[agent.type]}", {}, "mcp-shipper"),
        ("%{[agent.type]}", {"agent": {"type": "filebeat"}}, "filebeat"),
    ],
)
def test_a_place_is_filled_as_in_beats(template, event, name):
    assert Template.of(template).fill(event) == name


def test_each_line_goes_to_the_index_of_its_field_and_date():
    events = [
        {"n": 1, "fields": {"app": "Shop"}, "@timestamp": LATE},
        {"n": 2, "@timestamp": "2026-11-30T10:00:00Z"},
    ]
    outcomes, actions = sent(events, index="x-%{[fields.app]:none}-%{+yyyy.MM.dd}")
    assert outcomes == [DELIVERED] * 2
    assert [actions[n]["_index"] for n in (1, 2)] == ["x-shop-2026.12.01", "x-none-2026.11.30"]
    assert actions[1]["_id"].startswith("key-")


def test_the_first_rule_that_yields_a_name_counts():
    rules = [
        {"index": "bad-%{+yyyy}", "when": {"contains": {"message": "ERR"}}},
        {"index": "%{[app]}", "mappings": {"a.b": "letters", "c": "more"}},
    ]
    events = [
        {"n": 1, "message": "ERR", "app": "c", "@timestamp": LATE},
        {"n": 2, "message": "ok", "app": "a.b"},
        {"n": 3, "app": "other"},
        {"n": 4},
    ]
    outcomes, actions = sent(events, indices=rules, index="rest")
    assert outcomes == [DELIVERED] * 4
    found = [actions[n]["_index"] for n in (1, 2, 3, 4)]
    assert found == ["bad-2026", "letters", "rest", "rest"]


def test_a_line_that_names_a_data_stream_keeps_it():
    _, actions = sent([{"n": 1, **AUDIT}], index="x-%{[app]}")
    assert actions[1]["_index"] == "logs-mcp.tools-default"


def test_a_line_without_an_index_is_rejected_with_the_missing_field():
    outcomes, actions = sent([{"n": 1}, {"n": 2, "app": "a"}], index="x-%{[app]}")
    assert isinstance(outcomes[0], Rejected)
    assert "no index for this line: it has no app" in outcomes[0].reason
    assert outcomes[1] is DELIVERED
    assert [*actions] == [2]


def test_a_pipeline_is_chosen_by_line_and_is_optional():
    rules = [
        {"pipeline": "%{[kind]}", "mappings": {"n": "nginx"}, "default": "generic"},
    ]
    condition = [{"pipeline": "special", "when": {"equals": {"n": 1}}}]
    _, actions = sent([{"n": 1, "kind": "n"}, {"n": 2}], pipelines=rules)
    assert [actions[n]["pipeline"] for n in (1, 2)] == ["nginx", "generic"]
    _, actions = sent([{"n": 1}, {"n": 2}], pipelines=condition)
    assert [actions[n].get("pipeline") for n in (1, 2)] == ["special", None]
    _, actions = sent([{"n": 1, "p": "Mine"}, {"n": 2}], pipeline="%{[p]}")
    assert [actions[n].get("pipeline") for n in (1, 2)] == ["mine", None]


def test_a_line_is_not_decoded_if_its_bytes_rule_out_every_condition(monkeypatch):
    def decoded(line):
        raise AssertionError(line)

    monkeypatch.setattr("shipper.processors.naming.decode", decoded)
    rules = [{"index": "%{[app]}", "when": {"has_fields": ["app"]}}]
    outcomes, _ = sent([{"n": 1}], indices=rules, index="rest")
    assert outcomes == [DELIVERED]
