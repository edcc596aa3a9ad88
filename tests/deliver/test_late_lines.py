"""Files that lose their names while programs write to them, and what takes their places."""

import gzip
import shutil

import pytest

from shipper.deliver.pipeline import Pipeline, PipelineConfig
from shipper.follow.inputs import InputConfig
from shipper.follow.registry import read_positions
from tests.deliver.lines import append, block, config, delivered, in_passes, numbers
from tests.fakes import ScriptedOutput

SIZES = pytest.mark.parametrize("size", [0, 2000])


def rename(path):
    path.rename(path.parent.parent / "away")


def delete(path):
    path.unlink()


ENDS = pytest.mark.parametrize("end", [rename, delete])


@ENDS
@SIZES
def test_lines_written_long_after_a_file_lost_its_name_arrive_once(logs, passes, end, size):
    path = logs / "a.log"
    append(path, block([1], size))
    assert passes() == [1]
    with path.open("ab", buffering=0) as writer:
        end(path)
        for n in range(2, 8):
            assert passes() + passes() + passes() == []
            writer.write(block([n], size))
            assert passes() == [n]


@ENDS
def test_the_first_lines_of_a_file_that_lost_its_name_while_it_was_empty_arrive(logs, passes, end):
    path = logs / "a.log"
    with path.open("ab", buffering=0) as writer:
        assert passes() == []
        end(path)
        assert passes() + passes() + passes() == []
        writer.write(block([1]))
        assert passes() == [1]


@ENDS
def test_the_new_file_and_late_lines_of_the_old_one_arrive_side_by_side(logs, passes, end):
    path = logs / "a.log"
    append(path, block([1]))
    assert passes() == [1]
    with path.open("ab", buffering=0) as writer:
        end(path)
        append(path, block([1, 2]) if end is rename else block([2]))
        assert sorted(passes() + passes()) == ([1, 2] if end is rename else [2])
        writer.write(block([3]))
        append(path, block([4]))
        assert sorted(passes()) == [3, 4]


def test_a_file_without_a_name_is_closed_when_it_has_been_quiet_for_long_enough(tmp_path, logs):
    settings = PipelineConfig(
        name="test",
        inputs=(InputConfig(paths=(str(logs / "*"),), close_inactive_s=0.0),),
        data_path=tmp_path / "data",
    )
    pipeline = Pipeline(settings, ScriptedOutput())
    passes = in_passes(pipeline)
    append(logs / "a.log", block([1]))
    next(passes)
    delete(logs / "a.log")
    next(passes)
    assert pipeline.stats.open_files == 0
    passes.close()


def test_a_burst_of_deletions_leaves_few_files_open_with_a_warning(tmp_path, logs, caplog):
    pipeline = Pipeline(config(tmp_path, str(logs / "*")), ScriptedOutput())
    passes = in_passes(pipeline)
    for burst in range(3):
        for n in range(100):
            append(logs / f"{burst}-{n}", block([n]))
        next(passes)
        for n in range(100):
            delete(logs / f"{burst}-{n}")
        next(passes)
    assert 100 < pipeline.stats.open_files <= 128
    assert caplog.text.count("is closed early") == 1
    assert read_positions(config(tmp_path).registry_path) == ()
    passes.close()


def test_a_file_without_a_name_that_gets_one_again_goes_on_where_it_was(tmp_path, logs, passes):
    path = logs / "a.log"
    append(path, block([1, 2]))
    assert passes() == [1, 2]
    rename(path)
    assert passes() + passes() == []
    append(tmp_path / "away", block([3]))
    assert passes() == [3]
    (tmp_path / "away").rename(logs / "b.log")
    assert passes() == []
    append(logs / "b.log", block([4]))
    assert passes() == [4]
    assert len(read_positions(config(tmp_path).registry_path)) == 1


@SIZES
@pytest.mark.parametrize("is_late_before", [True, False])
def test_an_archive_has_none_of_the_late_lines_and_is_not_sent_again(
    logs, passes, size, is_late_before
):
    path = logs / "a.log.1"
    append(path, block([1, 2], size))
    assert passes() == [1, 2]
    with path.open("ab", buffering=0) as writer:
        (logs / "a.log.1.gz").write_bytes(gzip.compress(path.read_bytes()))
        if is_late_before:
            writer.write(block([3]))
        path.unlink()
        assert passes() + passes() + passes() == [3][:is_late_before]
        writer.write(block([4]))
        assert passes() == [4]
        assert passes() + passes() == []


def test_an_archive_keeps_the_position_across_a_restart_beside_late_lines(tmp_path, logs):
    settings = config(tmp_path, str(logs / "*"))
    output = ScriptedOutput()
    passes = in_passes(Pipeline(settings, output))
    path = logs / "a.log.1"
    append(path, block([1, 2]))
    next(passes)
    with path.open("ab", buffering=0) as writer:
        (logs / "a.log.1.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
        for _ in range(3):
            next(passes)
        writer.write(block([3]))
        next(passes)
    passes.close()
    assert numbers(output.taken) == [1, 2, 3]
    assert delivered(settings) == []


# --- replaced by a longer copy of itself


def rewritten(path, more):
    """As editors and rsync do: a copy with more lines takes the place of the file."""
    copy = path.parent.parent / "copy"
    shutil.copyfile(path, copy)
    append(copy, more)
    copy.rename(path)


@SIZES
def test_a_file_replaced_by_a_longer_copy_of_itself_goes_on_where_it_was(logs, passes, size):
    path = logs / "a.log"
    append(path, block([1, 2], size))
    assert passes() == [1, 2]
    for n in range(3, 6):
        rewritten(path, block([n], size))
        assert passes() + passes() == [n]
    append(path, block([6]))
    assert passes() == [6]


@SIZES
def test_a_copy_that_comes_back_some_time_after_its_file_was_deleted_goes_on(logs, passes, size):
    path = logs / "a.log"
    append(path, block([1, 2], size))
    assert passes() == [1, 2]
    data = path.read_bytes()
    path.unlink()
    assert passes() + passes() + passes() == []
    path.write_bytes(data + block([3]))
    assert passes() + passes() == [3]


def test_a_long_copy_that_is_seen_while_it_is_made_goes_on(logs, passes):
    path = logs / "a.log"
    append(path, block([1, 2, 3], 2000))
    assert passes() == [1, 2, 3]
    data = path.read_bytes() + block([4])
    path.unlink()
    for size in (1500, 2500, 5000, len(data)):
        path.write_bytes(data[:size])
        got = passes() + passes()
        assert got == ([4] if size == len(data) else [])


def test_a_replacement_is_known_after_a_restart(tmp_path, logs):
    settings = config(tmp_path, str(logs / "*"))
    output = ScriptedOutput()
    passes = in_passes(Pipeline(settings, output))
    path = logs / "a.log"
    append(path, block([1, 2]))
    next(passes)
    rewritten(path, block([3]))
    next(passes)
    next(passes)
    passes.close()
    assert numbers(output.taken) == [1, 2, 3]
    append(path, block([4]))
    assert delivered(settings) == [4]


def test_a_new_life_under_the_name_of_a_file_that_was_renamed_is_sent(logs, passes):
    path = logs / "a.log"
    for _ in range(3):
        append(path, block([1, 2], 2000))
        assert passes() + passes() == [1, 2]
        rename(path)
        assert passes() == []
