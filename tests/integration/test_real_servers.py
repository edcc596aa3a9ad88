"""The real servers do what the other tests take for granted."""

import http.client
import json
import socket
import ssl
import struct
import time
import zlib

import pytest
import trustme

from tests.real.lumberjack import Tls

NAME = "real-servers"


def ask(server, method, path, body=None):
    """Status and JSON answer; a list is sent as NDJSON."""
    lines = body if isinstance(body, list) else [body]
    sent = "".join(json.dumps(line) + "\n" for line in lines) if body is not None else None
    kind = "application/x-ndjson" if isinstance(body, list) else "application/json"
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    connection.request(method, path, sent, {"Content-Type": kind})
    answer = connection.getresponse()
    answered = answer.status, json.loads(answer.read())
    connection.close()
    return answered


def policy(**phases):
    return {"policy": {"phases": {name: {"actions": does} for name, does in phases.items()}}}


def put_policy(server, name, **phases):
    status, answer = ask(server, "PUT", f"/_ilm/policy/{name}", policy(**phases))
    cause = answer.get("error", answer)
    while "caused_by" in cause:
        cause = cause["caused_by"]
    return status, cause.get("reason", answer)


def test_a_valid_policy_is_accepted_and_read_back(elasticsearch):
    phases = {"hot": {"rollover": {"max_age": "30d"}}, "delete": {"delete": {}}}
    assert put_policy(elasticsearch, NAME, **phases) == (200, {"acknowledged": True})
    status, found = ask(elasticsearch, "GET", f"/_ilm/policy/{NAME}")
    assert status == 200
    assert found[NAME]["policy"]["phases"]["hot"]["actions"]["rollover"] == {"max_age": "30d"}
    assert ask(elasticsearch, "DELETE", f"/_ilm/policy/{NAME}") == (200, {"acknowledged": True})
    assert ask(elasticsearch, "GET", f"/_ilm/policy/{NAME}")[0] == 404


def test_an_unknown_rollover_condition_is_refused(elasticsearch):
    status, reason = put_policy(elasticsearch, NAME, hot={"rollover": {"max_moons": 1}})
    assert (status, reason) == (
        400,
        "[1:57] [rollover_conditions] unknown field [max_moons] did you mean [max_docs]?",
    )


def test_a_delete_action_in_the_hot_phase_is_refused(elasticsearch):
    status, reason = put_policy(elasticsearch, NAME, hot={"delete": {}})
    assert (status, reason) == (
        400,
        "Validation Failed: 1: invalid action [delete] defined in phase [hot];",
    )


def test_a_bulk_create_makes_the_data_stream_of_its_template(elasticsearch):
    stream = "logs-real.servers-default"
    failure = {"data_stream_options": {"failure_store": {"enabled": True}}}
    stand_ins = {
        "message": {"type": "match_only_text"},
        "data_stream.type": {"type": "constant_keyword", "value": "logs"},
        "url.path": {"type": "wildcard"},
        "cost": {"type": "scaled_float", "scaling_factor": 1000},
        "took": {"type": "long"},
    }
    template = {
        "index_patterns": ["logs-real.servers-*"],
        "priority": 500,
        "data_stream": {},
        "template": {
            "settings": {"index.lifecycle.name": NAME},
            "mappings": {"properties": stand_ins},
            **failure,
        },
    }
    assert ask(elasticsearch, "PUT", f"/_index_template/{NAME}", template)[0] == 200
    event = {"@timestamp": "2026-11-24T00:00:00Z", "message": "a word", "took": 5}
    lines = [{"create": {"_id": "one"}}, event]
    lines += [{"create": {"_id": "one"}}, event]
    lines += [{"create": {"_id": "two"}}, {**event, "took": "long"}]
    status, answer = ask(elasticsearch, "POST", f"/{stream}/_bulk", lines)
    outcomes = [
        (item["create"]["status"], item["create"].get("failure_store")) for item in answer["items"]
    ]
    assert (status, outcomes) == (200, [(201, None), (409, None), (201, "used")])
    status, found = ask(elasticsearch, "GET", f"/_data_stream/{stream}")
    described = found["data_streams"][0]
    assert (described["name"], described["template"]) == (stream, NAME)
    assert (len(described["indices"]), len(described["failure_store"]["indices"])) == (1, 1)
    assert ask(elasticsearch, "DELETE", f"/_data_stream/{stream}") == (200, {"acknowledged": True})
    assert ask(elasticsearch, "GET", f"/_data_stream/{stream}")[0] == 404
    assert ask(elasticsearch, "GET", "/_cat/indices?format=json") == (200, [])


def test_a_policy_in_use_is_not_deleted(elasticsearch):
    assert put_policy(elasticsearch, "in-use", delete={"delete": {}})[0] == 200
    index = {"settings": {"index.lifecycle.name": "in-use"}}
    assert ask(elasticsearch, "PUT", "/in-use-index", index)[0] == 200
    status, answer = ask(elasticsearch, "DELETE", "/_ilm/policy/in-use")
    assert (status, answer["error"]["reason"]) == (
        400,
        "Cannot delete policy [in-use]. It is in use by one or more indices: [in-use-index]",
    )
    assert ask(elasticsearch, "DELETE", "/in-use-index")[0] == 200
    assert ask(elasticsearch, "DELETE", "/_ilm/policy/in-use")[0] == 200


def window(*events):
    """A Lumberjack window by hand: the first event plain, the others in a compressed frame."""
    frames = [
        b"2J" + struct.pack(">II", number, len(event)) + event
        for number, event in enumerate(events, 1)
    ]
    packed = zlib.compress(b"".join(frames[1:]))
    frame = b"2C" + struct.pack(">I", len(packed)) + packed if frames[1:] else b""
    return b"2W" + struct.pack(">I", len(events)) + frames[0] + frame


def connect(server):
    host, _, port = server.address.partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def exchange(connection, *events):
    """What the server answers to one window."""
    connection.sendall(window(*events))
    answer = connection.recv(6)
    assert len(answer) in {0, 6}
    return answer


def send(server, *events):
    with connect(server) as connection:
        return exchange(connection, *events)


def ack(count):
    return b"2A" + struct.pack(">I", count)


def test_the_lumberjack_server_writes_a_window_down_and_acknowledges_it(lumberjack):
    seen = len(lumberjack.events())
    events = [b'{"first": 1}', '{"second":"ü"}'.encode(), b'{ "third" : null }']
    assert send(lumberjack, *events) == ack(3)
    assert lumberjack.events()[seen:] == events


def test_a_killed_lumberjack_server_goes_on_at_its_port_with_its_events(new_lumberjack):
    server = new_lumberjack()
    before = server.address
    assert send(server, b'{"n":1}') == ack(1)
    server.kill()
    server.restart()
    assert server.address == before
    assert send(server, b'{"n":2}', b'{"n":3}') == ack(2)
    totals = server.stop()
    assert (totals.events, totals.batches, totals.payload_bytes) == (2, 1, 14)
    assert server.events() == [b'{"n":1}', b'{"n":2}', b'{"n":3}']


def test_a_slow_lumberjack_server_acknowledges_late(new_lumberjack):
    server = new_lumberjack(keep=False, ack_delay_s=0.2)
    started = time.monotonic()
    assert send(server, b"{}") == ack(1)
    assert time.monotonic() - started >= 0.2
    assert server.events() == []


def test_a_lumberjack_server_with_tls_asks_for_a_certificate_of_its_authority(
    new_lumberjack, tmp_path
):
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    own.cert_chain_pems[0].write_to_path(tmp_path / "cert")
    own.private_key_pem.write_to_path(tmp_path / "key")
    authority.cert_pem.write_to_path(tmp_path / "ca")
    files = Tls(tmp_path / "cert", tmp_path / "key", client_ca=tmp_path / "ca")
    server = new_lumberjack(tls=files)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with (
        connect(server) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as stranger,
        pytest.raises(ssl.SSLError, match=r"(?i)certificate"),
    ):
        exchange(stranger, b"{}")
    authority.issue_cert("client").configure_cert(context)
    with connect(server) as plain:
        known = context.wrap_socket(plain, server_hostname="127.0.0.1")
        with known:
            assert exchange(known, b"{}") == ack(1)
    assert server.events() == [b"{}"]
