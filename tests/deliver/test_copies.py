"""Rotation by copy and truncation, without loss or repetition where the content allows it."""

import os
import shutil

import pytest

from shipper.deliver.pipeline import Pipeline
from shipper.follow.registry import read_positions
from tests.deliver.lines import append, block, config, delivered, in_passes, numbers
from tests.fakes import ScriptedOutput

#: A line's size: with the first, a beginning is that of many files; with the second, of one.
SIZES = pytest.mark.parametrize("size", [0, 2000])
NAMES = pytest.mark.parametrize("name", ["a.log.1", "a.log-20261125", "a-20261125.log", "a.1.log"])


def copied(path, name):
    return shutil.copy(path, path.with_name(name))


@SIZES
@NAMES
def test_a_copy_made_while_stopped_continues_at_the_position_of_the_original(
    tmp_path, logs, name, size
):
    settings = config(tmp_path, str(logs / "*"))
    path = logs / "a.log"
    append(path, block([1, 2], size))
    assert delivered(settings) == [1, 2]
    append(path, block([3], size))
    copied(path, name)
    os.truncate(path, 0)
    append(path, block([4], size))
    assert sorted(delivered(settings)) == [3, 4]
    assert delivered(settings) == []


@SIZES
@NAMES
@pytest.mark.parametrize("is_seen", [True, False])
def test_a_copy_is_not_sent_and_has_the_rest_when_the_original_is_cut(
    logs, passes, name, size, is_seen
):
    path = logs / "a.log"
    append(path, block([1, 2], size))
    assert passes() == [1, 2]
    copied(path, name)
    if is_seen:
        assert passes() == []
    append(path, block([3], size))
    copied(path, name)
    os.truncate(path, 0)
    append(path, block([4], size))
    assert sorted(passes() + passes()) == [3, 4]
    append(path, block([5], size))
    assert passes() == [5]


@SIZES
def test_a_copy_is_known_at_every_byte_while_it_is_made(logs, passes, size):
    path, copy = logs / "a.log", logs / "a.log.1"
    data = block(range(5), size)
    append(path, data)
    assert passes() == [0, 1, 2, 3, 4]
    for end in range(0, len(data), max(1, len(data) // 50)):
        copy.write_bytes(data[:end])
        assert passes() == []
    copy.write_bytes(data)
    assert passes() == []
    os.truncate(path, 0)
    assert passes() + passes() == []


@SIZES
@NAMES
def test_a_copy_and_its_original_at_the_first_start_are_sent_once(logs, passes, name, size):
    append(logs / "a.log", block([1, 2], size))
    copied(logs / "a.log", name)
    assert passes() == [1, 2]
    os.truncate(logs / "a.log", 0)
    assert passes() + passes() == []


def test_a_copy_outlives_an_original_that_is_deleted(logs, passes):
    append(logs / "a.log", block([1, 2], 2000))
    assert passes() == [1, 2]
    copied(logs / "a.log", "b")
    assert passes() == []
    (logs / "a.log").unlink()
    assert passes() + passes() == []
    append(logs / "b", block([3]))
    assert passes() == [3]


def test_a_copy_that_diverges_is_a_separate_file(logs, passes):
    append(logs / "a.log", block([1], 2000))
    assert passes() == [1]
    copied(logs / "a.log", "b.log")
    assert passes() == []
    append(logs / "b.log", block([2]))
    append(logs / "a.log", block([3]))
    assert sorted(passes()) == [1, 2, 3]


def test_a_file_that_is_cut_without_a_copy_leaves_no_position_behind(tmp_path, logs, passes):
    path = logs / "a.log"
    for n in range(5):
        append(path, block([n], 2000))
        assert passes() == [n]
        os.truncate(path, 0)
        passes()
    passes()
    assert len(read_positions(config(tmp_path).registry_path)) <= 1


def test_a_file_rewritten_after_an_unchanged_beginning_is_read_again(logs, passes, caplog):
    path, header = logs / "a.log", block(["header"], 2000)
    append(path, header + block([1, 2]))
    assert passes() == ["header", 1, 2]
    path.write_bytes(header + block([3, 4, 5]))
    assert passes() == ["header", 3, 4, 5]
    assert "truncated or rewritten" in caplog.text


def test_a_file_rewritten_immediately_with_the_same_size_is_read_again(logs, passes):
    path = logs / "a.log"
    for n in range(100, 300):  # many times in each tick of the file system's clock
        path.write_bytes(block([n]))
        assert passes() == [n]


def test_a_copy_of_lines_written_after_an_unseen_truncation_is_sent_once(logs, passes):
    path, copy = logs / "a.log", logs / "a.log.1"
    append(path, block([1]))
    assert passes() == [1]
    path.write_bytes(block([2, 3], 2000))
    copy.write_bytes(path.read_bytes()[:17])
    assert passes() == [2, 3]
    copied(path, copy.name)
    assert passes() == []
    os.truncate(path, 0)
    assert passes() + passes() == []


def test_a_file_that_was_empty_when_it_was_seen_is_read_where_only_its_handle_leads(
    tmp_path, logs, passes
):
    path = logs / "a.log"
    path.touch()
    assert passes() == []
    with path.open("ab") as writer:
        path.rename(tmp_path / "away")
        append(path, block([1]))
        writer.write(block([2]))
    assert sorted(passes() + passes()) == [1, 2]
    positions = read_positions(config(tmp_path).registry_path)
    assert len({one.id for one in positions} - {0}) == 2


def test_a_file_created_in_place_of_an_empty_one_is_the_original_of_its_copy(logs, passes):
    path, copy = logs / "a.log", logs / "a.log.1"
    path.touch()
    assert passes() == []
    path.unlink()
    append(path, block([1]))
    copy.touch()
    assert passes() == [1]
    copied(path, copy.name)
    assert passes() == []
    os.truncate(path, 0)
    assert passes() + passes() == []


@pytest.mark.parametrize("name", ["a.log.0", "a.log.2"])
def test_an_original_that_is_cut_and_renamed_at_once_is_known_by_its_old_name(logs, passes, name):
    path = logs / "a.log"
    append(path, block([1]))
    assert passes() == [1]
    copied(path, "a.log.1")
    os.truncate(path, 0)
    path.rename(logs / name)
    append(path, block([2]))
    assert passes() == [2]


def test_a_copy_of_a_file_that_was_empty_so_far_is_known_while_it_is_made(logs, passes):
    path, copy = logs / "a.log", logs / "a.log.1"
    path.touch()
    assert passes() == []
    append(path, block([1, 2]))
    copy.write_bytes(path.read_bytes()[:5])
    assert passes() == [1, 2]
    copied(path, copy.name)
    os.truncate(path, 0)
    assert passes() + passes() == []


def test_a_copy_with_the_inode_of_a_file_that_was_deleted_is_a_copy(tmp_path, logs):
    settings = config(tmp_path, str(logs / "*"))
    path, copy = logs / "a.log", logs / "a.log.1"
    append(copy, block([0]))
    assert delivered(settings) == [0]
    append(path, block([1, 2]))
    copy.write_bytes(path.read_bytes()[:12])  # with the inode that has a position
    output = ScriptedOutput()
    passes = in_passes(Pipeline(settings, output))
    next(passes)
    copied(path, copy.name)
    next(passes)
    os.truncate(path, 0)
    next(passes)
    passes.close()
    assert numbers(output.taken) == [1, 2]


def in_folders(home, *names):
    """A pipeline over files in several folders; each call returns the numbers it delivers."""
    for name in names:
        (home / "logs" / name).mkdir(parents=True)
    output = ScriptedOutput()
    running = in_passes(Pipeline(config(home, str(home / "logs/*/*")), output))

    def scan_once():
        output.taken.clear()
        next(running)
        return numbers(output.taken)

    return scan_once


@pytest.mark.parametrize("name", ["app.log", "export.csv"])
def test_equal_files_in_other_folders_are_shipped_each(tmp_path, name):
    passes = in_folders(tmp_path, "a", "b", "c")
    append(tmp_path / "logs/a" / name, block([1, 2], 2000))
    append(tmp_path / "logs/c/app.log", block([1], 2000))
    assert sorted(passes()) == [1, 1, 2]
    append(tmp_path / "logs/b/app.log", block([1, 2], 2000))
    assert passes() == [1, 2]
    append(tmp_path / "logs/a" / name, block([3]))
    append(tmp_path / "logs/b/app.log", block([4]))
    assert sorted(passes() + passes()) == [3, 4]


@pytest.mark.parametrize("name", ["app.log.1", "app.log-20261125", "app-20261125.log"])
def test_a_copy_in_another_folder_is_known_beside_a_twin_of_its_original(tmp_path, name):
    passes = in_folders(tmp_path, "a", "b", "old")
    for folder in "ab":
        append(tmp_path / "logs" / folder / "app.log", block([1, 2], 2000))
    assert sorted(passes()) == [1, 1, 2, 2]
    (tmp_path / "logs/old" / name).write_bytes(block([1, 2], 2000))
    assert passes() == []
    os.truncate(tmp_path / "logs/a/app.log", 0)
    assert passes() + passes() == []


#: Other files begin with these few bytes.
BLANK = b" \r\n\n"


def left_behind(path, *, is_deleted):
    """Another file takes the place of `path`, which begins alike."""
    if is_deleted:
        path.unlink()
    else:
        path.rename(path.parent.parent / "elsewhere")


@pytest.mark.parametrize("is_deleted", [True, False])
@pytest.mark.parametrize("part", [len(BLANK), 26, 100])
@pytest.mark.parametrize("is_seen", [True, False])
def test_a_copy_is_the_copy_of_the_file_that_holds_all_of_it(
    logs, passes, is_deleted, part, is_seen
):
    path, copy = logs / "a.log", logs / "a.log.1"
    path.write_bytes(BLANK)
    assert passes() == passes() == []
    left_behind(path, is_deleted=is_deleted)
    if is_seen:
        passes()
        passes()
    lines = BLANK + block([1, 2, 3])
    path.write_bytes(lines)
    copy.write_bytes(lines[:part])
    found = passes() + passes()
    copy.write_bytes(lines)
    os.truncate(path, 0)
    found += passes() + passes() + passes()
    assert sorted(found) == [1, 2, 3]


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_copy_that_holds_more_than_a_file_left_behind_is_no_copy_of_it(logs, passes, is_deleted):
    path = logs / "a.log"
    append(path, block([1]))
    assert passes() == [1]
    left_behind(path, is_deleted=is_deleted)
    path.touch()
    assert passes() == passes() == []
    append(path, block([1, 2]))
    copied(path, "a.log.1")
    os.truncate(path, 0)
    assert passes() + passes() == [1, 2]


@pytest.mark.parametrize("is_restarted", [True, False])
@pytest.mark.parametrize("part", [len(BLANK), 26, 100])
def test_a_copy_with_the_inode_of_a_file_with_another_name_is_a_copy(
    tmp_path, logs, part, is_restarted
):
    settings = config(tmp_path, str(logs / "*"))
    path, copy, former = logs / "a.log", logs / "a.log.1", logs / "b.log"
    former.write_bytes(BLANK)
    assert delivered(settings) == []
    path.write_bytes(lines := BLANK + block([1, 2, 3]))
    former.write_bytes(lines[:part])
    former.rename(copy)  # with the inode that has a position
    output = ScriptedOutput()
    passes = in_passes(Pipeline(settings, output))
    next(passes)
    if is_restarted:
        passes.close()
        passes = in_passes(Pipeline(settings, output))
    copy.write_bytes(lines)
    os.truncate(path, 0)
    next(passes)
    next(passes)
    passes.close()
    assert numbers(output.taken) == [1, 2, 3]


def test_a_copy_is_not_taken_for_a_deleted_file_that_had_the_name_of_its_original(tmp_path, logs):
    settings = config(tmp_path, str(logs / "*"))
    path, copy = logs / "a.log", logs / "a.log.1"
    path.write_bytes(BLANK)
    assert delivered(settings) == []
    path.rename(tmp_path / "elsewhere")
    append(path, block([0]))
    output = ScriptedOutput()
    passes = in_passes(Pipeline(settings, output))
    next(passes)
    path.write_bytes(lines := BLANK + block([1, 2, 3]))
    next(passes)
    for end in (10, 40, len(lines)):
        copy.write_bytes(lines[:end])
        next(passes)
    os.truncate(path, 0)
    next(passes)
    next(passes)
    passes.close()
    assert numbers(output.taken) == [0, 1, 2, 3]
