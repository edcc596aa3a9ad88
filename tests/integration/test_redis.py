"""Delivery to a real Redis, through its restarts and ours."""

import json
from hashlib import sha256

import pytest
import trustme
from msgspec.structs import replace

from shipper.errors import Refused, Unavailable
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED
from shipper.outputs.redis.config import RedisConfig
from shipper.outputs.redis.output import Redis
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig
from tests.integration.line import (
    acknowledged,
    configuration,
    ship_once,
    shipping,
    wait_until_shipped,
)
from tests.integration.streams import by_stream, peak_mib, without_repeats, write_streams

EACH = 5_000
KEY = "mcp-audit"
TWO = Lines.of([b'{"a":1}', b"{}"])
#: More than a server takes from one who has not logged in.
MANY = Lines.of([b'{"n":%d}' % number for number in range(500)])


@pytest.fixture
def streams(tmp_path):
    (tmp_path / "audit").mkdir()
    return write_streams(tmp_path / "audit", EACH)


def redis_configuration(home, server, **settings):
    outputs = {"redis": {"hosts": [server.address], **settings}}
    return configuration(home, [home / "audit" / "*.jsonl"], outputs)


def total_size(home):
    return sum(path.stat().st_size for path in (home / "audit").iterdir())


def lines_of(server, datatype):
    with server.client() as client:
        if datatype == "list":
            return client.lrange(KEY, 0, -1)
        return [fields[b"message"] for _, fields in client.xrange(KEY)]


@pytest.mark.parametrize("datatype", ["list", "stream"])
def test_killed_and_started_again_on_the_way_redis_has_all_lines_in_order(
    redis, streams, tmp_path, datatype
):
    config = redis_configuration(tmp_path, redis, datatype=datatype, bulk_max_size=10)
    size = total_size(tmp_path)
    with shipping(config, tmp_path / "log") as process:
        wait_until_shipped(process, tmp_path, "redis", size // 4)
        redis.kill()
        assert acknowledged(tmp_path, "redis") < size
        redis.start()
        wait_until_shipped(process, tmp_path, "redis", size)
        assert peak_mib(process) < 120
    found = by_stream(lines_of(redis, datatype))
    assert {name: without_repeats(lines) for name, lines in found.items()} == streams
    # Only the batch that was under way can be there twice, and it has ten lines.
    assert sum(map(len, found.values())) <= sum(map(len, streams.values())) + 10


@pytest.mark.parametrize("datatype", ["list", "stream"])
def test_killed_on_the_way_the_shipper_loses_nothing_and_keeps_the_order(
    redis, streams, tmp_path, datatype
):
    config = redis_configuration(tmp_path, redis, datatype=datatype, bulk_max_size=10)
    size = total_size(tmp_path)
    for third in (1, 2):
        with shipping(config, tmp_path / "log") as process:
            wait_until_shipped(process, tmp_path, "redis", third * size // 3)
            process.kill()
    with shipping(config, tmp_path / "log") as process:
        wait_until_shipped(process, tmp_path, "redis", size)
    found = by_stream(lines_of(redis, datatype))
    assert {name: without_repeats(lines) for name, lines in found.items()} == streams


@pytest.mark.parametrize("lines", [TWO, MANY], ids=["few", "many"])
@pytest.mark.parametrize("password", [None, Secret("not the right one")], ids=["none", "wrong"])
def test_a_missing_or_wrong_password_is_refused(new_redis, password, lines):
    server = new_redis(requirepass="right")
    output = Redis(RedisConfig(hosts=(server.address,), password=password))
    for attempt in (lambda: output.send(lines), output.probe):
        with pytest.raises(Refused, match="check username and password") as raised:
            attempt()
        assert "not the right one" not in str(raised.value)


def test_the_right_password_delivers_and_proves_the_version(new_redis):
    server = new_redis(requirepass="right")
    output = Redis(RedisConfig(hosts=(server.address,), password=Secret("right")))
    assert output.send(TWO) == [DELIVERED] * 2
    assert f"{server.address} answers; Redis 7." in output.probe()
    output.close()
    assert lines_of(server, "list") == list(TWO)


def test_a_user_who_may_only_write_can_deliver(redis):
    with redis.client() as client:
        rules = ["on", ">pw", f"~{KEY}", "+rpush", "+ping"]
        client.execute_command("ACL", "SETUSER", "writer", *rules)
    config = RedisConfig(hosts=(redis.address,), username="writer", password=Secret("pw"))
    output = Redis(config)
    assert output.send(TWO) == [DELIVERED] * 2
    assert "keeps its version" in output.probe()
    output.close()
    with pytest.raises(Refused, match="allow this user to write"):
        Redis(replace(config, key="another")).send(TWO)


@pytest.mark.parametrize(("datatype", "other"), [("list", "stream"), ("stream", "list")])
def test_a_key_of_another_kind_is_refused_and_stays_as_it_was(redis, datatype, other):
    first = Redis(RedisConfig(hosts=(redis.address,), datatype=other))
    assert first.send(TWO) == [DELIVERED] * 2
    first.close()
    with pytest.raises(Refused, match="WRONGTYPE"):
        Redis(RedisConfig(hosts=(redis.address,), datatype=datatype)).send(TWO)
    assert lines_of(redis, other) == list(TWO)


@pytest.mark.parametrize("datatype", ["list", "stream"])
def test_a_full_redis_takes_a_batch_whole_or_not_at_all(new_redis, datatype):
    server = new_redis(maxmemory="3mb")
    output = Redis(RedisConfig(hosts=(server.address,), datatype=datatype))
    batch = Lines.of([b'{"x":"%s"}' % (b"x" * 1000)] * 500)
    taken, said = 0, ""
    while not said:
        try:
            taken += len(output.send(batch))
        except Unavailable as error:
            said = str(error)
    output.close()
    assert "maxmemory" in said
    assert len(lines_of(server, datatype)) == taken


def test_a_stream_may_be_bounded(redis):
    config = RedisConfig(hosts=(redis.address,), datatype="stream", max_length=100)
    output = Redis(config)
    for _ in range(5):
        assert output.send(MANY) == [DELIVERED] * 500
    output.close()
    found = lines_of(redis, "stream")
    assert 100 <= len(found) < 300
    assert found == list(MANY)[-len(found) :]


def test_a_line_too_large_for_the_server_goes_to_the_dead_letters_alone(new_redis, tmp_path):
    server = new_redis(proto_max_bulk_len="1mb")
    (tmp_path / "audit").mkdir()
    small = [b'{"n":%d}' % number for number in range(10)]
    large = b'{"x":"%s"}' % (b"x" * (3 << 20))
    data = b"\n".join([*small[:4], large, *small[4:], b""])
    (tmp_path / "audit" / "a.jsonl").write_bytes(data)
    done = ship_once(redis_configuration(tmp_path, server))
    assert done.returncode == 0, done.stderr
    assert lines_of(server, "list") == small
    (dead_letter,) = (tmp_path / "data" / "dead-letters" / "redis.ndjson").read_text().splitlines()
    kept = json.loads(dead_letter)
    assert large.startswith(kept["line"].encode())
    assert (kept["length"], kept["sha256"]) == (len(large), sha256(large).hexdigest())
    assert "too large" in kept["reason"]


def test_tls_is_verified_as_in_every_output(new_redis, tmp_path):
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    own.cert_chain_pems[0].write_to_path(tmp_path / "cert")
    own.private_key_pem.write_to_path(tmp_path / "key")
    authority.cert_pem.write_to_path(tmp_path / "ca")
    server = new_redis(
        tls=True,
        tls_cert_file=str(tmp_path / "cert"),
        tls_key_file=str(tmp_path / "key"),
        tls_ca_cert_file=str(tmp_path / "ca"),
        tls_auth_clients="no",
    )
    trusting = TlsConfig(certificate_authorities=(str(tmp_path / "ca"),))
    output = Redis(RedisConfig(hosts=(server.address,), ssl=trusting))
    assert output.send(MANY) == [DELIVERED] * 500
    output.close()
    with pytest.raises(Refused, match="not trusted"):
        Redis(RedisConfig(hosts=(server.address,), ssl=TlsConfig())).send(TWO)


def test_several_servers_and_connections_share_the_lines(new_redis):
    servers = [new_redis(), new_redis()]
    hosts = tuple(server.address for server in servers)
    output = Redis(RedisConfig(hosts=hosts, workers=2, bulk_max_size=50))
    lines = Lines.of(list(MANY) * 20)  # so many that none of them is through before all are there
    assert output.send(lines) == [DELIVERED] * len(lines)
    output.close()
    parts = [lines_of(server, "list") for server in servers]
    assert all(parts)
    assert sorted([*parts[0], *parts[1]]) == sorted(lines)


@pytest.mark.parametrize("datatype", ["list", "stream"])
def test_each_line_goes_to_the_key_that_it_names(redis, datatype):
    config = RedisConfig(
        hosts=(redis.address,), datatype=datatype, key="by-%{[app]}-%{+yyyy}", workers=1
    )
    lines = [
        b'{"app":"%b","n":%d,"@timestamp":"2026-01-01T00:00:00Z"}' % (app, n)
        for n, app in enumerate((b"a", b"b", b"a"))
    ]
    output = Redis(config)
    outcomes = output.send(Lines.of([*lines, b"{}"]))
    output.close()
    assert outcomes[:3] == [DELIVERED] * 3
    assert "it has no app" in outcomes[3].reason
    with redis.client() as client:
        read = client.llen if datatype == "list" else client.xlen
        assert (read("by-a-2026"), read("by-b-2026")) == (2, 1)
        client.delete("by-a-2026", "by-b-2026")
