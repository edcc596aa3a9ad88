"""The fault servers, as our own outputs and plain sockets meet them."""

import json
import socket
import ssl
import struct
import urllib.request
from urllib.error import HTTPError

import pytest
import trustme

from shipper.errors import ProtocolError, Refused, Unavailable
from shipper.faults.bulk import BulkServer
from shipper.faults.ledger import Ledger
from shipper.faults.lumberjack import LumberjackServer
from shipper.faults.proxy import ProxyServer
from shipper.faults.script import BULK, LUMBERJACK, PROXY, Script, compiled, parse
from shipper.faults.server import Place
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, DUPLICATE, RETRY, Held, Rejected
from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.outputs.elasticsearch.output import Elasticsearch
from shipper.outputs.logstash.config import LogstashConfig
from shipper.outputs.logstash.output import Logstash
from shipper.outputs.tls import TlsConfig
from shipper.wire.lumberjack import Sender, ack
from tests.deliver.lines import line

TEN = Lines.of(map(line, range(10)))
ALL = [DELIVERED] * 10


def lumberjack(script, **options):
    ledger = Ledger("n")
    return LumberjackServer(parse(script, LUMBERJACK), ledger.take, **options), ledger


def elasticsearch(script, **options):
    ledger = Ledger("n")
    return BulkServer(parse(script, BULK), ledger.take, **options), ledger


def logstash_output(address, **options):
    return Logstash(LogstashConfig(hosts=(address,), **{"timeout_s": 5.0, **options}))


def bulk_output(url, **options):
    return Elasticsearch(ElasticsearchConfig(hosts=(url,), **{"timeout_s": 5.0, **options}))


@pytest.mark.parametrize(
    ("phase", "kept"),
    [
        ("reset", 0),
        ("reset at 30", 0),
        ("close", 0),
        ("close at 30", 0),
        ("lose", 10),
        ("ack 150%", 10),
        ("silence", 0),
        ("half-open", 0),
    ],
)
def test_a_window_without_an_acknowledgement_counts_only_if_it_was_taken(phase, kept):
    server, ledger = lumberjack(phase)
    with server:
        sender = logstash_output(server.address, timeout_s=0.3)
        with pytest.raises((Unavailable, ProtocolError)):
            sender.send(TEN)
        assert ledger.acknowledged == kept
        assert sender.send(TEN) == ALL
        sender.close()
    assert ledger.acknowledged == kept + 10


def test_what_is_acknowledged_in_part_counts_in_part():
    server, ledger = lumberjack("ack 30%, close; ack 1, reset; ack 50%, ack 0")
    with server:
        sender = logstash_output(server.address)
        assert sender.send(TEN) == [DELIVERED] * 3 + [RETRY] * 7
        assert sender.send(TEN) == [DELIVERED] + [RETRY] * 9
        assert sender.send(TEN) == ALL
        sender.close()
    assert ledger.acknowledged == 14


def test_keep_alives_come_before_the_acknowledgement():
    server, _ = lumberjack("keepalive 300ms")
    with server, socket.create_connection(("127.0.0.1", server.port), 5) as client:
        client.sendall(Sender().window([b"{}"]))
        said = client.makefile("rb").read(24)
    assert said == ack(0) * 3 + ack(1)


def test_a_duplicate_acknowledgement_comes_twice():
    server, _ = lumberjack("ok, ok")
    with server, socket.create_connection(("127.0.0.1", server.port), 5) as client:
        client.sendall(Sender().window([b"{}"] * 2))
        assert client.makefile("rb").read(12) == ack(2) * 2


def test_an_empty_window_is_answered_and_takes_no_phase():
    server, _ = lumberjack("close")
    with server, socket.create_connection(("127.0.0.1", server.port), 5) as client:
        client.sendall(Sender().window([]))
        assert client.makefile("rb").read(6) == ack(0)
        client.sendall(Sender().window([b"{}"]))
        assert client.recv(1) == b""


def test_pipelined_windows_take_a_phase_each():
    server, ledger = lumberjack("ok; ack 1; ok")
    windows = b"".join(Sender().window([line(n)] * 2) for n in range(3))
    with server, socket.create_connection(("127.0.0.1", server.port), 5) as client:
        client.sendall(windows)
        assert client.makefile("rb").read(24) == ack(2) + ack(1) + ack(2) + ack(2)
    assert ledger.acknowledged == 6


def test_a_reset_is_a_reset_on_the_wire():
    server, _ = lumberjack("reset at 6")
    with server, socket.create_connection(("127.0.0.1", server.port), 5) as client:
        client.sendall(struct.pack(">2sI", b"2W", 5))
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_slow_reader_reads_slowly():
    server, ledger = lumberjack("slow 2000")
    with server:
        sender = logstash_output(server.address, compression_level=0, timeout_s=0.2)
        with pytest.raises(Unavailable, match="no answer in time"):
            sender.send(TEN)
        sender.close()
    assert ledger.acknowledged == 0


def test_a_poisoned_line_ends_every_connection_that_brings_it():
    server, ledger = lumberjack("ok", poison=compiled('"n": 7'))
    with server:
        sender = logstash_output(server.address)
        for _ in range(2):
            with pytest.raises(Unavailable):
                sender.send(TEN)
        assert sender.send(TEN.part(0, 7)) == [DELIVERED] * 7
        sender.close()
    assert ledger.acknowledged == 7


def test_a_refused_connection_is_closed_and_the_next_one_is_not():
    server, _ = lumberjack("refuse")
    with server:
        sender = logstash_output(server.address)
        with pytest.raises(Unavailable):
            sender.send(TEN)
        assert sender.send(TEN) == ALL
        sender.close()


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def tls(authority, tmp_path):
    """A server's TLS, one that nobody trusts, and a client's settings."""
    contexts = []
    for issuer in (authority, trustme.CA()):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issuer.issue_cert("127.0.0.1").configure_cert(context)
        contexts.append(context)
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    place = Place(tls=contexts[0], wrong_tls=contexts[1])
    return place, TlsConfig(certificate_authorities=(str(trusted),))


def test_a_server_with_tls_closes_the_connections_that_its_clients_keep(tls):
    place, client = tls
    server, _ = lumberjack("ok", place=place)
    with server:
        output = logstash_output(server.address, ssl=client)
        assert output.send(TEN) == ALL
    assert server.is_idle
    output.close()


def test_tls_can_end_in_the_handshake_and_show_a_wrong_certificate(tls):
    place, client = tls
    server, _ = lumberjack("handshake; wrong-certificate", place=place)
    with server:
        sender = logstash_output(server.address, ssl=client)
        with pytest.raises(Unavailable):
            sender.send(TEN)
        with pytest.raises(Refused, match="not trusted"):
            sender.send(TEN)
        assert sender.send(TEN) == ALL
        sender.close()


@pytest.mark.parametrize(
    ("phase", "error"),
    [
        ("429", Unavailable),
        ("503", Unavailable),
        ("401", Refused),
        ("full", Unavailable),
        ("readonly", Refused),
        ("empty", ProtocolError),
        ("reset", Unavailable),
        ("reset at 10", Unavailable),
        ("close", (Unavailable, ProtocolError)),
        ("silence", Unavailable),
        ("half-open", Unavailable),
    ],
)
def test_a_request_that_fails_stores_nothing(phase, error):
    server, ledger = elasticsearch(phase)
    with server:
        sender = bulk_output(server.url, timeout_s=0.3)
        with pytest.raises(error):
            sender.send(TEN)
        assert ledger.acknowledged == 0
        assert sender.send(TEN) == ALL
        sender.close()


@pytest.mark.parametrize("phase", ["denied", "shards", "no-pipeline", "no-index"])
def test_lines_that_no_line_can_be_blamed_for_are_held(phase):
    server, ledger = elasticsearch(phase)
    with server:
        sender = bulk_output(server.url)
        assert {type(outcome) for outcome in sender.send(TEN)} == {Held}
        assert ledger.acknowledged == 0
        assert sender.send(TEN) == ALL
        sender.close()


@pytest.mark.parametrize("phase", ["lose", "cut 0", "cut 20"])
def test_what_was_stored_before_its_answer_was_lost_is_there_already(phase):
    lines = Lines.of(json.dumps({"n": n, "event": {"id": f"id-{n}"}}).encode() for n in range(10))
    server, ledger = elasticsearch(phase)
    with server:
        sender = bulk_output(server.url)
        with pytest.raises((Unavailable, ProtocolError)):
            sender.send(lines)
        assert sender.send(lines) == [DUPLICATE] * 10
        sender.close()
    assert ledger.acknowledged == 10


@pytest.mark.parametrize(
    ("phase", "outcomes", "stored"),
    [
        ("items 429 30%", [RETRY if n in {3, 6, 9} else DELIVERED for n in range(10)], 7),
        ("items 409 50%", [DUPLICATE if n % 2 else DELIVERED for n in range(10)], 10),
        (
            "items 503 matching [3-5]",
            [RETRY if n in {3, 4, 5} else DELIVERED for n in range(10)],
            7,
        ),
    ],
)
def test_lines_fail_by_share_or_pattern(phase, outcomes, stored):
    server, ledger = elasticsearch(phase)
    with server:
        sender = bulk_output(server.url)
        assert sender.send(TEN) == outcomes
        sender.close()
    assert ledger.acknowledged == stored


def test_a_poisoned_document_is_refused_with_400():
    server, ledger = elasticsearch("ok", poison=compiled('"n": 7'))
    with server:
        sender = bulk_output(server.url)
        outcomes = sender.send(TEN)
        sender.close()
    assert [one for one in outcomes if one is not DELIVERED] == [
        Rejected("400 document_parsing_exception: failed to parse a field of the document")
    ]
    assert ledger.acknowledged == 9


def test_a_body_over_the_limit_is_413_and_half_of_it_may_not_be():
    server, ledger = elasticsearch("ok", max_body_bytes=200)
    with server:
        sender = bulk_output(server.url, compression_level=0)
        assert sender.send(TEN) == ALL
        (outcome,) = sender.send(Lines.of([b'{"n":"%b"}' % bytes(b"x" * 300)]))
        assert "answers 413" in outcome.reason
        sender.close()
    assert ledger.acknowledged == 10


def test_shippers_that_look_at_the_cluster_first_find_one():
    server, _ = elasticsearch("ok")
    with server:
        for path in ("/", "/_license", "/_cat/health", "/_index_template/x", "/_ilm/policy/y"):
            with urllib.request.urlopen(server.url + path) as answer:
                assert answer.headers["X-elastic-product"] == "Elasticsearch"
                assert json.load(answer)


def test_index_replaces_where_create_conflicts():
    action = '{"%s":{"_index":"i","_id":"1"}}\n{"n":1}\n'
    server, ledger = elasticsearch("ok")
    statuses = []
    with server:
        for operation in ("index", "index", "create"):
            body = (action % operation).encode()
            request = urllib.request.Request(f"{server.url}/i/_bulk", body, method="POST")
            with urllib.request.urlopen(request) as answer:
                statuses.append(json.load(answer)["items"][0][operation]["status"])
    assert statuses == [201, 200, 409]
    assert ledger.acknowledged == 1


@pytest.mark.parametrize("body", [b'{"index":{}}\n{"n":1}', b'{"index":{}}\n', b"nonsense\n{}\n"])
def test_a_malformed_bulk_body_is_400(body):
    server, _ = elasticsearch("ok")
    with server, pytest.raises(HTTPError, match="400") as refused:
        urllib.request.urlopen(f"{server.url}/_bulk", body)
    refused.value.close()


@pytest.mark.parametrize(
    "phase", ["refuse", "reset at 30", "close at 30", "cut 0", "cut 3", "half-open", "silence 2s"]
)
def test_a_proxy_breaks_the_connection_and_lets_the_next_one_through(phase):
    server, ledger = lumberjack("ok")
    to = ("127.0.0.1", server.port)
    with server, ProxyServer(parse(phase, PROXY), to) as proxy:
        sender = logstash_output(proxy.address, timeout_s=0.5)
        with pytest.raises(Unavailable):
            sender.send(TEN)
        assert sender.send(TEN) == ALL
        sender.close()
    assert ledger.acknowledged in {10, 20}


def test_a_proxy_without_faults_is_not_noticed():
    server, _ = elasticsearch("ok")
    with server, ProxyServer(Script(), ("127.0.0.1", server.port)) as proxy:
        sender = bulk_output(f"http://{proxy.address}")
        assert [sender.send(TEN) for _ in range(3)] == [ALL] * 3
        sender.close()
