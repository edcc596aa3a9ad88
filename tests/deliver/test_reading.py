"""Reading real files: complete lines, once, from where the previous run ended."""

import os
import tempfile
import tracemalloc
from hashlib import sha256
from pathlib import Path

import pytest

from shipper.deliver.pipeline import Pipeline
from shipper.errors import Unavailable
from shipper.follow.registry import read_positions
from tests.deliver.lines import (
    append,
    block,
    config,
    dead_letters,
    delivered,
    drained,
    line,
    numbers,
)
from tests.fakes import Killed, ScriptedOutput, killed_after


def test_lines_come_as_bytes_in_order_and_only_once(tmp_path, logs):
    text = b'{"a":"caf\xc3\xa9 \\u00e9" , "b":1.0}\n{}\n'
    (logs / "a.log").write_bytes(text)
    assert drained(config(tmp_path))[1].taken == text.split(b"\n")[:-1]
    assert drained(config(tmp_path))[1].taken == []


def test_a_new_start_continues_where_the_last_ended(tmp_path, logs):
    for numbers_ in (range(5), range(5, 9), range(9, 10)):
        append(logs / "a.log", block(numbers_))
        assert delivered(config(tmp_path)) == list(numbers_)


def test_a_batch_holds_no_more_lines_than_the_output_takes(tmp_path, logs):
    (logs / "a.log").write_bytes(block(range(1000)))
    _, output = drained(config(tmp_path, max_lines=64))
    assert max(map(len, output.sent)) == 64
    assert numbers(output.taken) == list(range(1000))


def test_a_batch_holds_about_a_mebibyte(tmp_path, logs):
    (logs / "a.log").write_bytes(block(range(500), 10_000))
    _, output = drained(config(tmp_path))
    assert numbers(output.taken) == list(range(500))
    assert max(sum(map(len, lines)) for lines in output.sent) <= 1 << 20


def test_a_line_longer_than_a_block_comes_whole(tmp_path, logs):
    sizes = [10, 3_000_000, 1 << 20, 5_000_000, 10]
    lines = [line(n, size) for n, size in enumerate(sizes)]
    (logs / "a.log").write_bytes(b"\n".join(lines) + b"\n")
    assert drained(config(tmp_path))[1].taken == lines


def test_many_small_files_share_batches(tmp_path, logs):
    for n in range(500):
        (logs / f"{n:03}.log").write_bytes(block([2 * n, 2 * n + 1]))
    pipeline, output = drained(config(tmp_path))
    assert numbers(output.taken) == list(range(1000))
    assert pipeline.stats.batches < 5
    assert delivered(config(tmp_path)) == []


def test_more_files_than_handles_are_read(tmp_path, logs):
    for n in range(600):
        (logs / f"{n:03}.log").write_bytes(block([n]))
    assert sorted(delivered(config(tmp_path))) == list(range(600))
    for n in range(600):
        append(logs / f"{n:03}.log", block([n + 600]))
    assert sorted(delivered(config(tmp_path))) == list(range(600, 1200))


def test_a_big_file_does_not_hold_back_a_small_one(tmp_path, logs):
    (logs / "a.log").write_bytes(block(range(10_000), 1000))
    (logs / "b.log").write_bytes(block([-1]))
    sent = numbers(drained(config(tmp_path))[1].taken)
    assert sent.index(-1) < 2500
    assert [n for n in sent if n >= 0] == list(range(10_000))


def test_blank_lines_and_white_space_around_lines_vanish(tmp_path, logs):
    (logs / "a.log").write_bytes(b'\n\r\n {"n":1}\r\n\t\n{"n":2} \n\n')
    assert drained(config(tmp_path))[1].taken == [b'{"n":1}', b'{"n":2}']
    assert dead_letters(config(tmp_path)) == []
    assert read_positions(config(tmp_path).registry_path)[0].offset == 25


def test_bad_lines_become_dead_letters_and_the_others_are_delivered(tmp_path, logs):
    path = logs / "a.log"
    path.write_bytes(b'{"n":1}\nnot json\n{"n":2}\n\xff\xfe\n[3]\n{"n":4}\n')
    pipeline, output = drained(config(tmp_path))
    assert numbers(output.taken) == [1, 2, 4]
    assert pipeline.stats.rejected == 3
    found = dead_letters(config(tmp_path))
    assert [(one["path"], one["offset"], one["output"]) for one in found] == [
        (str(path), 8, "test"),
        (str(path), 25, "test"),
        (str(path), 28, "test"),
    ]
    assert [one.get("line", one.get("line_base64")) for one in found] == [
        "not json",
        "//4=",
        "[3]",
    ]
    assert found[0]["reason"].startswith("not JSON")


def test_a_last_line_without_newline_is_delivered_if_it_is_whole(tmp_path, logs):
    path = logs / "a.log"
    append(path, b'{"n":1}\n{"n":2}')
    assert delivered(config(tmp_path)) == [1, 2]
    append(path, b"\n")
    assert delivered(config(tmp_path)) == []
    append(path, b'{"n":3}\n')
    assert delivered(config(tmp_path)) == [3]


@pytest.mark.parametrize("half", [b'{"n":2', b'{"n":{"a":2}', b'{"n":"}', b'{"n":2} {}', b"2"])
def test_a_last_line_that_is_not_whole_waits_for_its_end(tmp_path, logs, half, caplog):
    path = logs / "a.log"
    append(path, b'{"n":1}\n' + half)
    assert delivered(config(tmp_path)) == [1]
    assert f"{path}: the line at offset 8 is incomplete ({len(half)} bytes)" in caplog.text
    assert dead_letters(config(tmp_path)) == []


def test_a_half_line_is_delivered_when_its_end_comes(tmp_path, logs):
    path = logs / "a.log"
    for start in range(len(line(1))):
        append(path, line(1)[start : start + 1])
        expected = [1] if start + 1 == len(line(1)) else []
        assert delivered(config(tmp_path)) == expected


@pytest.mark.parametrize("ended", [True, False])
def test_the_last_line_counts_against_the_batch_as_any_other(tmp_path, logs, ended):
    (logs / "a.log").write_bytes(block(range(6))[: None if ended else -1])
    for size in (1, 2, 3, 5, 6, 7):
        home = tmp_path / str(size)
        settings = config(home, str(logs / "*.log"), max_lines=size)
        _, output = drained(settings)
        assert numbers(output.taken) == list(range(6))
        assert max(map(len, output.sent)) <= size


def test_an_over_long_line_is_skipped_without_being_in_memory(tmp_path, logs):
    path = logs / "a.log"
    long = b'{"n":"' + b"x" * 3_000_000 + b'"}'
    path.write_bytes(line(1) + b"\n" + long + b"\n" + line(2) + b"\n")
    settings = config(tmp_path, max_line_bytes=1_500_000)
    assert delivered(settings) == [1, 2]
    (dead_letter,) = dead_letters(settings)
    assert dead_letter["line"] == long[:1024].decode()
    assert dead_letter["length"] == len(long)
    assert dead_letter["sha256"] == sha256(long).hexdigest()
    assert (dead_letter["path"], dead_letter["offset"]) == (str(path), len(line(1)) + 1)
    assert "1500000" in dead_letter["reason"]


def test_an_over_long_line_without_end_waits_for_it(tmp_path, logs):
    path = logs / "a.log"
    settings = config(tmp_path, max_line_bytes=2000)
    append(path, b"x" * 3000)
    assert delivered(settings) == []
    assert dead_letters(settings) == []
    append(path, b"x" * 3000 + b"\n" + block([1]))
    assert delivered(settings) == [1]
    assert [one["length"] for one in dead_letters(settings)] == [6000]


def test_rotation_by_rename_loses_and_repeats_nothing(tmp_path, logs):
    path = logs / "a.log"
    append(path, block(range(3)))
    assert delivered(config(tmp_path)) == [0, 1, 2]
    append(path, block(range(3, 5)))
    path.rename(logs / "a.log.1")
    append(path, block(range(5, 8)))
    assert sorted(delivered(config(tmp_path))) == [3, 4, 5, 6, 7]
    assert delivered(config(tmp_path)) == []


def test_a_chain_of_renames_while_stopped_is_followed(tmp_path, logs):
    for n in range(4):
        append(logs / "a.log", block([n], 2000))
        assert delivered(config(tmp_path)) == [n]
        for number in range(n, 0, -1):
            (logs / f"a.log.{number}").rename(logs / f"a.log.{number + 1}")
        (logs / "a.log").rename(logs / "a.log.1")


def test_a_rotated_file_that_begins_as_the_new_one_does_keeps_its_position(tmp_path, logs):
    header = line("header", 2000) + b"\n"
    path = logs / "a.log"
    append(path, header + block([1]))
    assert delivered(config(tmp_path)) == ["header", 1]
    path.rename(logs / "z.log.1")
    append(path, header + block([2]))
    append(logs / "z.log.1", block([3]))
    assert delivered(config(tmp_path)) == [3, "header", 2]


def test_files_with_the_same_beginning_are_distinguished(tmp_path, logs):
    header = line("header", 2000) + b"\n"
    for n, name in enumerate("abc"):
        append(logs / f"{name}.log", header + block([n]))
    assert delivered(config(tmp_path)) == ["header", 0, "header", 1, "header", 2]
    for n, name in enumerate("abc"):
        append(logs / f"{name}.log", block([n + 10] * n))
    assert delivered(config(tmp_path)) == [11, 12, 12]


def test_a_file_that_is_moved_to_another_disk_and_back_is_known_by_its_beginning(tmp_path, logs):
    path = logs / "a.log"
    append(path, block([1], 2000))
    assert delivered(config(tmp_path)) == [1]
    copy = path.read_bytes()
    (logs / "keep.log").touch()  # takes the inode, on file systems that give it out again
    path.unlink()
    (logs / "b.log").write_bytes(copy + block([2]))
    assert delivered(config(tmp_path)) == [2]


def test_a_new_file_with_the_same_short_beginning_is_a_new_file(tmp_path, logs):
    append(logs / "a.log", block([1]))
    assert delivered(config(tmp_path)) == [1]
    append(logs / "b.log", block([1, 2]))
    assert delivered(config(tmp_path)) == [1, 2]


def test_a_truncated_file_is_read_from_its_beginning(tmp_path, logs, caplog):
    path = logs / "a.log"
    append(path, block(range(5)))
    assert delivered(config(tmp_path)) == [0, 1, 2, 3, 4]
    path.write_bytes(block([7]))
    assert delivered(config(tmp_path)) == [7]


def test_a_file_cut_behind_its_beginning_is_read_again_with_a_warning(tmp_path, logs, caplog):
    path = logs / "a.log"
    append(path, block(range(5), 1500))
    assert len(delivered(config(tmp_path))) == 5
    os.truncate(path, len(block([0], 1500)))
    assert delivered(config(tmp_path)) == [0]
    assert f"{path} was truncated or rewritten" in caplog.text


def test_a_file_rewritten_beyond_its_old_size_is_read_from_its_beginning(tmp_path, logs):
    path = logs / "a.log"
    append(path, block(range(5)))
    assert len(delivered(config(tmp_path))) == 5
    path.write_bytes(block(range(100, 120)))
    assert delivered(config(tmp_path)) == list(range(100, 120))


def test_patterns_cross_directories_and_name_a_file_once(tmp_path, logs):
    deep = logs / "x" / "y"
    deep.mkdir(parents=True)
    append(logs / "a.log", block([1]))
    append(deep / "b.log", block([2]))
    (logs / "link.log").symlink_to(deep / "b.log")
    patterns = (str(logs / "**" / "*.log"), str(logs / "*.log"), str(deep / "b.log"))
    assert sorted(delivered(config(tmp_path, *patterns))) == [1, 2]


def test_directories_pipes_and_dangling_links_are_not_followed(tmp_path, logs):
    (logs / "d.log").mkdir()
    os.mkfifo(logs / "p.log")
    (logs / "l.log").symlink_to(logs / "nowhere")
    append(logs / "a.log", block([1]))
    assert delivered(config(tmp_path)) == [1]


def test_empty_files_have_no_position(tmp_path, logs):
    (logs / "a.log").touch()
    assert delivered(config(tmp_path)) == []
    assert read_positions(config(tmp_path).registry_path) == ()


@pytest.fixture
def as_nobody():
    """A directory in which this process is subject to permissions, even if it runs as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "logs").mkdir()
        for path in (folder, folder / "logs"):
            path.chmod(0o777)
        user = os.geteuid()
        os.seteuid(65534 if user == 0 else user)
        yield folder
        os.seteuid(user)


def test_an_unreadable_file_is_logged_once_and_read_when_it_becomes_readable(as_nobody, caplog):
    logs = as_nobody / "logs"
    append(logs / "a.log", block([1]))
    append(logs / "b.log", block([2]))
    (logs / "a.log").chmod(0)
    assert delivered(config(as_nobody)) == [2]
    assert caplog.text.count(f"{logs / 'a.log'} cannot be read (Permission denied)") == 1
    (logs / "a.log").chmod(0o600)
    assert delivered(config(as_nobody)) == [1]


def test_an_unsettled_batch_is_read_again(tmp_path, logs):
    append(logs / "a.log", block(range(100), 20_000))
    with pytest.raises(Killed):
        drained(config(tmp_path), killed_after(0))
    assert delivered(config(tmp_path)) == list(range(100))


def test_a_new_file_that_begins_as_a_vanished_one_is_a_new_file(tmp_path, logs):
    append(logs / "a.log", block([1]))
    assert delivered(config(tmp_path)) == [1]
    (logs / "a.log").rename(tmp_path / "away")  # keeps its inode
    append(logs / "b.log", block([1, 2]))
    assert delivered(config(tmp_path)) == [1, 2]


def test_a_stop_does_not_warn_about_lines_that_still_wait(tmp_path, logs, caplog):
    append(logs / "a.log", block([1, 2]))

    def stops(_lines):
        pipeline.stop()
        raise Unavailable("away")

    pipeline = Pipeline(config(tmp_path), ScriptedOutput(stops))
    pipeline.drain()
    assert "is incomplete" not in caplog.text


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_line_over_the_limit_is_found_wherever_a_block_ends(tmp_path, logs, more):
    """Blocks of a skipped line end at every mebibyte."""
    long = b"x" * ((3 << 20) + more)
    (logs / "a.log").write_bytes(long + b"\n")
    settings = config(tmp_path, max_line_bytes=1 << 20)
    drained(settings)
    (letter,) = dead_letters(settings)
    assert letter["sha256"] == sha256(long).hexdigest()


def test_lines_that_are_skipped_take_no_memory_however_many_there_are(tmp_path, logs):
    limit, count = 1 << 20, 16
    for n in range(count):
        (logs / f"{n}.log").write_bytes(b"x" * (3 * limit) + b"\n")
    tracemalloc.start()
    try:
        settings = config(tmp_path, max_line_bytes=limit)
        drained(settings)
        assert tracemalloc.get_traced_memory()[1] < 8 * limit
    finally:
        tracemalloc.stop()
    assert len(dead_letters(settings)) == count
