"""The protocol, both ends: bytes of single frames, any chunking, and peers that break the rules."""

import random
import struct
import zlib
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.errors import ProtocolError
from shipper.wire.lumberjack import Receiver, Sender, ack

PAYLOADS = st.lists(st.binary(max_size=40), max_size=20)


def frame(kind, *numbers, data=b""):
    return b"2" + kind + struct.pack(f">{len(numbers)}I", *numbers) + data


def event(sequence, payload):
    return frame(b"J", sequence, len(payload), data=payload)


def compressed(data):
    packed = zlib.compress(data)
    return frame(b"C", len(packed), data=packed)


def pieces(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def test_a_window_of_bare_events_has_these_bytes():
    window = Sender().window([b'{"a":1}', b"{}"])
    assert window == (
        b"2W\x00\x00\x00\x02"
        b'2J\x00\x00\x00\x01\x00\x00\x00\x07{"a":1}'
        b"2J\x00\x00\x00\x02\x00\x00\x00\x02{}"
    )


def test_a_compressed_window_is_a_count_and_one_frame_of_all_events():
    window = Sender(zlib.compress).window([b"{}"])
    assert window == b"2W\x00\x00\x00\x01" + compressed(event(1, b"{}"))


def test_a_suffix_is_part_of_every_event():
    payloads = [b"{b", memoryview(b"{cc")]
    assert Sender().window(payloads, suffix=b",a}") == (
        frame(b"W", 2) + event(1, b"{b,a}") + event(2, b"{cc,a}")
    )
    assert Sender().window(payloads, suffix=[b",a}", b",bb}"]) == (
        frame(b"W", 2) + event(1, b"{b,a}") + event(2, b"{cc,bb}")
    )


def test_an_empty_window_is_its_count_alone():
    assert Sender(zlib.compress).window(()) == b"2W\x00\x00\x00\x00"


@given(PAYLOADS, PAYLOADS, st.booleans(), st.lists(st.integers(0, 5000), max_size=8))
def test_what_is_sent_is_received_however_the_bytes_are_cut(first, second, deflate, cuts):
    sender = Sender(zlib.compress if deflate else None)
    data = sender.window(first) + sender.window(second)
    receiver = Receiver()
    got = [window for piece in pieces(data, cuts) for window in receiver.receive(piece)]
    assert got == [tuple(first), tuple(second)]


@given(PAYLOADS, st.lists(st.integers(0, 20)), st.lists(st.integers(0, 500), max_size=5))
def test_acknowledgements_in_any_order_count_by_their_maximum(payloads, numbers, cuts):
    sender = Sender()
    sender.window(payloads)
    partial = [n for n in numbers if n < max(1, len(payloads))]
    for piece in pieces(b"".join(map(ack, partial)), cuts):
        sender.receive(piece)
    assert sender.acked == max(partial, default=0)
    if payloads:
        assert sender.in_flight == 1
        sender.receive(ack(len(payloads)))
    assert sender.in_flight == 0


@given(st.lists(st.integers(1, 9), max_size=6), st.data())
def test_acknowledgements_are_the_oldest_windows_first(sizes, data):
    sender = Sender()
    for size in sizes:
        sender.window([b"{}"] * size)
    for at, size in enumerate(sizes):
        partial = data.draw(st.lists(st.integers(0, size - 1), max_size=3))
        sender.receive(b"".join(map(ack, partial)))
        assert (sender.in_flight, sender.acked) == (len(sizes) - at, max(partial, default=0))
        sender.receive(ack(size))
    assert (sender.in_flight, sender.acked) == (0, 0)


def test_keep_alives_acknowledge_nothing_and_come_at_any_time():
    sender = Sender()
    sender.receive(ack(0))
    sender.window([b"{}"])
    sender.receive(ack(0) * 3)
    assert sender.in_flight == 1
    sender.receive(ack(1) + ack(0))
    assert sender.in_flight == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (ack(3), "acknowledgement 3 is outside 0..2"),
        (ack(2) + ack(1), "1 without a window in flight"),
        (b"1A\x00\x00\x00\x01", "got a frame of type b'1A'"),
        (b"2W\x00\x00\x00\x01", "got a frame of type b'2W'"),
        (b"HT", "got b'HT'"),
        (b"X", "got b'X'"),
    ],
)
def test_an_answer_outside_the_protocol_is_an_error(data, reason):
    sender = Sender()
    sender.window([b"{}", b"{}"])
    with pytest.raises(ProtocolError, match=reason):
        sender.receive(data)


def test_a_partial_acknowledgement_counts_although_the_next_is_wrong():
    sender = Sender()
    sender.window([b"{}", b"{}"])
    with pytest.raises(ProtocolError):
        sender.receive(ack(1) + ack(9))
    assert sender.acked == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (event(1, b"{}"), "an event outside a window"),
        (frame(b"W", 1) + event(2, b"{}"), "expected event 1, got 2"),
        (frame(b"W", 2) + frame(b"W", 1), "still lacks 2 events"),
        (frame(b"W", 101), "a window of 101 events is over 100"),
        (frame(b"W", 1) + frame(b"J", 1, 10_001), "a frame of 10001 bytes is over 10000"),
        (frame(b"C", 10_001), "a frame of 10001 bytes is over 10000"),
        (frame(b"W", 1) + frame(b"C", 3, data=b"abc"), "does not inflate"),
        (frame(b"W", 1) + compressed(event(1, bytes(20_000))), "inflates over 10000"),
        (frame(b"W", 1) + compressed(compressed(event(1, b"{}"))), "holds a frame of type b'2C'"),
        (frame(b"W", 1) + compressed(frame(b"W", 1)), "holds a frame of type b'2W'"),
        (frame(b"W", 1) + compressed(event(1, b"{}")[:-1]), "ends within a frame"),
        (frame(b"W", 1) + compressed(b"2"), "ends within a frame"),
        (b"3W", "got b'3W'"),
        (b"GET / HTTP/1.1", "got b'GE'"),
    ],
)
def test_the_receiver_refuses(data, reason):
    with pytest.raises(ProtocolError, match=reason):
        Receiver(max_bytes=10_000, max_window=100).receive(data)


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_garbage_gives_nothing_but_protocol_errors(data, inner):
    good = frame(b"W", 3) + event(1, b"{}")
    for start in (b"", good, good + b"2", frame(b"W", 1) + compressed(inner)):
        for end in (Receiver(max_bytes=1 << 16), Sender()):
            with suppress(ProtocolError):
                end.receive(start + data)


def test_a_changed_byte_gives_nothing_but_protocol_errors():
    chance = random.Random(7)
    good = Sender(zlib.compress).window([b'{"a":1}'] * 50)
    for _ in range(2000):
        bad = bytearray(good)
        bad[chance.randrange(len(bad))] = chance.randrange(256)
        with suppress(ProtocolError):
            Receiver().receive(bytes(bad))
