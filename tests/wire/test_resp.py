"""RESP2: bytes of commands, replies in any pieces, and servers that break the protocol."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.errors import ProtocolError
from shipper.wire.resp import ErrorReply, Receiver, command, commands

TEXTS = st.text("abc é", max_size=9)
REPLIES = st.recursive(
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=20) | TEXTS.map(ErrorReply),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


def encoded(reply):
    """A reply as a server writes it."""
    match reply:
        case None:
            return b"$-1\r\n"
        case int():
            return b":%d\r\n" % reply
        case ErrorReply(text):
            return b"-%b\r\n" % text.encode()
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
        case _:
            return b"*%d\r\n" % len(reply) + b"".join(map(encoded, reply))


def pieces(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def depth(reply):
    return 1 + max(map(depth, reply), default=0) if isinstance(reply, list) else 0


def test_a_command_has_these_bytes():
    assert command(b"RPUSH", b"key", b"", b"a\r\nb") == (
        b"*4\r\n$5\r\nRPUSH\r\n$3\r\nkey\r\n$0\r\n\r\n$4\r\na\r\nb\r\n"
    )


def test_commands_that_differ_in_their_last_word_are_each_a_command():
    last = [b"", b"a\r\nb"]
    assert commands(b"XADD", b"key", last=last) == [command(b"XADD", b"key", word) for word in last]


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (b"+OK\r\n", b"OK"),
        (b"+\r\n", b""),
        (b"-ERR unknown command 'X'\r\n", ErrorReply("ERR unknown command 'X'")),
        (b"-\xff\r\n", ErrorReply("\N{REPLACEMENT CHARACTER}")),
        (b":-7\r\n", -7),
        (b"$0\r\n\r\n", b""),
        (b"$4\r\n\r\n\r\n\r\n", b"\r\n\r\n"),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"*0\r\n", []),
        (b"*2\r\n*1\r\n*0\r\n-E\r\n", [[[]], ErrorReply("E")]),
    ],
)
def test_a_reply_is_read_as_what_it_means(data, reply):
    assert Receiver().receive(data + b"+next\r\n") == [reply, b"next"]


@given(
    st.lists(REPLIES.filter(lambda reply: depth(reply) <= 7), max_size=4),
    st.lists(st.integers(0)),
)
def test_replies_are_the_same_in_any_pieces(replies, cuts):
    receiver, found = Receiver(), []
    for piece in pieces(b"".join(map(encoded, replies)), cuts):
        found += receiver.receive(piece)
    assert found == replies


@given(REPLIES.filter(lambda reply: depth(reply) <= 7))
def test_a_reply_comes_with_its_last_byte_and_not_before(reply):
    receiver, data = Receiver(), encoded(reply)
    assert receiver.receive(data[:-1]) == []
    assert receiver.receive(data[-1:]) == [reply]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "expected a reply, got b'HTTP/1.1 400 Bad Req'"),
        (b"\r\n", "expected a reply"),
        (b"%1\r\n", "expected a reply"),  # a map of RESP3, which was not negotiated
        (b":\r\n", "expected a number"),
        (b":1_000\r\n", "expected a number"),
        (b":" + b"9" * 20 + b"\r\n", "expected a number"),
        (b"$-2\r\n", "expected a number"),
        (b"$ 1\r\n", "expected a number"),
        (b"*1e3\r\n", "expected a number"),
        (b"$1\r\nab\r\n", "longer than its length"),
        (b"*1\r\n" * 8, "nests deeper than 7 arrays"),
    ],
)
def test_what_is_no_reply_breaks_the_protocol(data, reason):
    with pytest.raises(ProtocolError, match=reason):
        Receiver().receive(data)


@pytest.mark.parametrize(
    "data",
    [
        b"+" + b"x" * (64 << 10),
        b"$1001\r\n",
        b"$9999999999\r\n",
        b"*334\r\n",
        b"*9999999999\r\n",
        b"*2\r\n$600\r\n" + b"x" * 600 + b"\r\n$600\r\n",
    ],
    ids=lambda data: repr(data[:10]),
)
def test_a_reply_over_the_bound_is_refused_before_it_has_come(data):
    with pytest.raises(ProtocolError, match="is longer than"):
        Receiver(max_bytes=1000).receive(data)


def test_the_bound_is_for_each_reply():
    receiver = Receiver(max_bytes=1000)
    for _ in range(5):
        assert receiver.receive(b"*1\r\n$900\r\n" + b"x" * 900 + b"\r\n") == [[b"x" * 900]]


@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"*1\r\n", b"$3\r\n", b"\r\n"])))
def test_garbage_is_replies_or_a_broken_protocol_and_nothing_else(data):
    receiver = Receiver(max_bytes=100)
    try:
        for piece in data:
            receiver.receive(piece)
    except ProtocolError:
        pass
