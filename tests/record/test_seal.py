"""What a line says of itself, and of the line before."""

import hashlib
import json
from itertools import accumulate
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper import create_tool_execution_event
from shipper.catalog import Scope, builtin
from shipper.record.classify import Classifier
from shipper.record.encode import Encoder
from shipper.record.event import create_event
from shipper.record.format import first_break, walk_chain
from shipper.record.seal import GENESIS, follows, hashes_of, seal, unseal
from tests.record.recorder import Recorder, lines

GOLDEN = Path(__file__).parents[1] / "golden" / "tool-execution.jsonl"
PLACE = {"@timestamp": "2026-11-24T10:11:12.131415Z", "event.id": "s-2", "event.sequence": 2}


def body_of(fields, **common):
    """A tool call's body, as on a host and in a process that are always the same."""
    constants = {"host.hostname": "host", "process.pid": 7, "mcp.audit.stream.id": "s"}
    classify = Classifier(builtin(), Scope(), constants)
    event = classify(create_event("mcp_tool_execution", fields, **common))
    return Encoder()(event.variant, {**event.values, **PLACE})


def test_the_golden_line_is_written_to_the_byte():
    """A change of this file is a change of what verifiers of old records must know."""
    fields = {"tool_name": "query_db", "arguments": {"b": [1, "é"], "a": None}, "result": "ok"}
    body = body_of(fields, user_id="bob", success=True, duration_ms=12.5)
    line, _ = seal(body, GENESIS)
    assert line + b"\n" == GOLDEN.read_bytes()


def hash_by_the_rule(line, previous):
    """The hash by seal.py's docstring and Python's own JSON, and the hash that the line states."""
    document = json.loads(line)
    event = document.pop("event")
    stated = event.pop("hash")
    inner = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    outer = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    body = f'{outer[:-1]},"event":{inner}}}'.encode()
    return hashlib.sha256(previous + body).digest(), bytes.fromhex(stated)


def test_the_golden_line_can_be_sealed_again_from_its_document_by_the_rule_alone():
    computed, stated = hash_by_the_rule(GOLDEN.read_bytes(), bytes(32))
    assert computed == stated


#: Some fields of each root that a tool call may carry, with values that need care.
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "tool_name": st.text(min_size=1, max_size=20),
        "arguments": st.dictionaries(st.text(max_size=5), st.integers() | st.text(), max_size=4),
        "result": st.text(max_size=50),
        "cost": st.floats(allow_nan=False, allow_infinity=False),
        "error.code": st.integers().map(str),
        "error.message": st.text(max_size=50),
        "mcp.tool.is_error": st.booleans(),
        "mcp.result.count": st.integers(-(1 << 63), (1 << 63) - 1),
        "trace.id": st.text("0123456789abcdef", min_size=32, max_size=32),
        "url.path": st.text(max_size=10),
        "event.action": st.sampled_from(["tool-call", "100%", "%b"]),
    },
)


@given(fields=FIELDS)
def test_a_line_is_the_nested_document_of_its_fields(fields):
    catalog = builtin()
    event = Classifier(catalog, Scope(), {"host.hostname": "100% host"})(
        create_event("mcp_tool_execution", fields)
    )
    values = {**event.values, **PLACE}
    expected = {}
    for path, value in {**event.variant.constants, **values}.items():
        *parents, leaf = path.split(".")
        node = expected
        for name in parents:
            node = node.setdefault(name, {})
        node[leaf] = value
    line = Encoder()(event.variant, values)
    try:
        reference = msgspec.json.decode(msgspec.json.encode(expected))
    except UnicodeEncodeError:
        pytest.fail("the strategy gives no surrogates")
    assert msgspec.json.decode(line) == reference
    assert json.loads(line) == json.loads(msgspec.json.encode(expected))


@given(bodies=st.lists(st.binary(max_size=40).map(lambda b: b'{"event":{' + b + b"}}"), min_size=1))
def test_each_line_follows_the_one_before_and_no_other(bodies):
    heads, sealed = [GENESIS], []
    for body in bodies:
        line, head = seal(body, heads[-1])
        sealed.append(line)
        heads.append(head)
    for line, before, after, body in zip(sealed, heads, heads[1:], bodies, strict=False):
        assert follows(line, before)
        assert unseal(line) == (body, after)
        for other in {*heads} - {before}:
            assert not follows(line, other)


#: What takes the place of a line: nothing, the line cut at its front or in its tail, or its hash.
CHANGES = st.sampled_from([None, slice(0, 0), slice(1, None), slice(0, -1), slice(-75, None)])


@given(
    bodies=st.lists(
        st.binary(max_size=9).map(bytes.hex).map('{{"event":{{"a":"{}"}}}}'.format),
        min_size=1,
        max_size=4,
    ),
    changed=st.integers(0, 3),
    change=CHANGES,
)
def test_all_lines_of_a_block_follow_or_one_of_them_does_not(bodies, changed, change):
    head, lines = GENESIS, []
    for body in bodies:
        line, head = seal(body.encode(), head)
        lines.append(line)
    if change is not None and changed < len(lines):
        lines[changed] = lines[changed][change]
    ends = [end - 1 for end in accumulate(len(line) + 1 for line in lines)]
    befores = [GENESIS, *((unseal(line) or (b"", b"none"))[1] for line in lines)]
    expected = all(map(follows, lines, befores))
    stated = b"".join((unseal(line) or (b"", b""))[1] for line in lines)
    found = hashes_of(b"".join(line + b"\n" for line in lines), ends, GENESIS)
    assert found == (stated if expected else None)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    recorder = Recorder(tmp_path_factory.mktemp("audit"))
    for number in range(5):
        recorder.log(create_tool_execution_event("bob", "t", {"n": number}, "ok"))
    recorder.close()
    return lines(recorder.directory)


def is_whole(stream):
    return first_break(stream) is None


def test_the_walk_finds_the_hashes_that_the_rule_gives(written):
    head = bytes(32)
    for line, link in zip(written, walk_chain(written), strict=True):
        head, stated = hash_by_the_rule(line, head)
        assert (link.head, link.finding) == (head, None)
        assert head == stated


def test_any_single_byte_changed_breaks_the_chain(written):
    assert is_whole(written)
    line, before = written[2], unseal(written[1])[1]
    survivors = []
    for at in range(len(line)):
        changed = line[:at] + bytes([line[at] ^ 0x01]) + line[at + 1 :]
        if follows(changed, before):
            survivors.append(at)
    assert survivors == []


@pytest.mark.parametrize("at", range(6))
def test_a_line_left_out_breaks_the_chain(at, written):
    assert not is_whole(written[:at] + written[at + 1 :])


@pytest.mark.parametrize("at", range(6))
def test_two_lines_that_change_places_break_the_chain(at, written):
    swapped = [*written[:at], written[at + 1], written[at], *written[at + 2 :]]
    assert not is_whole(swapped)


@pytest.mark.parametrize("at", range(7))
def test_a_line_that_is_there_twice_breaks_the_chain(at, written):
    assert not is_whole(written[: at + 1] + written[at:])


GARBAGE = [
    b"",
    b"{}",
    b"null",
    b'{"event":{"hash":"00"}}',
    b'{"event":{"id":"x","hash":"' + b"0" * 63 + b'"}}',
    b'{"event":{"id":"x","hash":"' + b"G" * 64 + b'"}}',
    b'{"event":{"id":"x","hash":"' + b"0" * 64 + b'"}} ',
    b'{"event":{"id":"x","hash":"' + b"0" * 64 + b'"}}\n',
]


@pytest.mark.parametrize("line", GARBAGE)
def test_what_carries_no_seal_is_not_taken_for_a_line(line):
    assert unseal(line) is None
    assert not follows(line, GENESIS)


@given(line=st.binary(max_size=200))
def test_noise_follows_nothing(line):
    assert not follows(line, GENESIS)
