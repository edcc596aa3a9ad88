"""Conditions hold for the same events as Filebeat's."""

import json

import pytest
import yaml

from tests.processors.chains import chain

EVENT = {
    "@timestamp": "2026-11-24T10:00:00Z",
    "message": "connection reset by peer",
    "log.level": "error",
    "http": {"response": {"status": 404, "took": 0.75, "text": "404"}, "version": None},
    "source": {"ip": "10.1.2.3"},
    "peers": ["203.0.113.9", "nonsense", "::ffff:192.168.1.1"],
    "tags": ["blue", "green", 7],
    "ok": True,
    "count": 12345678901234567890,
    "a.b": {"c": 1},
    "deep": {"x.y": 1},
}

HOLD = [
    "equals: {http.response.status: 404}",
    "equals: {http.response.text: '404'}",
    "equals: {log.level: error, ok: true}",
    "equals: {count: 12345678901234567890}",
    "equals: {deep.x.y: 1}",
    "contains: {message: reset}",
    "contains: {tags: lu}",
    "contains: {message: ''}",
    "regexp: {message: '^connection .* peer$'}",
    "regexp: {tags: 'gr..n'}",
    "regexp: {log.level: '(?i)ERR'}",
    "range: {http.response.status.gte: 404}",
    "range: {http.response.status: {gte: 400, lt: 500}}",
    "range: {http.response.took.gt: 0.5, http.response.took.lte: 0.75}",
    "range: {http.response.text.gt: '403'}",
    "range: {count.gt: 12345678901234567889}",
    "network: {source.ip: private}",
    "network: {source.ip: 10.0.0.0/8}",
    "network: {source.ip: ['192.0.2.0/24', 10.1.2.3/8]}",
    "network: {peers: public}",
    "network: {peers: [192.168.0.0/16]}",
    "network: {peers: private, source.ip: unicast}",
    "has_fields: [message, http.response.took, log.level]",
    "has_fields: [http.version]",
    "has_fields: []",
    "or: [{equals: {ok: false}}, {equals: {ok: true}}]",
    "and: [{has_fields: [ok]}, {contains: {message: peer}}]",
    "not: {equals: {ok: false}}",
    "not: {has_fields: [nothing]}",
]
DO_NOT_HOLD = [
    "equals: {http.response.status: '404'}",
    "equals: {http.response.text: 404}",
    "equals: {http.response.took: 0}",
    "equals: {ok: 1}",
    "equals: {ok: 'true'}",
    "equals: {tags: blue}",
    "equals: {log.level: error, ok: false}",
    "equals: {nothing: ''}",
    "contains: {message: Reset}",
    "contains: {tags: red}",
    "contains: {http.response.status: '4'}",
    "contains: {http: status}",
    "regexp: {message: '^reset'}",
    "regexp: {http.response.status: '404'}",
    "range: {http.response.status.lt: 404}",
    "range: {http.response.status.gte: 404, http.response.took.gt: 1}",
    "range: {message.gt: 0}",
    "range: {ok.gte: 1}",
    "range: {tags.gte: 1}",
    "range: {nothing.gte: 0}",
    "network: {source.ip: public}",
    "network: {source.ip: loopback}",
    "network: {message: private}",
    "network: {peers: private, source.ip: public}",
    "has_fields: [message, nothing]",
    "has_fields: [http.response.status.deeper]",
    "has_fields: [a.b.c]",
    "or: [{equals: {ok: false}}, {has_fields: [nothing]}]",
    "and: [{has_fields: [ok]}, {has_fields: [nothing]}]",
    "not: {has_fields: [ok]}",
]


def holds(condition, line):
    """Whether the condition holds: then the chain drops the event."""
    when = yaml.safe_load(condition)
    return chain(yaml.safe_dump([{"drop_event": {"when": when}}])).apply(line) is None


@pytest.mark.parametrize("condition", HOLD)
def test_a_condition_holds(condition):
    assert holds(condition, json.dumps(EVENT).encode())


@pytest.mark.parametrize("condition", DO_NOT_HOLD)
def test_a_condition_does_not_hold(condition):
    assert not holds(condition, json.dumps(EVENT).encode())


@pytest.mark.parametrize("condition", [*HOLD, *DO_NOT_HOLD])
def test_the_check_of_the_bytes_rules_out_only_false_conditions(condition):
    plain = json.dumps(EVENT).encode()
    assert rb"\u" not in plain
    # An escape of any character opens the gate, so that the condition itself is asked.
    asked = json.dumps(EVENT | {"other": "é"}).encode()
    assert rb"\u" in asked
    assert holds(condition, plain) == holds(condition, asked)


@pytest.mark.parametrize(
    ("condition", "line"),
    [
        ("equals: {message: été}", rb'{"message":"\u00e9t\u00e9"}'),
        ("contains: {message: /path}", rb'{"message":"a\/path"}'),
        ("contains: {message: 'say \"x\"'}", rb'{"message":"I say \"x\""}'),
        (r"contains: {message: 'a\b'}", rb'{"message":"a\\b"}'),
        (r'contains: {message: "a\tb"}', rb'{"message":"a\tb"}'),
        ("equals: {a/b: c}", rb'{"a\/b":"c"}'),
        ("has_fields: [message]", rb'{"m\u0065ssage":1}'),
        ("equals: {n: 0}", b'{"n":-0}'),
        ("equals: {message: é}", '{"message":"é"}'.encode()),
    ],
)
def test_a_condition_holds_however_the_line_spells_it(condition, line):
    assert holds(condition, line)


NETWORKS = {
    "loopback": (["127.0.0.1", "127.9.9.9", "::1"], ["128.0.0.1", "::2"]),
    "unicast": (
        ["8.8.8.8", "10.0.0.1", "2001:db8::1"],
        ["255.255.255.255", "224.0.0.1", "0.0.0.0"],
    ),
    "multicast": (["224.0.0.1", "239.1.1.1", "ff05::2"], ["223.255.255.255", "fe80::1"]),
    "interface_local_multicast": (["ff01::1", "ff11::1"], ["ff02::1", "224.0.0.1"]),
    "link_local_unicast": (["169.254.1.1", "fe80::1"], ["169.253.1.1", "fec0::1"]),
    "link_local_multicast": (["224.0.0.251", "ff02::fb", "ff12::1"], ["224.0.1.1", "ff05::1"]),
    "private": (["10.0.0.1", "172.31.0.1", "192.168.0.1", "fd00::1"], ["172.32.0.1", "fe80::1"]),
    "public": (
        ["8.8.8.8", "172.32.0.1", "2001:db8::1"],
        ["10.0.0.1", "::", "127.0.0.1", "ff02::1"],
    ),
    "unspecified": (["0.0.0.0", "::"], ["0.0.0.1", "::1"]),
    "2001:db8::/32": (["2001:db8:1::1"], ["2001:db9::1", "1.2.3.4"]),
    "192.0.2.0/24": (["192.0.2.255", "::ffff:192.0.2.1"], ["192.0.3.0", "192.0.2.1%eth0", "x"]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_contains_exactly_its_addresses(name):
    inside, outside = NETWORKS[name]
    condition = f"network: {{ip: '{name}'}}"
    found = [ip for ip in inside + outside if holds(condition, json.dumps({"ip": ip}).encode())]
    assert found == inside
