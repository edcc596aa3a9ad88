"""Standard input is saved to the disk when it is read from the pipe, while there is room."""

import os
import threading
from contextlib import contextmanager

import pytest

from shipper.deliver.spool import Spool
from shipper.forms.base import Block
from shipper.forms.ndjson import NDJSON
from shipper.forms.spooled import Spooled
from tests.real.processes import wait_until


def none_settled(paths):
    return []


@contextmanager
def spooling(home, settled=none_settled, **bounds):
    """A running spool, and the end of its pipe to write to."""
    reading, writing = os.pipe()
    spool = Spool(home / "stdin", settled, pipe=reading, **bounds)
    spool.start()
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        yield spool, pipe
    spool.stop()
    os.close(reading)


def segments(home):
    return sorted((home / "stdin").glob("*.spool"))


def content(home):
    """What was written, without the first lines."""
    return b"".join(path.read_bytes().partition(b"\n")[2] for path in segments(home))


def kept(home, size):
    until(lambda: len(content(home)) >= size)


def until(happened):
    wait_until(happened, 20, "the spool")


def test_what_is_read_is_kept_and_the_end_of_the_pipe_ends_the_last_line(tmp_path):
    with spooling(tmp_path) as (spool, pipe):
        pipe.write(b"a\nb")
        kept(tmp_path, 3)
        assert not spool.is_over
        pipe.close()
        until(lambda: spool.is_over)
    assert content(tmp_path) == b"a\nb\n"


def test_segments_end_with_a_line_and_all_begin_differently(tmp_path):
    with spooling(tmp_path, segment_bytes=100) as (_, pipe):
        for count in range(1, 21):
            pipe.write(b"x" * 29 + b"\n")
            kept(tmp_path, 30 * count)
    assert content(tmp_path) == (b"x" * 29 + b"\n") * 20
    assert len(segments(tmp_path)) > 3
    heads = {path.read_bytes()[:64] for path in segments(tmp_path)}
    assert len(heads) == len(segments(tmp_path))
    assert all(path.read_bytes().endswith(b"\n") for path in segments(tmp_path))


def test_while_there_is_no_room_the_pipe_is_not_read(tmp_path):
    done = set()
    bounds = {"max_bytes": 1 << 20, "segment_bytes": 1 << 18}
    data = b"x" * 99 + b"\n"
    with spooling(tmp_path, lambda paths: done & set(paths), **bounds) as (spool, pipe):
        writer = threading.Thread(target=lambda: (pipe.write(data * 40_000), pipe.close()))
        writer.start()
        until(lambda: len(content(tmp_path)) >= 1 << 20)
        held = content(tmp_path)
        assert len(held) <= (1 << 20) + (64 << 10)
        assert not spool.is_over
        total = 0
        while not spool.is_over:  # every output has all of it, again and again
            done.update(segments(tmp_path))
            until(lambda: spool.is_over or not done & set(segments(tmp_path)[:-1]))
            total += 1
        writer.join()
    assert total >= 3


def test_segments_are_deleted_when_every_output_has_them_and_not_before(tmp_path):
    done = set()
    bounds = {"segment_bytes": 100}
    with spooling(tmp_path, lambda paths: done & set(paths), **bounds) as (spool, pipe):
        for count in range(1, 11):
            pipe.write(b"x" * 29 + b"\n")
            kept(tmp_path, 30 * count)
        first, second, *_, latest = segments(tmp_path)
        done.add(first)
        spool.prune()
        assert first not in segments(tmp_path)
        assert second in segments(tmp_path)
        done.update(segments(tmp_path))
        spool.prune()
        assert segments(tmp_path) == [latest], "it is still being written"


def test_a_reload_continues_in_the_middle_of_a_line(tmp_path):
    reading, writing = os.pipe()
    for part in (b"first ha", b"lf\nsecond\n"):
        spool = Spool(tmp_path / "stdin", none_settled, pipe=reading)
        spool.start()
        before = len(content(tmp_path)) if segments(tmp_path) else 0
        os.write(writing, part)
        kept(tmp_path, before + len(part))
        spool.stop()
    os.close(writing)
    os.close(reading)
    assert content(tmp_path) == b"first half\nsecond\n"
    assert len(segments(tmp_path)) == 1


def test_a_line_cut_off_by_a_kill_is_ended_at_the_next_start(tmp_path):
    torn = tmp_path / "stdin" / "00000000000000000001-other.spool"
    torn.parent.mkdir()
    torn.write_bytes(b"# mcp-shipper stdin\nhalf")
    Spool(tmp_path / "stdin", none_settled)
    assert torn.read_bytes().endswith(b"half\n")


@pytest.mark.parametrize("lines", [b"", b'{"n":1}\n{"n":2}\n', b'{"n":1}\nbad\n'])
def test_the_first_line_of_a_segment_is_not_sent(tmp_path, lines):
    with spooling(tmp_path) as (_, pipe):
        pipe.write(b'{"n":0}\n')
        kept(tmp_path, 8)
    (path,) = segments(tmp_path)
    head = path.read_bytes().partition(b"\n")[0] + b"\n"
    sifted = Spooled(NDJSON).sift(Block(head + lines, 0, "/a", 1000))
    plain = NDJSON.sift(Block(lines, 0, "/a", 1000)) if lines else None
    assert list(sifted.lines) == (list(plain.lines) if plain else [])
    places = [*sifted.offsets, *(one.offset for one in sifted.rejects)]
    assert all((head + lines)[at : at + 1] in (b"{", b"b") and at >= len(head) for at in places)
