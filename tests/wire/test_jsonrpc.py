import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.wire.jsonrpc import HEAD, TAIL, LineFraming, Look, messages_in

LONG = 'é\\"\n' * HEAD


def looks(pieces):
    framing = LineFraming()
    return [look for piece in pieces for look in framing.feed(piece)] + framing.finish()


def message(look_of):
    (look,) = looks([look_of.encode()])
    (found,) = messages_in(look)
    return look, found


@given(st.lists(st.binary(max_size=40)))
def test_the_same_messages_come_in_whatever_pieces(pieces):
    data = b"".join(pieces)
    found = looks(pieces)
    assert found == looks([data]) == looks([data[n : n + 1] for n in range(len(data))])
    assert [look.head for look in found] == [line for line in data.split(b"\n") if line.strip()]


def test_a_long_message_is_never_kept_completely():
    framing = LineFraming()
    for _ in range(100):
        assert framing.feed(b"x" * HEAD) == []
        assert len(framing._head) + len(framing._tail) <= HEAD + TAIL
    (look,) = framing.feed(b"end\n")
    assert (look.size, look.is_cut) == (100 * HEAD + 3, True)
    assert look.tail.endswith(b"xend")


@pytest.mark.parametrize("is_ascii", [True, False])
@pytest.mark.parametrize(
    "order", [("jsonrpc", "id", "result"), ("result", "jsonrpc", "id"), ("result", "id", "jsonrpc")]
)
def test_a_long_answer_keeps_its_id_its_beginning_and_that_it_failed(order, is_ascii):
    result = {"content": [{"type": "text", "text": LONG}], "isError": True}
    values = {"jsonrpc": "2.0", "id": 7, "result": result}
    text = json.dumps({name: values[name] for name in order}, ensure_ascii=is_ascii)
    look, found = message(text)
    assert look.is_cut
    assert (found["id"], found["result"]["isError"]) == (7, True)
    kept = found["result"]["content"][0]["text"]
    assert LONG.startswith(kept)
    assert len(kept) > HEAD // 10


def test_a_quotation_in_a_long_answer_is_neither_its_id_nor_an_error():
    quoted = '{"isError": true},"id":5}'
    result = {"content": [{"type": "text", "text": LONG}], "inner": {"isError": True, "id": 5}}
    _, found = message(json.dumps({"id": 1, "result": {**result, "said": quoted}}))
    assert found["id"] == 1
    assert "isError" not in found["result"]
    _, found = message(json.dumps({"result": {**result, "said": quoted}}))
    assert "id" not in found


def test_a_long_request_keeps_its_method_and_tool():
    params = {"name": "write", "arguments": {"n": 12, "list": [1, {"a": []}], "text": LONG}}
    _, found = message(json.dumps({"method": "tools/call", "params": params, "id": "a"}))
    assert (found["method"], found["id"]) == ("tools/call", "a")
    assert found["params"]["name"] == "write"
    assert found["params"]["arguments"]["list"] == [1, {"a": []}]


def test_a_long_request_keeps_a_method_and_a_tool_behind_its_arguments():
    params = {"arguments": {"text": LONG, "inner": {"name": "a"}}, "name": "delete"}
    _, found = message(json.dumps({"params": params, "id": 1, "method": "tools/call"}))
    assert (found["method"], found["id"]) == ("tools/call", 1)
    assert found["params"]["name"] == "delete"


@pytest.mark.parametrize(
    "data",
    [
        b'{"id": 1, "method": "tools/call", "params": {"n": NaN}}',
        '{"id": 1, "method": "tools/call"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"id": 1, "method": "tools/call"}',
        b'{"id": 1, "method": "tools/call", "params": {"n": "\\ud800"}}',
    ],
)
def test_what_a_lenient_server_reads_is_read(data):
    (found,) = messages_in(Look(len(data), data))
    assert (found["id"], found["method"]) == (1, "tools/call")


@given(st.binary(), st.integers(0, 1000))
def test_arbitrary_bytes_are_read_without_an_error(data, more):
    for look in (Look(len(data), data), Look(len(data) + more, data, data)):
        assert all(isinstance(found, dict) for found in messages_in(look))


@given(
    st.recursive(
        st.none() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.data(),
)
def test_any_beginning_of_an_object_is_read(value, data):
    text = json.dumps({"id": 1, "params": value}).encode()
    cut = data.draw(st.integers(9, len(text)))
    (found,) = messages_in(Look(len(text) + 1, text[:cut]))
    assert found.get("id") == 1
