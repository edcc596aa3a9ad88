"""Helpers of the tests that run the whole line: the shipper as a process, Elasticsearch by HTTP."""

import json
import subprocess
import sys
import urllib.request
from contextlib import contextmanager

import msgspec

from shipper.follow.registry import read_positions
from shipper.record.format import SEGMENT_START, encode_json
from shipper.record.seal import GENESIS, seal
from tests.real.processes import dies_with_us, wait_until

SHIPPER = [sys.executable, "-m", "shipper"]


def configuration(home, paths, outputs, *others):
    """A configuration file (JSON is YAML) that ships `paths`; `others` are more inputs."""
    path = home / "mcp-shipper.yml"
    source = {"id": "test", "paths": [str(one) for one in paths], "parsers": [{"ndjson": {}}]}
    settings = {
        "path": {"home": str(home)},
        "inputs": [{"type": "filestream", **source}, *others],
        "output": outputs,
        "self_audit": {"enabled": False},  # tests/run/test_self_audit.py is about these events
    }
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


def segment(events):
    """The bytes of an audit segment with these events, which have ids of their own."""
    place = {"stream": {"id": "test"}, "segment": {"number": 1}}
    audit = {"audit": {**place, "chain": {"previous": GENESIS.hex(), "version": 1}}}
    first = {**events[0], "mcp": audit, "event": {"id": "start", "action": SEGMENT_START.action}}
    head, lines = GENESIS, []
    for event in (first, *events):
        rest = encode_json({name: event[name] for name in event if name != "event"})
        line, head = seal(b'%b,"event":%b}' % (rest[:-1], encode_json(event["event"])), head)
        lines.append(line)
    return b"\n".join([*lines, b""])


def ship_once(config, timeout_s=120):
    """`run --once`, to its end; gives the finished process."""
    return subprocess.run(
        [*SHIPPER, "run", "--once", "-c", str(config)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@contextmanager
def shipping(config, log):
    """`run` as a process of its own; stopped in peace at the end unless it is gone by then."""
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [*dies_with_us(), *SHIPPER, "run", "-c", str(config)], stderr=errors
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def acknowledged(home, output):
    """Bytes the output has acknowledged, over all files."""
    path = home / "data" / "registry" / f"{output}.ndjson"
    return sum(one.offset for one in read_positions(path)) if path.exists() else 0


def wait_until_shipped(process, home, output, size):
    """Wait until the output has acknowledged `size` bytes; the shipper must still be there."""
    wait_until(
        lambda: process.poll() is not None or acknowledged(home, output) >= size,
        120,
        f"{output} has {size} bytes",
    )
    assert process.poll() is None, "the shipper ended by itself; its log says why"


def call(url, method="GET", body=None):
    """One JSON request; the answer, or the error's body, as an object."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return msgspec.json.decode(answer.read())


def clear(url):
    """Delete every stream and index of events: one made without its template stays an index."""
    call(f"{url}/_data_stream/logs-*", "DELETE")
    call(f"{url}/logs-*", "DELETE")


def search(url, index, query, size=100):
    call(f"{url}/{index}/_refresh", "POST")
    return call(f"{url}/{index}/_search?size={size}", "POST", {"query": query})["hits"]["hits"]


def as_written(source):
    """The document without the time of its arrival, which Elasticsearch sets in it."""
    event = {name: value for name, value in source["event"].items() if name != "ingested"}
    return {**source, "event": event}


def count(url, index):
    call(f"{url}/{index}/_refresh", "POST")
    return call(f"{url}/{index}/_count")["count"]


def ids_as_indexed(url, index):
    """The id of every document, in the order in which its shard took them, as JSON strings."""
    return (json.dumps(hit["_id"]).encode() for hit in hits_as_indexed(url, index))


def hits_as_indexed(url, index, fields=False):
    """Every document with these fields, in the order in which its shard took them."""
    call(f"{url}/{index}/_refresh", "POST")
    order = [{"_seq_no": "asc"}, {"_index": "asc"}]
    body = {"size": 10_000, "sort": order, "_source": fields}
    while True:
        hits = call(f"{url}/{index}/_search", "POST", body)["hits"]["hits"]
        if not hits:
            return
        yield from hits
        body["search_after"] = hits[-1]["sort"]
