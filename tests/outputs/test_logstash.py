"""The Logstash output against a strict server on a real socket."""

import gc
import socket

import pytest

from shipper.errors import ConfigError, ProtocolError, Unavailable
from shipper.outputs.base import DELIVERED, RETRY, Lines, Rejected
from shipper.outputs.logstash import Logstash, LogstashConfig, split_host
from shipper.wire.lumberjack import ack
from tests.fakes import HANG_UP, SILENCE, FakeLogstash, hang_up, reset, says
from tests.real.processes import wait_until

THREE = Lines.of([b'{"n":1}', b'{"n":2}', b'{"n":3}'])


def output(*hosts, **options):
    return Logstash(LogstashConfig(hosts=hosts, **{"timeout_s": 5.0, **options}))


@pytest.fixture
def closed_port():
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        host, port = held.getsockname()
    return f"{host}:{port}"


@pytest.mark.parametrize("level", [0, 1, 3, 6, 9])
def test_lines_arrive_in_order_with_metadata_at_any_level(level):
    with FakeLogstash() as server:
        sender = output(server.address, compression_level=level, index="audit", version="1.2.3")
        assert sender.send(THREE) == [DELIVERED] * 3
        sender.close()
    metadata = {"beat": "audit", "type": "_doc", "version": "1.2.3"}
    assert server.events == [{"@metadata": metadata, "n": n} for n in (1, 2, 3)]


def test_metadata_is_the_first_member_and_the_rest_is_as_it_was():
    lines = [b'{"a":"caf\xc3\xa9 \\u00e9" , "b":1.0}', b"{}", b"{ }", b'{\t"x" :{}}', b'{ "y":[]}']
    with FakeLogstash() as server:
        sender = output(server.address)
        assert sender.send(Lines.of(lines)) == [DELIVERED] * 5
        sender.close()
    start = b'{"@metadata":{"beat":"mcp-shipper","type":"_doc","version":"0"}'
    assert list(server.windows[0]) == [
        start + b',"a":"caf\xc3\xa9 \\u00e9" , "b":1.0}',
        start + b"}",
        start + b"}",
        start + b',"x" :{}}',
        start + b',"y":[]}',
    ]


def test_one_connection_serves_many_windows():
    with FakeLogstash() as server:
        sender = output(server.address)
        for _ in range(5):
            assert sender.send(THREE) == [DELIVERED] * 3
        sender.close()
    assert (len(server.windows), server.connections) == (5, 1)


def test_windows_hold_no_more_than_bulk_max_size_lines():
    with FakeLogstash() as server:
        sender = output(server.address, bulk_max_size=2)
        assert sender.send(Lines.of([b"{}"] * 5)) == [DELIVERED] * 5
        sender.close()
    assert list(map(len, server.windows)) == [2, 2, 1]


def test_windows_hold_no_more_than_four_mebibytes_but_one_line_of_any_size():
    big = b'{"a":"%b"}' % bytes(b"x" * (3 << 20))
    huge = b'{"a":"%b"}' % bytes(b"x" * (6 << 20))
    with FakeLogstash() as server:
        sender = output(server.address)
        assert sender.send(Lines.of([b"{}", big, big, huge, b"{}"])) == [DELIVERED] * 5
        sender.close()
    assert list(map(len, server.windows)) == [2, 1, 1, 1]


def test_keep_alives_extend_the_wait_beyond_the_timeout():
    with FakeLogstash(says(*[0, 0.3] * 4, 3)) as server:
        sender = output(server.address, timeout_s=0.6)
        assert sender.send(THREE) == [DELIVERED] * 3
        sender.close()


def test_silence_is_unavailable_after_the_timeout():
    with FakeLogstash(says(SILENCE)) as server:
        sender = output(server.address, timeout_s=0.2)
        with pytest.raises(Unavailable, match="no answer in time"):
            sender.send(THREE)


@pytest.mark.parametrize("answer", [hang_up, reset])
def test_a_connection_lost_before_any_acknowledgement_is_unavailable(answer):
    with FakeLogstash(answer) as server:
        sender = output(server.address)
        with pytest.raises(Unavailable, match="closed the connection"):
            sender.send(THREE)
        assert sender.send(THREE) == [DELIVERED] * 3
        sender.close()


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((1, HANG_UP), [DELIVERED, RETRY, RETRY]),
        ((2, 0, HANG_UP), [DELIVERED, DELIVERED, RETRY]),
        ((2, 1, HANG_UP), [DELIVERED, DELIVERED, RETRY]),
        ((1, 2, 3), [DELIVERED, DELIVERED, DELIVERED]),
        ((2, 9), [DELIVERED, DELIVERED, RETRY]),
    ],
)
def test_what_was_acknowledged_before_a_failure_is_delivered_and_the_rest_is_not(steps, expected):
    with FakeLogstash(says(*steps)) as server:
        sender = output(server.address)
        assert sender.send(THREE) == expected
        sender.close()


@pytest.mark.parametrize("whole", [ack(3), ack(0) + ack(3)])
def test_a_connection_cut_at_any_byte_of_the_acknowledgement_delivers_nothing(whole):
    for length in range(len(whole)):
        with FakeLogstash(says(whole[:length], HANG_UP)) as server:
            sender = output(server.address)
            with pytest.raises(Unavailable):
                sender.send(THREE)


@pytest.mark.parametrize("answer", [ack(4), b"HTTP/1.1 400 Bad Request\r\n\r\n", b"2J\0\0\0\1"])
def test_an_answer_outside_the_protocol_is_an_error_and_ends_the_connection(answer):
    with FakeLogstash(says(answer, SILENCE)) as server:
        sender = output(server.address)
        with pytest.raises(ProtocolError):
            sender.send(THREE)
        server.answers.clear()
        assert sender.send(THREE) == [DELIVERED] * 3
        assert server.connections == 2
        sender.close()


def test_later_windows_wait_for_the_lines_before_them():
    with FakeLogstash(says(2), says(1, HANG_UP)) as server:
        sender = output(server.address, bulk_max_size=2)
        outcomes = sender.send(Lines.of([b"{}"] * 7))
        assert outcomes == [DELIVERED] * 3 + [RETRY] * 4
        assert len(server.windows) == 2
        sender.close()


def test_a_connection_that_the_server_closed_while_idle_is_replaced_unnoticed():
    with FakeLogstash(says(3, HANG_UP)) as server:
        sender = output(server.address)
        assert sender.send(THREE) == [DELIVERED] * 3
        wait_until(lambda: server.is_idle, 5, "the server has closed the connection")
        assert sender.send(THREE) == [DELIVERED] * 3
        assert server.connections == 2
        sender.close()


def test_the_next_host_is_tried_when_one_is_down(closed_port):
    with FakeLogstash() as server:
        for hosts in ((closed_port, server.address), (server.address, closed_port)):
            sender = output(*hosts)
            assert sender.send(THREE) == [DELIVERED] * 3
            sender.close()


def test_a_failing_host_is_left_for_the_next():
    with FakeLogstash(*[hang_up] * 9) as bad, FakeLogstash() as good:
        sender = output(bad.address, good.address)
        outcomes = []
        for _ in range(2):
            try:
                outcomes = sender.send(THREE)
            except Unavailable:
                continue
        assert outcomes == [DELIVERED] * 3
        assert len(bad.windows) <= 1
        sender.close()


def test_when_no_host_answers_it_is_unavailable_and_says_which(closed_port):
    with pytest.raises(Unavailable, match=closed_port):
        output(closed_port).send(THREE)


def test_a_name_that_does_not_resolve_is_unavailable():
    with pytest.raises(Unavailable, match="cannot be resolved"):
        output("nowhere.invalid:5044").send(THREE)


def test_it_reaches_ipv6_addresses():
    with FakeLogstash(host="::1") as server:
        sender = output(server.address)
        assert sender.send(THREE) == [DELIVERED] * 3
        sender.close()


POISON = {
    b'{"a":{"":1}}': "an empty key",
    b'{"a":' * 1001 + b"1" + b"}" * 1001: "nests deeper than 1000",
    b'{"a":' + b"1" * 10_001 + b"}": "a number of more than 10000",
    b'{"' + b"k" * 50_001 + b'":1}': "a key of more than 50000",
}


@pytest.mark.parametrize(("poison", "reason"), POISON.items(), ids=POISON.values())
def test_a_line_that_closes_the_connection_is_told_from_its_neighbours(poison, reason):
    members = poison[1:]
    with FakeLogstash(closes_on=lambda payload: payload.endswith(members)) as server:
        sender = output(server.address)
        good, bad, other = sender.send(Lines.of([b'{"a":"\\":"}', poison, b'{"n":2}']))
        assert (good, other) == (RETRY, RETRY)
        assert isinstance(bad, Rejected)
        assert reason in bad.reason
        assert sender.send(Lines.of([b'{"n":1}', b'{"n":2}'])) == [DELIVERED] * 2
        sender.close()


def test_a_closed_connection_rejects_nothing_when_no_line_explains_it():
    with FakeLogstash(hang_up) as server, pytest.raises(Unavailable):
        output(server.address).send(Lines.of([b'{"a":"\\"\\":"}', b'{"b":[[]]}']))


def test_a_timeout_rejects_nothing_even_of_suspect_lines():
    with FakeLogstash(says(SILENCE)) as server, pytest.raises(Unavailable):
        output(server.address, timeout_s=0.2).send(Lines.of([b'{"":1}']))


def test_the_probe_proves_an_acknowledgement_and_sends_no_event():
    with FakeLogstash() as server:
        said = output(server.address).probe()
    assert said == f"{server.address} (no TLS): connected, and it acknowledged an empty window"
    assert server.events == []


def test_the_probe_says_when_nobody_is_there(closed_port):
    with pytest.raises(Unavailable, match=closed_port):
        output(closed_port).probe()


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("a.example", ("a.example", 5044)),
        ("a.example:1", ("a.example", 1)),
        ("[::1]:2", ("::1", 2)),
        ("[::1]", ("::1", 5044)),
        ("::1", ("::1", 5044)),
    ],
)
def test_hosts_are_read_as_filebeat_reads_them(where, expected):
    assert split_host(where, 5044) == expected


@pytest.mark.parametrize("hosts", [(), ("",), (":5044",), ("a:b",), ("[]:1",)])
def test_hosts_that_name_nothing_stop_before_starting(hosts):
    with pytest.raises(ConfigError):
        Logstash(LogstashConfig(hosts=hosts))


def test_close_leaves_no_socket_behind():
    with FakeLogstash() as server:
        sender = output(server.address)
        sender.send(THREE)
        sender.close()
        sender.close()
    gc.collect()  # an open socket would be a ResourceWarning, which is an error
