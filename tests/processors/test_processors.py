"""Each processor, by cases: how it changes an event, and when it leaves it unchanged."""

import base64
import hashlib

import pytest

from tests.processors.chains import chain, through

CASES = {
    "add_fields puts its fields below `fields`": (
        "- add_fields: {fields: {a: 1, b: {c: [2]}}}",
        {"x": 1},
        {"x": 1, "fields": {"a": 1, "b": {"c": [2]}}},
    ),
    "add_fields merges objects and replaces other values": (
        "- add_fields: {target: '', fields: {o: {a: 1}, s: 2}}",
        {"o": {"a": 0, "b": 0}, "s": {"x": 0}},
        {"o": {"a": 1, "b": 0}, "s": 2},
    ),
    "add_fields puts an object where another value was": (
        "- add_fields: {target: o, fields: {a: 1}}",
        {"o": "text"},
        {"o": {"a": 1}},
    ),
    "add_fields nests a dotted target": (
        "- add_fields: {target: a.b, fields: {c.d: 1}}",
        {},
        {"a": {"b": {"c": {"d": 1}}}},
    ),
    "add_fields replaces a field that is spelt at the root": (
        "- add_fields: {target: service, fields: {name: new}}",
        {"service.name": "old", "service.version": "1"},
        {"service.version": "1", "service": {"name": "new"}},
    ),
    "add_tags makes a list": ("- add_tags: {tags: [a, b]}", {}, {"tags": ["a", "b"]}),
    "add_tags appends to a list": (
        "- add_tags: {tags: [b], target: env.names}",
        {"env": {"names": ["a"]}},
        {"env": {"names": ["a", "b"]}},
    ),
    "add_tags makes a list of a lone value": (
        "- add_tags: {tags: b}",
        {"tags": "a"},
        {"tags": ["a", "b"]},
    ),
    "add_tags takes null for nothing": ("- add_tags: {tags: b}", {"tags": None}, {"tags": ["b"]}),
    "drop_event drops": ("- drop_event: {when: {has_fields: [a]}}", {"a": 1}, None),
    "drop_event without a condition drops all": ("- drop_event:", {"a": 1}, None),
    "drop_fields drops nested fields, and leaves their object": (
        "- drop_fields: {fields: [a.b, c]}",
        {"a": {"b": 1}, "c": {"d": 1}, "e": 1},
        {"a": {}, "e": 1},
    ),
    "drop_fields drops what is spelt at the root, too": (
        "- drop_fields: {fields: [http, log.level]}",
        {"http.method": "GET", "http": {"x": 1}, "httpd": 1, "log.level": "info"},
        {"httpd": 1},
    ),
    "drop_fields keeps the time and the type": (
        "- drop_fields: {fields: ['@timestamp', type, type.x, '/./']}",
        {"@timestamp": "x", "type": {"x": 1}, "types": 1},
        {"@timestamp": "x", "type": {"x": 1}},
    ),
    "drop_fields takes patterns of paths": (
        "- drop_fields: {fields: ['/_id$/', '/^a[.]b/']}",
        {"user_id": 1, "x": {"id": 1, "y_id": 2}, "a": {"b": 1, "bc": {"d": 2}, "c": 3}},
        {"x": {"id": 1}, "a": {"c": 3}},
    ),
    "drop_fields with no fields drops none": ("- drop_fields: {fields: []}", {"a": 1}, {"a": 1}),
    "include_fields keeps only its fields, the time and the type": (
        "- include_fields: {fields: [a.b, c, nothing]}",
        {"@timestamp": "t", "type": "x", "a": {"b": 1, "x": 2}, "c": {"d": 1}, "e": 1},
        {"@timestamp": "t", "type": "x", "a": {"b": 1}, "c": {"d": 1}},
    ),
    "include_fields keeps what is spelt at the root": (
        "- include_fields: {fields: [log]}",
        {"log.level": "info", "log": {"logger": "x"}, "logs": 1},
        {"log.level": "info", "log": {"logger": "x"}},
    ),
    "include_fields with no fields keeps the time and the type": (
        "- include_fields: {fields: []}",
        {"@timestamp": "t", "a": 1},
        {"@timestamp": "t"},
    ),
    "rename moves a field": (
        "- rename: {fields: [{from: a.g, to: e.d}]}",
        {"a": {"g": 1}},
        {"a": {}, "e": {"d": 1}},
    ),
    "rename moves a field into its own place": (
        "- rename: {fields: [{from: a, to: a.value}]}",
        {"a": 1},
        {"a": {"value": 1}},
    ),
    "rename goes in order": (
        "- rename: {fields: [{from: b, to: c}, {from: a, to: b}]}",
        {"a": 1, "b": 2},
        {"c": 2, "b": 1},
    ),
    "rename never replaces a field, and takes all back": (
        "- rename: {fields: [{from: x, to: y}, {from: a, to: b}]}",
        {"x": 0, "a": 1, "b": 2},
        {
            "x": 0,
            "a": 1,
            "b": 2,
            "error": {
                "message": "a cannot become b, which already exists; drop or rename it first"
            },
        },
    ),
    "rename continues after an error, if so configured": (
        "- rename: {fail_on_error: false, fields: [{from: a, to: b}, {from: x, to: y}]}",
        {"x": 0, "a": 1, "b": 2},
        {"y": 0, "a": 1, "b": 2},
    ),
    "rename loses no field for which there is no place": (
        "- rename: {fail_on_error: false, fields: [{from: a, to: t.b}]}",
        {"a": 1, "t": "text"},
        {"a": 1, "t": "text"},
    ),
    "rename tells of a missing field": (
        "- rename: {fields: [{from: a, to: b}]}",
        {"x": 1},
        {"x": 1, "error": {"message": "a cannot become b: a does not exist"}},
    ),
    "an error is not reported if the event has no room for the message": (
        "- rename: {fields: [{from: a, to: b}]}",
        {"error": "text"},
        {"error": "text"},
    ),
    "rename may ignore a missing field": (
        "- rename: {ignore_missing: true, fields: [{from: a, to: b}, {from: x, to: y}]}",
        {"x": 1},
        {"y": 1},
    ),
    "copy_fields copies": (
        "- copy_fields: {fields: [{from: message, to: event.original}]}",
        {"message": "m"},
        {"message": "m", "event": {"original": "m"}},
    ),
    "copy_fields never replaces a field": (
        "- copy_fields: {fail_on_error: false, fields: [{from: a, to: b}]}",
        {"a": 1, "b": 2},
        {"a": 1, "b": 2},
    ),
    "truncate_fields cuts by characters and says so": (
        "- truncate_fields: {fields: [m], max_characters: 3}",
        {"m": "äöüß"},
        {"m": "äöü", "log": {"flags": ["truncated"]}},
    ),
    "truncate_fields cuts by bytes, between characters": (
        "- truncate_fields: {fields: [m], max_bytes: 3}",
        {"m": "äöü", "log": {"flags": ["x"]}},
        {"m": "ä", "log": {"flags": ["x", "truncated"]}},
    ),
    "truncate_fields leaves what fits": (
        "- truncate_fields: {fields: [m], max_bytes: 4}",
        {"m": "äö"},
        {"m": "äö"},
    ),
    "truncate_fields tells what it cannot cut": (
        "- truncate_fields: {fields: [m], max_bytes: 4}",
        {"m": 123456},
        {"m": 123456, "error": {"message": "m cannot be cut: it is not a text"}},
    ),
    "truncate_fields may ignore what it cannot cut": (
        "- truncate_fields: {fields: [n, m], max_bytes: 1, fail_on_error: false}",
        {"m": "ab", "n": 1},
        {"m": "a", "n": 1, "log": {"flags": ["truncated"]}},
    ),
    "fingerprint tells of a missing field, and drops nothing": (
        "- fingerprint: {fields: [a, b]}",
        {"a": 1},
        {"a": 1, "error": {"message": "no fingerprint: b does not exist"}},
    ),
    "fingerprint is of single values": (
        "- fingerprint: {fields: [a]}",
        {"a": [1]},
        {"a": [1], "error": {"message": "no fingerprint: a has more than one value"}},
    ),
    "when asks before": (
        "- add_tags: {tags: x, when: {equals: {a: 1}}}",
        {"a": 2},
        {"a": 2},
    ),
    "if goes one way": (
        """
- if: {equals: {a: 1}}
  then: [{add_tags: {tags: one}}, {drop_fields: {fields: a}}]
  else: {add_tags: {tags: other}}
""",
        {"a": 1},
        {"tags": ["one"]},
    ),
    "else goes the other": (
        "- if: {equals: {a: 1}}\n  then: [{drop_event: }]\n  else: {add_tags: {tags: other}}",
        {"a": 2},
        {"a": 2, "tags": ["other"]},
    ),
    "a condition sees what processors before it did": (
        "- add_fields: {target: '', fields: {a: 1}}\n- drop_event: {when: {equals: {a: 1}}}",
        {"b": 1},
        None,
    ),
    "nothing comes after a dropped event": (
        "- drop_event:\n- add_tags: {tags: x}",
        {"a": 1},
        None,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_that(case):
    text, event, expected = CASES[case]
    assert through(text, event) == expected


@pytest.mark.parametrize("method", ["md5", "sha1", "sha256", "sha384", "sha512"])
def test_a_fingerprint_covers_sorted_names_and_values_as_in_filebeat(method):
    event = {"b": "two", "a": {"x": 1}, "t": True, "n": None, "f": 1.50}
    text = f"- fingerprint: {{fields: [b, a.x, b, t, n, gone], method: {method}, {{}}}}"
    text = text.replace("{}", "ignore_missing: true, target_field: event.id")
    digest = hashlib.new(method, b"|a.x|1|b|two|n|<nil>|t|true|").hexdigest()
    assert through(text, event)["event"]["id"] == digest


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("hex", base64.b16encode), ("base32", base64.b32encode), ("base64", base64.b64encode)],
)
def test_a_fingerprint_has_the_configured_encoding(encoding, encode):
    digest = hashlib.sha256(b"|a|1.50|").digest()
    made = through(f"- fingerprint: {{fields: a, encoding: {encoding}}}", b'{"a":1.50}')
    assert made["fingerprint"] in {encode(digest).decode(), encode(digest).decode().lower()}


def test_one_event_does_not_change_the_next():
    steps = chain(
        "- add_fields: {fields: {list: [1], o: {a: 1}}}\n- add_tags: {tags: x, target: fields.list}"
        "\n- add_fields: {fields: {o: {b: 2}}}"
    )
    first = steps.apply(b'{"n":1}')
    assert steps.apply(b'{"n":1}') == first
    assert first == b'{"n":1,"fields":{"list":[1,"x"],"o":{"a":1,"b":2}}}'


@pytest.mark.parametrize(
    "text",
    ["- drop_fields: {fields: [a.password]}", "- include_fields: {fields: [n]}"],
)
@pytest.mark.parametrize(
    "line",
    [
        b'{"n":1,"a":{"password":"hunter2"},"a":{"b":1}}',
        b'{"n":1,"a":{"password":"hunter2","password":""}}',
        b'{"a":{"password":"hunter2"},"n":1,"\\u0061":{"b":1}}',
    ],
)
def test_a_field_to_drop_is_dropped_where_its_parent_comes_twice(text, line):
    assert b"hunter2" not in chain(text).apply(line)
