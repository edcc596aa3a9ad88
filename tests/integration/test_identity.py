"""A real Elasticsearch: which document has an id, under each way of naming indices."""

import json

import pytest

from shipper import AuditHandler, create_compliance_event
from shipper.catalog import builtin
from tests.integration.line import call, clear, configuration, search, ship_once

ROW = builtin().event_types["mcp_compliance_events"]
STRATEGIES = ["data_stream", "rollover_alias", "monthly"]
#: Of the data stream alone: the policies and mappings of `setup` are not what this is about.
TEMPLATE = {
    "index_patterns": [f"logs-{ROW.dataset}-*"],
    "data_stream": {},
    "priority": 900,
    "template": {
        "mappings": {"properties": {"event": {"properties": {"id": {"type": "keyword"}}}}}
    },
}


@pytest.fixture(params=STRATEGIES)
def stack(request, elasticsearch):
    """The address, the strategy, and a pattern of the names of indices."""
    url = elasticsearch.url

    def remove():
        clear(url)
        call(f"{url}/{ROW.index}-*", "DELETE")

    remove()
    call(f"{url}/_index_template/identity", "PUT", TEMPLATE)
    if request.param == "rollover_alias":
        aliases = {"aliases": {ROW.index: {"is_write_index": True}}}
        call(f"{url}/{ROW.index}-000001", "PUT", aliases)
    names = f"logs-{ROW.dataset}-*" if request.param == "data_stream" else f"{ROW.index}-*"
    yield url, request.param, names
    remove()
    call(f"{url}/_index_template/identity", "DELETE")


@pytest.fixture
def audit(tmp_path):
    handler = AuditHandler(tmp_path / "audit")
    yield handler
    handler.close()


def record(handler, name):
    handler.record_self_audit(create_compliance_event(name))


def lines_of(home):
    return [
        json.loads(line)
        for path in sorted((home / "audit").glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]


def configured(home, url, strategy):
    paths = [home / "audit" / "*.jsonl", home / "app.log"]
    config = configuration(home, paths, {"elasticsearch": {"hosts": [url]}})
    settings = json.loads(config.read_text()) | {"index_strategy": strategy}
    config.write_text(json.dumps(settings | {"self_audit": {"enabled": True}}))
    return config


def shipped(config):
    done = ship_once(config)
    assert done.returncode == 0, done.stderr
    return done.stderr


def documents(url, names):
    return {hit["_id"]: hit["_source"] for hit in search(url, names, {"match_all": {}})}


def test_a_line_that_names_the_next_event_does_not_take_its_place(stack, audit, tmp_path):
    url, strategy, names = stack
    config = configured(tmp_path, url, strategy)
    record(audit, "first")
    shipped(config)
    last = lines_of(tmp_path)[-1]["event"]["id"]
    stream, _, sequence = last.rpartition("-")
    forged = {
        "@timestamp": lines_of(tmp_path)[-1]["@timestamp"],
        "data_stream": lines_of(tmp_path)[-1]["data_stream"],
        "event": {"id": f"{stream}-{int(sequence) + 1}"},
        "user": {"id": "nobody"},
    }
    other = forged | {"user": {"id": "somebody"}}
    (tmp_path / "app.log").write_text(f"{json.dumps(forged)}\n{json.dumps(other)}\n")
    shipped(config)
    record(audit, "the real one")
    shipped(config)
    found = documents(url, names)
    for event in lines_of(tmp_path):
        assert found[event["event"]["id"]]["event"]["hash"] == event["event"]["hash"]
    users = [one["user"]["id"] for one in documents(url, "logs-generic-*").values()]
    assert sorted(users) == ["nobody", "somebody"]
    assert not any("user" in one and one["user"].get("id") == "nobody" for one in found.values())


def test_an_event_whose_id_another_document_has_becomes_a_dead_letter(stack, audit, tmp_path):
    url, strategy, names = stack
    config = configured(tmp_path, url, strategy)
    record(audit, "first")
    shipped(config)
    (index,) = {
        hit["_index"]
        for hit in search(url, names, {"match_all": {}})
        if hit["_source"]["event"].get("sequence") == 2
    }
    last = lines_of(tmp_path)[-1]
    stream, _, sequence = last["event"]["id"].rpartition("-")
    taken = f"{stream}-{int(sequence) + 1}"
    forged = {"@timestamp": last["@timestamp"], "event": {"id": taken, "hash": "0" * 64}}
    where = f"logs-{ROW.dataset}-default" if strategy == "data_stream" else index
    call(f"{url}/{where}/_create/{taken}", "POST", forged)
    record(audit, "the real one")
    record(audit, "the next one")
    said = shipped(config)
    assert f"holds another document under the id {taken}" in said
    assert '"level":"error"' in said
    letters = (tmp_path / "data" / "dead-letters" / "elasticsearch.ndjson").read_text()
    (letter,) = map(json.loads, letters.splitlines())
    assert json.loads(letter["line"])["event"]["id"] == taken
    assert letter["reason"].startswith("409 conflict: ")
    found = documents(url, names)
    assert f"{stream}-{int(sequence) + 2}" in found
    shipped(config)
    told = json.dumps(list(documents(url, names).values()))
    assert "lines-quarantined" in told
    assert "409 conflict" in told


def test_events_that_are_there_are_duplicates_without_a_refresh(stack, audit, tmp_path):
    url, strategy, names = stack
    config = configured(tmp_path, url, strategy)
    for number in range(20):
        record(audit, f"event {number}")
    shipped(config)
    (tmp_path / "data" / "registry" / "elasticsearch.ndjson").unlink()  # everything is sent again
    shipped(config)
    assert not (tmp_path / "data" / "dead-letters").exists()
    found = documents(url, names)
    assert {event["event"]["id"] for event in lines_of(tmp_path)} <= set(found)
