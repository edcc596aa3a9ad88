"""The whole line on real parts: from a real client's call to a document that is found."""

import logging
import shutil
import subprocess
from contextlib import contextmanager

import anyio
import msgspec
import pytest

import shipper
from bench.make_events import events as made_events
from shipper.catalog import MCPEventType, Scope, builtin
from shipper.record.event import create_event
from tests.capture.http import WITH_TOKENS, Bearer, app_of, client_of, serving
from tests.integration.line import (
    SHIPPER,
    call,
    clear,
    configuration,
    count,
    ids_as_indexed,
    search,
    ship_once,
    shipping,
    wait_until_shipped,
)

MANY = 100_000


@contextmanager
def recording(directory, **settings):
    """The audit logger writes to `directory`, as an application would set it up."""
    handler = shipper.AuditHandler(directory, **settings)
    logger = logging.getLogger("mcp.audit")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        handler.close()


@pytest.fixture
def clean(elasticsearch):
    """Elasticsearch without streams of other tests, before and after."""
    clear(elasticsearch.url)
    yield elasticsearch
    clear(elasticsearch.url)


def setup(config):
    done = subprocess.run(
        [*SHIPPER, "setup", "-c", str(config)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def _add(server_app, token):
    with serving(server_app) as url:
        async with client_of(url, "2026-07-28", Bearer(token)) as client:
            await client.call_tool("add", {"a": 1, "b": 2})


@pytest.mark.parametrize("make", WITH_TOKENS.values(), ids=WITH_TOKENS)
def test_a_call_over_http_is_found_by_user_and_tool_in_its_stream(make, clean, tmp_path):
    with recording(tmp_path / "audit"):
        anyio.run(_add, app_of(shipper.instrument(make())), "ada-1")
    segments = [tmp_path / "audit" / "*.jsonl"]
    config = configuration(tmp_path, segments, {"elasticsearch": {"hosts": [clean.url]}})
    setup(config)
    assert ship_once(config).returncode == 0
    terms = [{"term": {"user.id": "ada"}}, {"term": {"gen_ai.tool.name": "add"}}]
    (hit,) = search(clean.url, "logs-mcp.tools-default", {"bool": {"filter": terms}})
    assert hit["_id"] == hit["_source"]["event"]["id"]
    assert hit["_source"]["event"]["outcome"] == "success"
    assert hit["_source"]["mcp"]["client"]["id"] == "agent"

    before = count(clean.url, "logs-mcp.*")
    shutil.rmtree(tmp_path / "data")  # all positions forgotten: everything is sent again
    assert ship_once(config).returncode == 0
    assert count(clean.url, "logs-mcp.*") == before


def test_each_type_is_routed_to_its_stream_with_its_mapping(clean, tmp_path):
    catalog = builtin()
    with recording(tmp_path / "audit", audit_level="enterprise") as logger:
        for name in MCPEventType:
            logger.info(create_event(name, user_id=f"user of {name}", source_ip="192.0.2.7"))
    segments = [tmp_path / "audit" / "*.jsonl"]
    config = configuration(tmp_path, segments, {"elasticsearch": {"hosts": [clean.url]}})
    setup(config)
    done = ship_once(config)
    assert done.returncode == 0, done.stderr
    for name, row in catalog.event_types.items():
        stream = f"logs-{row.dataset}-default"
        query = {"bool": {"filter": [{"term": {"user.id": f"user of {name}"}}]}}
        (hit,) = search(clean.url, stream, query)
        assert hit["_source"]["mcp"]["audit"]["type"] == name
        assert search(clean.url, stream, {"term": {"source.ip": "192.0.2.0/24"}})


def test_setup_says_what_it_did_and_the_second_time_changes_nothing(clean, tmp_path):
    config = configuration(tmp_path, ["/nonexistent"], {"elasticsearch": {"hosts": [clean.url]}})
    setup(config)
    told = setup(config).splitlines()
    *steps, summary = told
    assert {line.split()[0] for line in steps} == {"unchanged"}
    assert summary == f"{len(steps)} unchanged"
    for row in builtin().event_types.values():
        policy = call(f"{clean.url}/_ilm/policy/logs-{row.dataset}")[f"logs-{row.dataset}"]
        phases = policy["policy"]["phases"]
        days = Scope().retention_days_of(row.name, builtin())
        assert phases["delete"]["min_age"] == f"{days}d"


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """100,000 events in four files, as the lines they are."""
    directory = tmp_path_factory.mktemp("many")
    files = {}
    for number in range(4):
        lines = list(made_events(MANY // 4, seed=number, is_segment=True))
        path = directory / f"{number}.ndjson"
        path.write_bytes(b"".join(lines))
        files[path] = [line.rstrip(b"\n") for line in lines]
    return directory, files


def ids(lines):
    """The event ids of lines, in order."""
    decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
    return [decode(decode(line)["event"])["id"] for line in lines]


def split_by_file(received, files):
    """Received ids by the file they are of, in order of arrival."""
    home = {one: path for path, lines in files.items() for one in map(bytes, ids(lines))}
    by_file = {path: [] for path in files}
    for one in map(bytes, received):
        by_file[home[one]].append(one)
    return by_file


def test_100_000_events_reach_a_real_lumberjack_server_complete_and_in_order(
    many, new_lumberjack, tmp_path
):
    directory, files = many
    sink = new_lumberjack()
    outputs = {"logstash": {"hosts": [sink.address]}}
    done = ship_once(configuration(tmp_path, [directory / "*.ndjson"], outputs))
    assert done.returncode == 0, done.stderr
    received = split_by_file(ids(sink.events()), files)
    assert received == {path: list(map(bytes, ids(lines))) for path, lines in files.items()}


def test_100_000_events_reach_elasticsearch_complete_and_in_order(many, clean, tmp_path):
    directory, files = many
    outputs = {"elasticsearch": {"hosts": [clean.url]}}
    config = configuration(tmp_path, [directory / "*.ndjson"], outputs)
    setup(config)
    done = ship_once(config)
    assert done.returncode == 0, done.stderr
    received = split_by_file(ids_as_indexed(clean.url, "logs-mcp.tools-default"), files)
    assert received == {path: list(map(bytes, ids(lines))) for path, lines in files.items()}


def test_killed_ten_times_on_the_way_to_a_lumberjack_server_it_loses_nothing(
    many, new_lumberjack, tmp_path
):
    directory, files = many
    sink = new_lumberjack()
    outputs = {"logstash": {"hosts": [sink.address], "bulk_max_size": 256}}
    config = configuration(tmp_path, [directory / "*.ndjson"], outputs)
    kill_ten_times(config, tmp_path, "logstash", files)
    received = split_by_file(ids(sink.events()), files)
    for path, lines in files.items():
        arrived = list(dict.fromkeys(received[path]))  # at least once: the first of each counts
        assert arrived == list(map(bytes, ids(lines)))


def test_killed_ten_times_on_the_way_to_elasticsearch_it_loses_and_doubles_nothing(
    many, clean, tmp_path
):
    directory, files = many
    outputs = {"elasticsearch": {"hosts": [clean.url], "bulk_max_size": 500}}
    config = configuration(tmp_path, [directory / "*.ndjson"], outputs)
    setup(config)
    kill_ten_times(config, tmp_path, "elasticsearch", files)
    assert count(clean.url, "logs-mcp.tools-default") == MANY


def kill_ten_times(config, home, output, files):
    """Run, kill -9 after each eleventh of the bytes, run to the end."""
    total = sum(path.stat().st_size for path in files)
    for number in range(1, 11):
        with shipping(config, home / "log") as process:
            wanted = number * total // 11
            wait_until_shipped(process, home, output, wanted)
            process.kill()
    with shipping(config, home / "log") as process:
        wait_until_shipped(process, home, output, total)
