"""Processors in the configuration: Filebeat's words, every problem at once."""

import pytest

from shipper.config.processors import PROCESSORS, read_processors
from shipper.config.read import new_reader
from shipper.errors import ConfigError
from shipper.yaml.parse import parse
from tests.processors.chains import chain


def problems(text):
    with pytest.raises(ConfigError) as caught:
        chain(text)
    return [str(problem) for problem in caught.value.problems]


def test_every_problem_is_reported_with_its_line_and_the_known_names():
    reported = problems(
        """\
- disect: {tokenizer: "%{a}"}
- add_fields: {feilds: {a: 1}}
- drop_event: {when: {equals: {a: 1.5}, contains: {b: x}}}
- drop_event: {when: {contains: {status: 200}}}
- drop_event: {when: {range: {a: 1, b.ge: 2, c.lt: many}}}
- drop_event: {when: {network: {ip: [private, 10.0.0.1, lan]}}}
- drop_event: {when: {regexp: {a: "(", b: "[[:nope:]]"}}}
- drop_event: {when: {or: {equals: {a: 1}}}}
- rename: {fields: [{from: a}, {from: a..b, to: "@metadata.x"}]}
- truncate_fields: {fields: [a], max_bytes: 1, max_characters: 1}
- fingerprint: {fields: [a], method: xxhash}
- add_tags: {tags: a}
  drop_event:
- add_tags
- if: {equals: {a: 1}}
"""
    )
    names = ", ".join(PROCESSORS)
    conditions = "equals, contains, regexp, range, network, has_fields, or, and, not"
    assert conditions
    where = [problem.partition(":")[2].partition(" ")[0] for problem in reported]
    assert [line.rstrip(":") for line in where] == [
        *("2", "3", "3", "4", "5", "6", "6", "6", "7", "7", "8", "8", "9", "10", "10", "10"),
        *("11", "12", "13", "15", "16"),
    ]
    assert reported[0].endswith(f"'disect' is not one of {names}")
    assert reported[1].endswith("feilds: unknown key; did you mean 'fields'?")
    assert reported[2].endswith("fields is required")
    assert "expected one condition, found equals, contains" in reported[3]
    assert reported[4].endswith("expected text, found 200; put it in quotes")
    assert reported[5].endswith("expected one of gte, gt, lte, lt after the field")
    assert reported[7].endswith("expected a number, found 'many'")
    assert "'10.0.0.1' is neither a network such as 192.0.2.0/24 nor one of loopback" in reported[8]
    assert "not a regular expression in Go's syntax" in reported[10]
    assert reported[12].endswith("expected a list of conditions, found a mapping")
    assert reported[13].endswith("to is required")
    assert reported[14].endswith("'a..b' is not the path of a field")
    assert "an event has no @metadata here" in reported[15]
    assert reported[16].endswith("one of max_bytes and max_characters is required, not both")
    assert "'xxhash' is not one of md5, sha1, sha256, sha384, sha512" in reported[17]
    assert reported[18].endswith("expected one processor by its name, found add_tags, drop_event")
    assert reported[19].endswith("expected one processor by its name, found 'add_tags'")
    assert reported[20].endswith(
        "then is required: the processors for events that meet the condition"
    )


def test_where_no_api_server_can_be_asked_a_note_says_so():
    reader = new_reader()
    tree, _ = parse("processors: [{add_kubernetes_metadata: {host: x}}]", "c.yml")
    read_processors(reader, tree.children["processors"])
    assert "only the names of logs are known" in reader.remarks[0]


def test_a_fractional_value_cannot_be_equal_to_anything():
    (reported,) = problems("- drop_event: {when: {equals: {a: 1.5}}}")
    assert reported.endswith("expected text, a whole number, true or false, found 1.5")


def test_a_pasted_filebeat_section_means_what_it_means_there():
    steps = chain(
        """\
- add_host_metadata:
    when.not.contains.tags: forwarded
- add_kubernetes_metadata: ~
- drop_event:
    when:
      or:
        - equals.http.response.code: 200
        - regexp.message: "^DEBUG"
- drop_fields:
    fields: ["cpu.user", "/^agent/"]
    ignore_missing: true
"""
    )
    assert steps.apply(b'{"http":{"response":{"code":200}}}') is None
    assert steps.apply(b'{"message":"DEBUG: x"}') is None
    forwarded = b'{"message":"x","tags":["forwarded"],"agent":{"id":1}}'
    assert steps.apply(forwarded) == b'{"message":"x","tags":["forwarded"]}'
    assert b'"host":{' in steps.apply(b'{"message":"x"}')
