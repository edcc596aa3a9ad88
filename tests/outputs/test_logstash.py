"""The Logstash output against a strict server on a real socket."""

import gc
import json
import socket
import threading
import time

import pytest
from msgspec.structs import replace

from shipper.errors import Closed, ConfigError, ProtocolError, Unavailable
from shipper.lines import Lines, Origin
from shipper.outputs.base import DELIVERED, RETRY, Rejected
from shipper.outputs.hosts import split_host
from shipper.outputs.logstash.config import LogstashConfig
from shipper.outputs.logstash.output import Logstash
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


def test_metadata_is_the_last_member_and_the_rest_is_as_it_was():
    lines = [b'{"a":"caf\xc3\xa9 \\u00e9" , "b":1.0}', b"{}", b"{ }", b'{\t"x" :{}}', b'{ "y":[]}']
    with FakeLogstash() as server:
        sender = output(server.address, version="1.2")
        assert sender.send(Lines.of(lines)) == [DELIVERED] * 5
        assert sender.send(Lines.of(lines[:1])) == [DELIVERED]
        sender.close()
    end = b'"@metadata":{"beat":"mcp-shipper","type":"_doc","version":"1.2"}}'
    assert list(server.windows[0]) == [
        b'{"a":"caf\xc3\xa9 \\u00e9" , "b":1.0,' + end,
        b"{" + end,
        b"{" + end,
        b'{\t"x" :{},' + end,
        b'{ "y":[],' + end,
    ]
    assert list(server.windows[1]) == [b'{"a":"caf\xc3\xa9 \\u00e9" , "b":1.0,' + end]


@pytest.mark.parametrize("others", [(), (b"{}",)])
def test_a_line_cannot_replace_its_metadata(others):
    forged = b'{"@metadata":{"beat":"x","_id":"forged"},"n":1}'
    lines = Lines.of([forged, *others])
    placed = replace(lines, origins=[Origin(len(lines), "key", start=70)])
    with FakeLogstash() as server:
        sender = output(server.address, version="1.2")
        sender.send(lines)
        sender.send(placed)
        sender.close()
    own, given = (json.loads(window[0])["@metadata"] for window in server.windows)
    assert own == {"beat": "mcp-shipper", "type": "_doc", "version": "1.2"}
    assert given == {**own, "_id": "key-70"}


def test_each_line_carries_the_id_that_its_place_gives_it():
    lines = replace(THREE, origins=[Origin(1), Origin(2, "key", offsets=[8, 99])])
    with FakeLogstash() as server:
        sender = output(server.address)
        sender.send(lines)
        sender.close()
    assert [one["@metadata"].get("_id") for one in server.events] == [None, "key-8", "key-99"]


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


def test_windows_hold_no_more_than_a_mebibyte_but_one_line_of_any_size():
    big = b'{"a":"%b"}' % bytes(b"x" * (700 << 10))
    huge = b'{"a":"%b"}' % bytes(b"x" * (3 << 20))
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


def test_without_pipelining_later_windows_wait_for_the_lines_before_them():
    with FakeLogstash(says(2), says(1, HANG_UP)) as server:
        sender = output(server.address, bulk_max_size=2, pipelining=0)
        outcomes = sender.send(Lines.of([b"{}"] * 7))
        assert outcomes == [DELIVERED] * 3 + [RETRY] * 4
        assert len(server.windows) == 2
        sender.close()


def test_the_next_window_is_under_way_before_the_first_is_acknowledged():
    with FakeLogstash(says(), says(2, 0, 2), says(1)) as server:
        sender = output(server.address, bulk_max_size=2)
        assert sender.send(Lines.of([b"{}"] * 5)) == [DELIVERED] * 5
        sender.close()
    assert list(map(len, server.windows)) == [2, 2, 1]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_no_more_windows_are_under_way_than_configured(depth):
    with FakeLogstash(*[says()] * (depth - 1), hang_up) as server:
        sender = output(server.address, bulk_max_size=1, pipelining=depth)
        with pytest.raises(Unavailable):
            sender.send(Lines.of([b"{}"] * 9))
        sender.close()
    assert len(server.events) == depth


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((2, HANG_UP), 2),
        ((1, 0, HANG_UP), 1),
        ((1, 2, 1, HANG_UP), 3),
        ((2, 2, HANG_UP), 4),
        ((2, 2, 9), 4),
    ],
)
def test_acknowledgements_count_for_the_oldest_window_under_way(steps, expected):
    with FakeLogstash(says(), says(*steps)) as server:
        sender = output(server.address, bulk_max_size=2)
        outcomes = sender.send(Lines.of([b"{}"] * 4))
        sender.close()
    assert outcomes == [DELIVERED] * expected + [RETRY] * (4 - expected)


def test_windows_start_small_and_grow_if_asked_to():
    with FakeLogstash() as server:
        sender = output(server.address, slow_start=True, bulk_max_size=50, pipelining=1)
        assert sender.send(Lines.of([b"{}"] * 200)) == [DELIVERED] * 200
        sender.close()
    assert list(map(len, server.windows)) == [10, 16, 25, 38, 50, 50, 11]


def test_windows_are_halved_by_a_failure():
    with FakeLogstash(hang_up, hang_up) as server:
        sender = output(server.address, slow_start=True, pipelining=1)
        for _ in range(2):
            with pytest.raises(Unavailable):
                sender.send(Lines.of([b"{}"] * 20))
        sender.send(Lines.of([b"{}"] * 20))
        sender.close()
    assert list(map(len, server.windows))[:6] == [10, 0, 5, 0, 2, 4]


def test_after_its_time_a_connection_is_drained_and_made_anew():
    with FakeLogstash() as server:
        sender = output(server.address, ttl_s=1e-9, bulk_max_size=2)
        assert sender.send(Lines.of([b"{}"] * 5)) == [DELIVERED] * 5
        sender.close()
    assert (list(map(len, server.windows)), server.connections) == ([2, 2, 1], 3)
    assert server.faults == []


def test_a_new_connection_goes_to_the_address_that_the_name_has_now(monkeypatch):
    with FakeLogstash() as first, FakeLogstash() as second:
        ports = iter([first, second])

        def resolve(host, port, **_):
            assert (host, port) == ("logstash.example", 5044)
            server, _, port = next(ports).address.rpartition(":")
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (server, int(port)))]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        sender = output("logstash.example", ttl_s=1e-9)
        for _ in range(2):
            assert sender.send(THREE) == [DELIVERED] * 3
        sender.close()
    assert [len(first.windows), len(second.windows)] == [1, 1]


@pytest.fixture
def resolves(monkeypatch):
    """Makes every name have these addresses."""

    def to(*addresses):
        parts = [one.rpartition(":") for one in addresses]
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, int(port)))
            for host, _, port in parts
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: list(found))

    return to


def test_every_address_of_a_name_is_tried(resolves, closed_port):
    with FakeLogstash() as server:
        resolves(closed_port, server.address, closed_port)
        for _ in range(10):
            sender = output("logstash.example")
            assert sender.send(THREE) == [DELIVERED] * 3
            sender.close()


def test_the_addresses_of_a_name_share_the_load(resolves):
    with FakeLogstash() as first, FakeLogstash() as second:
        resolves(first.address, second.address)
        for _ in range(40):  # one of them alone: once in 2^39 runs
            sender = output("logstash.example")
            assert sender.send(THREE) == [DELIVERED] * 3
            sender.close()
    assert first.connections
    assert second.connections


def test_a_server_that_stalls_again_is_given_twice_the_time():
    stalls = says(*[0, 0.05] * 100)
    with FakeLogstash(stalls, stalls, stalls) as server:
        sender = output(server.address, stall_timeout_s=0.1)
        for found in (r"0\.1", r"0\.2", r"0\.4"):
            with pytest.raises(Unavailable, match=rf"has taken no line for {found} s"):
                sender.send(THREE)
        sender.close()


def test_a_server_that_lives_but_takes_nothing_is_left_in_the_end():
    with FakeLogstash(says(*[0, 0.05] * 100)) as server:
        sender = output(server.address, stall_timeout_s=0.3)
        with pytest.raises(Unavailable, match=r"is alive, but has taken no line for 0\.3 s"):
            sender.send(THREE)
        assert sender.send(THREE) == [DELIVERED] * 3
        sender.close()


def test_a_partial_acknowledgement_is_progress_and_no_stall():
    with FakeLogstash(says(1, *[0, 0.1] * 2, 2, *[0, 0.1] * 2, 3)) as server:
        sender = output(server.address, stall_timeout_s=0.35)
        assert sender.send(THREE) == [DELIVERED] * 3
        sender.close()


def test_a_server_that_forgets_to_say_it_lives_is_reminded_by_an_empty_window():
    with FakeLogstash(says(), empties=[says(0, 0.4, 3)]) as server:
        sender = output(server.address, timeout_s=0.6)
        assert sender.send(THREE) == [DELIVERED] * 3
        sender.close()
    assert list(map(len, server.windows))[:2] == [3, 0]


def many(count):
    return Lines.of([b'{"n":%d}' % n for n in range(count)])


def test_load_is_balanced_over_all_hosts_and_each_line_arrives_once():
    gates = threading.Barrier(2)

    def meets(size):  # neither host can have it all: each window waits for one at the other
        gates.wait(20)
        yield ack(size)

    with FakeLogstash(meets) as first, FakeLogstash(meets) as second:
        sender = output(first.address, second.address, loadbalance=True, bulk_max_size=5)
        assert sender.send(many(40)) == [DELIVERED] * 40
        sender.close()
    events = first.events + second.events
    assert sorted(event["n"] for event in events) == list(range(40))
    assert first.connections == second.connections == 1


def test_workers_are_connections_to_the_same_host():
    gates = threading.Barrier(3)

    def meets(size):
        gates.wait(20)
        yield ack(size)

    with FakeLogstash(*[meets] * 3) as server:
        sender = output(server.address, workers=3, bulk_max_size=1, pipelining=1)
        assert sender.send(THREE) == [DELIVERED] * 3
        sender.close()
    assert server.connections == 3


def test_a_host_that_is_down_costs_the_others_nothing(closed_port, caplog):
    with FakeLogstash() as server:
        sender = output(closed_port, server.address, loadbalance=True, bulk_max_size=5)
        for _ in range(3):
            assert sender.send(many(40)) == [DELIVERED] * 40
        assert sender.send(THREE) == [DELIVERED] * 3
        sender.close()
    (told,) = [one.message for one in caplog.records if closed_port in one.message]
    assert told.startswith("The other connections continue without one")


def test_a_host_that_swallows_connections_holds_nobody_up():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as hole, FakeLogstash() as server:
        held = [socket.socket() for _ in range(4)]
        for one in held:  # the kernel answers none once its queue is full
            one.setblocking(False)
            one.connect_ex(hole.getsockname())
        where = f"127.0.0.1:{hole.getsockname()[1]}"
        sender = output(where, server.address, loadbalance=True, bulk_max_size=5, timeout_s=5)
        began = time.monotonic()
        assert sender.send(many(40)) == [DELIVERED] * 40
        assert sender.send(THREE) == [DELIVERED] * 3
        assert time.monotonic() - began < 4
        sender.close()
        for one in held:
            one.close()


def test_when_every_host_is_down_that_is_told(closed_port):
    sender = output(closed_port, closed_port, loadbalance=True, bulk_max_size=5)
    for lines in (THREE, many(40)):
        with pytest.raises(Unavailable, match=closed_port):
            sender.send(lines)


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
        assert len(bad.events) <= 3
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
    members = poison[:-1]
    with FakeLogstash(closes_on=lambda payload: payload.startswith(members)) as server:
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


def test_nothing_is_rejected_by_a_server_that_proves_nothing_right_after():
    with FakeLogstash(hang_up, empties=[hang_up]) as server:
        sender = output(server.address)
        with pytest.raises(Closed) as caught:
            sender.send(Lines.of([b'{"":1}']))
        assert not caught.value.answers
        assert sender.send(Lines.of([b'{"":1}'])) == [DELIVERED]
        sender.close()


def test_a_timeout_rejects_nothing_even_of_suspect_lines():
    with FakeLogstash(says(SILENCE)) as server, pytest.raises(Unavailable):
        output(server.address, timeout_s=0.2).send(Lines.of([b'{"":1}']))


def test_the_probe_proves_an_acknowledgement_and_sends_no_event():
    with FakeLogstash() as server:
        said = output(server.address).probe()
    assert said == f"{server.address} (no TLS): connected, and it acknowledged an empty window"
    assert server.events == []


def test_the_probe_goes_to_every_host_that_is_used_and_says_which_fail(closed_port):
    with FakeLogstash() as first, FakeLogstash() as second:
        said = output(first.address, second.address, loadbalance=True).probe()
        assert first.address in said
        assert second.address in said
        with pytest.raises(Unavailable) as caught:
            output(closed_port, second.address, loadbalance=True).probe()
    assert str(caught.value) == (
        f"{closed_port}: Connection refused; "
        f"but {second.address} (no TLS): connected, and it acknowledged an empty window"
    )


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
