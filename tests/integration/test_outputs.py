"""Several connections at once, and each way of naming indices, on the real servers."""

import json
import re
import shutil
import subprocess

import pytest

from bench.make_events import events as made_events
from shipper.catalog import IndexStrategy, builtin
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, DUPLICATE, Held
from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.outputs.elasticsearch.output import Elasticsearch
from tests.integration.line import (
    SHIPPER,
    call,
    clear,
    configuration,
    count,
    search,
    segment,
    ship_once,
)
from tests.integration.test_line import ids, setup

SEVERAL = 20_000
ROW = builtin().event_types["mcp_tool_execution"]


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A file of events, and its lines."""
    path = tmp_path_factory.mktemp("several") / "a.ndjson"
    lines = list(made_events(SEVERAL, seed=1, is_segment=True))
    path.write_bytes(b"".join(lines))
    return path, [line.rstrip(b"\n") for line in lines]


@pytest.fixture
def tidy(elasticsearch):
    """Nothing of these names, before and after."""

    def remove():
        clear(elasticsearch.url)
        for name in ("mcp-*-2*", "acme-*-2*"):
            call(f"{elasticsearch.url}/{name}", "DELETE")

    remove()
    yield elasticsearch.url
    remove()


def test_two_lumberjack_servers_share_the_events_and_each_has_its_own(
    several, new_lumberjack, tmp_path
):
    path, lines = several
    sinks = [new_lumberjack(), new_lumberjack()]
    options = {"loadbalance": True, "workers": 2, "bulk_max_size": 200}
    outputs = {"logstash": {"hosts": [sink.address for sink in sinks], **options}}
    done = ship_once(configuration(tmp_path, [path], outputs))
    assert done.returncode == 0, done.stderr
    first, second = (list(map(bytes, ids(sink.events()))) for sink in sinks)
    assert first
    assert second
    assert sorted(first + second) == sorted(map(bytes, ids(lines)))


def test_a_lumberjack_server_that_is_away_leaves_all_events_to_the_other(
    several, new_lumberjack, tmp_path
):
    path, lines = several
    away, there = new_lumberjack(), new_lumberjack()
    away.kill()
    options = {"loadbalance": True, "bulk_max_size": 500, "ttl": "1ms", "slow_start": True}
    outputs = {"logstash": {"hosts": [away.address, there.address], **options}}
    done = ship_once(configuration(tmp_path, [path], outputs))
    assert done.returncode == 0, done.stderr
    assert sorted(map(bytes, ids(there.events()))) == sorted(map(bytes, ids(lines)))


def test_many_connections_to_elasticsearch_make_each_document_once(several, tidy, tmp_path):
    path, _ = several
    outputs = {"elasticsearch": {"hosts": [tidy] * 2, "preset": "throughput"}}
    config = configuration(tmp_path, [path], outputs)
    setup(config)
    for _ in range(2):
        assert ship_once(config).returncode == 0
        assert count(tidy, "logs-mcp.*") == SEVERAL
        shutil.rmtree(tmp_path / "data")  # all positions forgotten: everything is sent again


def event(ident, at):
    stream = {"type": "logs", "dataset": ROW.dataset, "namespace": "default"}
    about = {"id": ident, "dataset": ROW.dataset, "kind": "event", "action": "execution"}
    return {"@timestamp": at, "data_stream": stream, "user": {"id": "ada"}, "event": about}


@pytest.mark.parametrize(
    ("strategy", "prefix"),
    [
        (IndexStrategy.MONTHLY, None),
        (IndexStrategy.MONTHLY, "acme"),
        (IndexStrategy.ROLLOVER_ALIAS, "acme"),
    ],
)
def test_setup_and_shipper_agree_on_the_names_of_indices(tidy, tmp_path, strategy, prefix):
    lines = [event("a", "2026-11-24T23:30:00.000Z"), event("b", "2026-11-30T23:30:00-01:00")]
    (tmp_path / "a.ndjson").write_bytes(segment(lines))
    config = configuration(tmp_path, [tmp_path / "a.ndjson"], {"elasticsearch": {"hosts": [tidy]}})
    settings = json.loads(config.read_text()) | {"index_strategy": str(strategy)}
    config.write_text(json.dumps(settings | ({"index_prefix": prefix} if prefix else {})))
    setup(config)
    try:
        for _ in range(2):
            done = ship_once(config)
            assert done.returncode == 0, done.stderr
            shutil.rmtree(tmp_path / "data")
        name = f"{prefix or 'mcp'}-tools"
        wanted = {
            IndexStrategy.DATA_STREAM: {
                "a": "logs-mcp.tools-default",
                "b": "logs-mcp.tools-default",
            },
            IndexStrategy.ROLLOVER_ALIAS: dict.fromkeys("ab", name),
            IndexStrategy.MONTHLY: {"a": f"{name}-2026-11", "b": f"{name}-2026-12"},
        }[strategy]
        for ident, index in wanted.items():
            (hit,) = search(tidy, index, {"term": {"event.id": ident}})  # mapped as a keyword
            about = call(f"{tidy}/{hit['_index']}")[hit["_index"]]
            assert about["settings"]["index"]["lifecycle"]["name"] == name
    finally:
        remove_assets(config)


def remove_assets(config):
    done = subprocess.run(
        [*SHIPPER, "setup", "--remove", "-c", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_an_alias_that_is_missing_is_told_and_no_index_is_made_in_its_place(tidy):
    settings = ElasticsearchConfig(
        hosts=(tidy,), strategy="rollover_alias", indices={ROW.dataset: "mcp-missing"}
    )
    output = Elasticsearch(settings)
    line = Lines.of([json.dumps(event("a", "2026-11-24T10:00:00Z")).encode()])
    (held,) = output.send(line)
    assert isinstance(held, Held)
    assert re.search(r"mcp-missing.*make it \(mcp-shipper setup\)", held.reason)
    call(f"{tidy}/mcp-missing-2026-11-000001", "PUT", {"aliases": {"mcp-missing": {}}})
    assert output.send(line) == [DELIVERED]
    assert output.send(line) == [DUPLICATE]
    output.close()
