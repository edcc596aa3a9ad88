"""Archives are read like the files they were made from, without loss or repetition."""

import bz2
import gzip
import json
import lzma
import os
import random
import tracemalloc
import zlib
from contextlib import suppress
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from shipper.deliver.accounting import account_now
from shipper.deliver.pipeline import Pipeline
from shipper.follow import sources
from shipper.follow.deletions import Deletions
from shipper.follow.inputs import Delete, InputConfig
from shipper.follow.registry import read_positions
from shipper.forms.text.form import Text
from tests.deliver.lines import (
    age,
    append,
    block,
    config,
    dead_letters,
    delivered,
    drained,
    in_passes,
    line,
    numbers,
)
from tests.fakes import Killed, ScriptedOutput, killed_after, running
from tests.real.processes import wait_until

#: A line's size: with the first, a beginning is that of many files; with the second, of one.
SIZES = pytest.mark.parametrize("size", [0, 2000])
NAMES = pytest.mark.parametrize("name", ["a.log.1.gz", "a.log.2.gz", "a.log-20261125.gz"])


def noise(numbers, size=60):
    """Lines that do not compress well."""
    chance = random.Random(1)
    return b"".join(
        b'{"n":%d,"r":"%b"}\n' % (n, chance.randbytes(size).hex().encode()) for n in numbers
    )


def quiet(path):
    """Set the last change of the file to long ago."""
    age(path, 3600)


# --- the same lines


@given(
    sizes=st.lists(st.integers(0, 3000), max_size=12),
    cuts=st.lists(st.integers(0, 9000), max_size=4),
    padding=st.sampled_from([0, 1, 700]),
    level=st.sampled_from([0, 1, 9]),
    max_lines=st.integers(1, 5),
    lives=st.lists(st.integers(0, 5), max_size=4),
)
@settings(max_examples=60)
def test_an_archive_is_shipped_like_the_file_it_was_made_of(
    tmp_path_factory, sizes, cuts, padding, level, max_lines, lives
):
    """For any division into gzip members, any size of a block, and any restart."""
    data = b"".join(line(n, size) + b"\n" for n, size in enumerate(sizes))
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    members = [data[start:end] for start, end in pairwise(places)] or [b""]
    home = tmp_path_factory.mktemp("home")
    (home / "logs").mkdir()
    path = home / "logs" / "a.log.1.gz"
    path.write_bytes((b"\0" * padding).join(gzip.compress(one, level) for one in members))
    options = config(home, max_lines=max_lines)
    taken = []
    for output in (*map(killed_after, lives), ScriptedOutput()):
        with suppress(Killed):
            drained(options, output)
        taken += output.taken
    assert numbers(taken) == list(range(len(sizes)))
    ends = [position.offset for position in read_positions(options.registry_path)]
    assert ends == ([len(data)] if data else [])


def test_text_in_an_archive_has_the_archives_path_and_offsets_of_what_it_unpacks_to(tmp_path, logs):
    (logs / "a.log.1.gz").write_bytes(gzip.compress(b"first\nsecond\nlast"))
    text = InputConfig(paths=(str(logs / "*"),), form=Text(partial_line_timeout_s=0.01))
    taken = drained(replace(config(tmp_path), inputs=(text,)))[1].taken
    events = list(map(json.loads, taken))
    assert [event["message"] for event in events] == ["first", "second", "last"]
    assert [event["log"]["offset"] for event in events] == [0, 6, 13]
    assert {event["log"]["file"]["path"] for event in events} == {str(logs / "a.log.1.gz")}


def test_bad_lines_of_an_archive_go_to_the_dead_letters(tmp_path, logs):
    settings = config(tmp_path, max_line_bytes=100)
    data = line(1) + b"\n[2]\n" + line(3, 200) + b"\n" + line(4) + b"\n"
    (logs / "a.log.1.gz").write_bytes(gzip.compress(data))
    assert delivered(settings) == [1, 4]
    assert [one["offset"] for one in dead_letters(settings)] == [20, 24]


def test_an_endless_line_in_an_archive_is_skipped_without_being_in_memory(tmp_path, logs):
    """A hundred kilobytes that unpack to a hundred megabytes."""
    settings = config(tmp_path, max_line_bytes=1 << 20)
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    with (logs / "a.log.1.gz").open("wb") as file:
        for part in (line(1) + b"\n", *[b"x" * (1 << 20)] * 100, b"\n" + line(2) + b"\n"):
            file.write(packer.compress(part))
        file.write(packer.flush())
    tracemalloc.start()
    try:
        assert delivered(settings) == [1, 2]
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    (dead_letter,) = dead_letters(settings)
    assert dead_letter["length"] == 100 << 20


# --- files that become archives


@SIZES
@NAMES
@pytest.mark.parametrize("unread", [[], [3]])
def test_a_file_compressed_while_stopped_continues_at_its_position(
    tmp_path, logs, name, size, unread
):
    settings = config(tmp_path)
    path = logs / "a.log"
    append(path, block([1, 2], size))
    assert delivered(settings) == [1, 2]
    append(path, block(unread, size))
    (logs / name).write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    append(path, block([4], size))
    assert sorted(delivered(settings)) == [*unread, 4]
    assert delivered(settings) == []


@SIZES
@pytest.mark.parametrize("is_renamed", [True, False])
def test_a_file_that_is_compressed_is_known_at_every_byte_of_it(logs, passes, size, is_renamed):
    """As gzip works: the archive is written next to the file, which is then deleted."""
    path, archive = logs / "a.log.1", logs / "a.log.1.gz"
    append(path, noise(range(5), size + 20))
    assert passes() == [0, 1, 2, 3, 4]
    packed = gzip.compress(path.read_bytes())
    for end in range(0, len(packed), max(1, len(packed) // 30)):
        archive.write_bytes(packed[:end])
        assert passes() == []
    archive.write_bytes(packed)
    path.unlink()
    if is_renamed:
        archive.rename(logs / "a.log.2.gz")
    assert passes() + passes() == []


def test_lines_written_renamed_and_compressed_between_two_scans_are_sent_once(logs, passes):
    """An open handle still leads to it, because it was seen when it was empty."""
    path = logs / "a.log"
    path.touch()
    assert passes() == []
    append(path, block([1]))
    renamed = path.rename(logs / "a.log.1")
    (logs / "a.log.1.gz").write_bytes(gzip.compress(renamed.read_bytes()))
    renamed.unlink()
    path.touch()
    assert passes() + passes() == [1]


@SIZES
def test_an_archive_beside_its_file_waits_and_has_the_rest_when_the_file_is_gone(
    tmp_path, logs, size, caplog
):
    """As with gzip --keep; the output is unavailable meanwhile."""
    caplog.set_level("INFO")
    settings = config(tmp_path)
    path = logs / "a.log.1"
    append(path, block([1, 2], size))
    assert delivered(settings) == [1, 2]
    append(path, block([3], size))
    (logs / "a.log.1.gz").write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(Killed):
        drained(settings, killed_after(0))
    assert [row for row in caplog.messages if "a copy of" in row] != []
    path.unlink()
    assert delivered(settings) == [3]


def test_an_archive_beside_its_file_is_unpacked_once_not_at_every_scan(logs, passes, monkeypatch):
    made, real = [], zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", lambda wbits: made.append(wbits) or real(wbits))
    append(logs / "a.log.1", block(range(5), 2000))
    (logs / "a.log.1.gz").write_bytes(gzip.compress(block(range(5), 2000)))
    assert passes() == [0, 1, 2, 3, 4]
    unpacked = len(made)
    for _ in range(5):
        assert passes() == []
    assert len(made) == unpacked


@SIZES
def test_a_copy_that_is_compressed_before_it_is_seen_has_what_the_original_left_unread(
    logs, passes, size
):
    """As logrotate does with copytruncate and compress."""
    path = logs / "a.log"
    append(path, block([1, 2], size))
    assert passes() == [1, 2]
    append(path, block([3], size))
    (logs / "a.log.1.gz").write_bytes(gzip.compress(path.read_bytes()))
    os.truncate(path, 0)
    append(path, block([4], size))
    assert sorted(passes() + passes()) == [3, 4]
    assert passes() == []


def test_a_position_goes_with_its_file_and_into_its_archive(tmp_path, logs, passes):
    """The positions list no file that is gone, and none in place of another."""
    registry = config(tmp_path).registry_path
    path = logs / "a.log"
    append(path, block([1, 2], 2000))
    assert passes() == [1, 2]
    renamed = path.rename(logs / "a.log.1")
    assert passes() == []
    assert [one.path for one in read_positions(registry)] == [str(renamed)]
    (logs / "a.log.1.gz").write_bytes(gzip.compress(renamed.read_bytes()))
    renamed.unlink()
    assert passes() + passes() == []
    (position,) = read_positions(registry)
    assert position.path == f"{renamed}.gz"
    assert position.unpacked_bytes == position.offset


def test_a_file_deleted_while_an_archive_appears_leaves_no_position(tmp_path, logs, passes):
    """As when the oldest is deleted while the next is compressed, and its inode is reused."""
    append(logs / "b.log", block([1]))
    assert passes() == [1]
    (logs / "b.log").unlink()
    (logs / "a.log.1.gz").write_bytes(gzip.compress(block([2])))
    assert passes() == [2]
    assert passes() == []
    positions = read_positions(config(tmp_path).registry_path)
    assert [one.path for one in positions] == [str(logs / "a.log.1.gz")]


def test_an_archive_that_gets_another_member_has_its_lines_sent(logs, passes):
    path = logs / "a.log.gz"
    path.write_bytes(gzip.compress(block([1, 2])))
    assert passes() == [1, 2]
    append(path, gzip.compress(block([3])))
    assert passes() == [3]


def test_an_archive_that_is_written_over_is_read_from_its_beginning(logs, passes):
    path = logs / "a.log.gz"
    path.write_bytes(gzip.compress(block([1, 2, 3])))
    assert passes() == [1, 2, 3]
    path.write_bytes(gzip.compress(block([4])))
    assert passes() == [4]


@SIZES
def test_a_file_that_is_written_over_is_read_as_what_it_is_then(tmp_path, logs, passes, size):
    """Equivalent for the shipper: its inode is reused for another file between two scans."""
    path = logs / "a.log"
    path.write_bytes(gzip.compress(block([1, 2], size)))
    assert passes() == [1, 2]
    path.write_bytes(block([3], size))
    assert passes() + passes() == [3]
    path.write_bytes(gzip.compress(block([4, 5, 6], size)))
    assert passes() + passes() == [4, 5, 6]
    for other in (b"\x1f", lzma.compress(block([7], size))):
        path.write_bytes(other)
        assert passes() + passes() == []
    path.write_bytes(block([8], size))
    assert passes() == [8]
    assert dead_letters(config(tmp_path)) == []


@pytest.mark.parametrize("begun", [b"", b"\x1f", b"\x1f\x8b"])
def test_an_archive_that_was_seen_before_it_was_written_is_read_as_one(logs, passes, begun):
    path = logs / "a.log.1.gz"
    path.write_bytes(begun)
    assert passes() == []
    path.write_bytes(gzip.compress(block(range(2000), 50)))
    assert passes() == list(range(2000))


def test_an_archive_whose_name_goes_while_it_waits_is_still_read(tmp_path, logs):
    output = ScriptedOutput()
    running = in_passes(Pipeline(config(tmp_path, max_lines=10), output))
    (logs / "a.log.1.gz").write_bytes(gzip.compress(block([1])))
    next(running)
    later = logs / "a.log.2.gz"
    later.write_bytes(gzip.compress(block([2]))[:-3])
    next(running)
    append(later, gzip.compress(block([2]))[-3:])
    later.unlink()
    next(running)
    next(running)
    running.close()
    assert numbers(output.taken) == [1, 2]


# --- damaged archives


def test_an_archive_without_its_end_waits_for_it_with_a_warning(tmp_path, logs, passes, caplog):
    path = logs / "a.log.1.gz"
    packed = gzip.compress(noise(range(500)))
    path.write_bytes(packed[:-1])
    assert passes() == []
    assert f"{path} is an incomplete gzip archive." in caplog.messages
    append(path, packed[-1:])
    assert passes() == list(range(500))


def test_all_complete_lines_of_an_archive_that_stays_without_its_end_are_sent_with_a_warning(
    logs, passes, caplog
):
    path = logs / "a.log.1.gz"
    data = noise(range(500))
    path.write_bytes(gzip.compress(data)[: len(data) // 4])
    quiet(path)
    got = passes()
    assert got == list(range(len(got)))
    assert 100 < len(got) < 500
    assert (
        f"{path} is damaged (its end is missing); what can be unpacked of it is read."
        in caplog.messages
    )
    path.write_bytes(gzip.compress(data))
    assert passes() == list(range(len(got), 500))


@pytest.mark.parametrize(
    ("damage", "reason", "lost"),
    [
        (lambda packed: packed[:-8] + b"1234" + packed[-4:], "incorrect data check", 0),
        (lambda packed: packed + b"##", "incorrect header check", 0),
        (lambda packed: packed + packed[:5], "its end is missing", 0),
        (lambda packed: packed[: len(packed) // 2] + b"\xff" * len(packed), "", 300),
    ],
)
def test_lines_before_the_damage_in_an_archive_are_sent_with_a_warning(
    tmp_path, logs, caplog, damage, reason, lost
):
    path = logs / "a.log.1.gz"
    path.write_bytes(damage(gzip.compress(noise(range(500)))))
    quiet(path)
    got = delivered(config(tmp_path))
    assert got[: 500 - lost] == list(range(500 - lost))
    assert [row for row in caplog.messages if f"{path} is damaged ({reason}" in row] != []


@given(place=st.integers(2, 5000), byte=st.integers(0, 255))
@settings(max_examples=100)
def test_every_line_before_a_changed_byte_arrives(tmp_path_factory, place, byte):
    packed = bytearray(gzip.compress(noise(range(60)), 0))  # stored: each byte is a line's own
    packed[place % len(packed)] = byte
    home = tmp_path_factory.mktemp("home")
    (home / "logs").mkdir()
    path = home / "logs" / "a.log.1.gz"
    path.write_bytes(packed)
    quiet(path)
    settings = config(home)
    output = ScriptedOutput()
    drained(settings, output)
    whole = noise(range(60)).splitlines()
    before = max(0, (place % len(packed)) - 15) // (len(whole[-1]) + 1) - 1
    assert set(whole[: max(0, before)]) <= set(output.taken)


# --- among other files


def test_archives_are_read_one_after_the_other_and_do_not_delay_other_files(tmp_path, logs):
    for n in range(300):
        (logs / f"{n:03}.log.1.gz").write_bytes(gzip.compress(block(range(n * 10, n * 10 + 10))))
    append(logs / "live.log", block([9000]))
    pipeline, output = drained(config(tmp_path, max_lines=4))
    got = numbers(output.taken)
    assert got.index(9000) < 4
    got.remove(9000)
    tens = [number // 10 for number in got]
    assert [key for key, _ in groupby(tens)] == sorted(set(tens), key=tens.index)
    assert sorted(got) == list(range(3000))
    assert pipeline.stats.open_files <= 256


@pytest.mark.parametrize("count", [1, 3])
def test_a_very_large_archive_delays_others_only_by_its_share(tmp_path, logs, monkeypatch, count):
    monkeypatch.setattr(sources, "_SHARE_BYTES", 8 << 20)
    for n in range(count):
        lines = range(n * 1000, (n + 1) * 1000)
        (logs / f"{n}.log.1.gz").write_bytes(gzip.compress(block(lines, 40_000), 1))
    for n in range(9000, 9020):
        (logs / f"{n}.log.1.gz").write_bytes(gzip.compress(block([n])))
    _, output = drained(config(tmp_path))
    got = numbers(output.taken)
    assert got[:20] == [*range(9000, 9020)]
    assert sorted(got[20:]) == [*range(count * 1000)]
    for n in range(count):
        assert [number for number in got[20:] if number // 1000 == n] == [
            *range(n * 1000, (n + 1) * 1000)
        ]


@pytest.mark.parametrize(
    "packed",
    [
        lzma.compress(block(range(500))),
        bz2.compress(block(range(500))),
        b"\x28\xb5\x2f\xfd\x24\x14\xa1\x00",
        b"\x04\x22\x4d\x18\x64\x40\xa7",
        b"PK\x03\x04\x14\x00",
    ],
    ids=["xz", "bzip2", "zstd", "lz4", "zip"],
)
def test_archives_of_other_formats_are_left_out_logged_once_and_counted(
    tmp_path, logs, caplog, packed
):
    (logs / "a.log.1.gz").write_bytes(packed)
    pipeline, output = drained(config(tmp_path))
    passes = in_passes(Pipeline(config(tmp_path), output))
    for _ in range(3):
        next(passes)
    passes.close()
    assert (output.taken, dead_letters(config(tmp_path)), pipeline.stats.left_out) == ([], [], 1)
    logged = [row for row in caplog.messages if "is left out: it is" in row]
    assert len(logged) == 2  # by each of the two
    (logs / "a.log.1.gz").write_bytes(block([1]))
    assert delivered(config(tmp_path)) == [1]


def test_an_old_archive_is_left_out_like_any_old_file(tmp_path, logs):
    path = logs / "a.log.1.gz"
    path.write_bytes(gzip.compress(block([1])))
    quiet(path)
    one = InputConfig(paths=(str(logs / "*"),), ignore_older_s=60)
    pipeline, output = drained(replace(config(tmp_path), inputs=(one,)))
    assert (output.taken, pipeline.stats.left_out) == ([], 1)


@pytest.mark.parametrize("is_damaged", [True, False])
def test_a_delivered_archive_is_deleted_but_a_damaged_one_never(tmp_path, logs, is_damaged):
    path = logs / "a.log.1.gz"
    path.write_bytes(gzip.compress(block([1])) + b"#" * is_damaged)
    quiet(path)
    one = InputConfig(paths=(str(logs / "*"),), delete=Delete(enabled=True, grace_period_s=0))
    settings = replace(config(tmp_path), inputs=(one,))
    passes = in_passes(Pipeline(settings, ScriptedOutput(), deletions=Deletions(["test"])))
    for _ in range(3):
        next(passes)
    passes.close()
    assert path.exists() is is_damaged


def test_an_archive_with_the_inode_of_a_file_that_is_gone_is_not_sent_again(
    tmp_path, logs, monkeypatch
):
    """Each archive may get the inode of the file that was packed before it."""
    monkeypatch.setattr("shipper.follow.sources._MAX_OPEN", 1)
    for number in range(4):
        append(logs / f"a.log.{number}", block(range(number * 10, number * 10 + 10), size=200))
    output = ScriptedOutput()
    passes = in_passes(Pipeline(config(tmp_path, str(logs / "*")), output))
    next(passes)
    for path in sorted(logs.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    next(passes)
    next(passes)
    passes.close()
    assert sorted(numbers(output.taken)) == list(range(40))


def test_a_file_that_is_packed_while_its_handle_is_closed_is_not_sent_again(
    tmp_path, logs, monkeypatch
):
    """The change is seen at once, before a scan has seen that the file is gone."""
    monkeypatch.setattr("shipper.follow.sources._MAX_OPEN", 1)
    for number in range(4):
        append(logs / f"a.log.{number}", block(range(number * 10, number * 10 + 10), size=200))
    originals = sorted(logs.iterdir())
    output = ScriptedOutput()
    settings = config(tmp_path, str(logs / "*"), scan_interval_s=1.0)

    def all_packed():
        return all(one.path.endswith(".gz") for one in read_positions(settings.registry_path))

    with running(Pipeline(settings, output)):
        wait_until(lambda: len(output.taken) == 40, 20, "delivery")
        packed = {path: gzip.compress(path.read_bytes()) for path in originals}
        for path, data in packed.items():
            held = path.with_name(f".{path.name}")
            held.write_bytes(data)
        for path in originals:
            path.unlink()
            path.with_name(f".{path.name}").rename(f"{path}.gz")
        wait_until(all_packed, 20, "the positions of the archives")
    assert sorted(numbers(output.taken)) == list(range(40))
    assert account_now(settings.inputs, settings.registry_path).written == 40
