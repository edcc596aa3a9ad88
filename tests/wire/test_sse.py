"""Server-sent events are found in whatever pieces they come, and none is kept whole."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shipper.wire.jsonrpc import HEAD, TAIL
from shipper.wire.sse import EventFraming

STREAM = (
    b": ping\n\n"
    b"event: endpoint\ndata: /messages/?session_id=7\n\n"
    b'id: 3\r\nevent: message\r\ndata: {"a":\r\ndata: 1}\r\n\r\n'
    b"retry: 5\rdata:x\r\r"
    b"data: cut off"
)
EXPECTED = [
    (b"endpoint", b" /messages/?session_id=7"),
    (b"message", b' {"a":\n 1}'),
    (b"message", b"x"),
]


def events(pieces):
    framing = EventFraming()
    found = [event for piece in pieces for event in framing.feed(piece)]
    return [(event.kind, event.data.head) for event in found]


def pieces_of(data, cuts):
    at = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[begin:end] for begin, end in itertools.pairwise(at)]


@given(st.lists(st.integers(0, len(STREAM))))
@example(list(range(len(STREAM))))
@example([])
def test_the_same_events_come_in_whatever_pieces(cuts):
    assert events(pieces_of(STREAM, cuts)) == EXPECTED


@given(st.binary(), st.lists(st.integers(0, 1000)))
def test_arbitrary_bytes_are_read_without_an_error(data, cuts):
    assert events(pieces_of(data, cuts)) == events([data])


def test_a_long_event_is_never_kept_completely():
    framing = EventFraming()
    assert framing.feed(b"data: " + b"x" * HEAD) == []
    for _ in range(100):
        assert framing.feed(b"x" * HEAD) == []
        assert len(framing._data._head) + len(framing._data._tail) <= HEAD + TAIL
    (event,) = framing.feed(b"end\n\n")
    assert event.data.size == 101 * HEAD + 4
    assert event.data.tail.endswith(b"xend")


@pytest.mark.parametrize("name", [b"event: ", b": ", b"id: "])
def test_a_line_that_is_not_data_is_bounded(name):
    framing = EventFraming()
    framing.feed(name + b"y" * 1_000_000)
    assert len(framing._line) <= 1024


def test_an_id_shows_that_the_stream_can_be_continued():
    framing = EventFraming()
    framing.feed(b"data: 1\n\n")
    assert not framing.has_ids
    framing.feed(b"id: 1\ndata: 1\n\n")
    assert framing.has_ids
