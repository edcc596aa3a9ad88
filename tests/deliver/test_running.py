"""A pipeline that runs: woken by changes, following files through their lives, and stopped."""

import ctypes
import os
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from shipper.deliver.pipeline import Pipeline
from shipper.deliver.stats import State
from shipper.errors import RegistryError, Unavailable
from shipper.follow.registry import read_positions
from tests.deliver.lines import append, block, config, delivered, line, numbers
from tests.fakes import ScriptedOutput, running
from tests.real.processes import wait_until

WAIT_S = 20
SELDOM_S = 3600.0  # scans so seldom that only a notice of the change can have woken us


def start(home, output, **options):
    return Pipeline(config(home, **options), output)


def wait_for(output, expected):
    wait_until(lambda: numbers(output.taken) == expected, WAIT_S, f"{expected} delivered")


def open_handles():
    return len(list(Path("/proc/self/fd").iterdir()))


def is_idle(pipeline):
    return pipeline.stats.state is State.IDLE


def test_a_line_is_delivered_when_it_is_written(tmp_path, logs):
    output = ScriptedOutput()
    pipeline = start(tmp_path, output, scan_interval_s=SELDOM_S)
    append(logs / "a.log", block([0]))
    with running(pipeline):
        for n in range(5):
            append(logs / "a.log", block([n + 1]))
            wait_for(output, list(range(n + 2)))


def test_a_new_file_is_found_when_it_is_made(tmp_path, logs):
    output = ScriptedOutput()
    pipeline = start(tmp_path, output, scan_interval_s=SELDOM_S)
    with running(pipeline):
        wait_until(lambda: is_idle(pipeline), WAIT_S, "idle")
        append(logs / "a.log", block([0]))
        wait_for(output, [0])
        (logs / "tmp").write_bytes(block([1]))
        (logs / "tmp").rename(logs / "b.log")
        wait_for(output, [0, 1])


def test_changes_without_a_notification_are_found_by_a_scan(tmp_path, logs):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (logs / "link.log").symlink_to(elsewhere / "real")
    output = ScriptedOutput()
    with running(start(tmp_path, output, scan_interval_s=0.02)):
        append(elsewhere / "real", block([0]))
        wait_for(output, [0])
        append(elsewhere / "real", block([1]))
        wait_for(output, [0, 1])


def test_a_directory_may_be_created_later(tmp_path):
    output = ScriptedOutput()
    with running(start(tmp_path, output, scan_interval_s=0.02)):
        (tmp_path / "logs").mkdir()
        append(tmp_path / "logs" / "a.log", block([0]))
        wait_for(output, [0])


def test_rotation_while_running_loses_and_repeats_nothing(tmp_path, logs):
    output = ScriptedOutput()
    path = logs / "a.log"
    with running(start(tmp_path, output, scan_interval_s=0.02)):
        for n in range(30):
            append(path, block([2 * n, 2 * n + 1]))
            path.rename(logs / f"a.log.{n}")
        wait_until(lambda: len(output.taken) >= 60, WAIT_S, "all delivered")
    assert sorted(numbers(output.taken)) == list(range(60))


def test_a_file_renamed_out_of_sight_is_read_to_its_end(tmp_path, logs):
    output = ScriptedOutput()
    path = logs / "a.log"
    pipeline = start(tmp_path, output, scan_interval_s=0.02)
    append(path, block([0]))
    with running(pipeline), path.open("ab") as writer:
        wait_for(output, [0])
        output.answers.append(Unavailable("down"))
        writer.write(block([1]))
        writer.flush()
        path.rename(tmp_path / "away")
        wait_for(output, [0, 1])
        wait_until(lambda: pipeline.stats.files == 0, WAIT_S, "let go")


def test_a_deleted_file_is_read_to_its_end_and_forgotten(tmp_path, logs):
    output = ScriptedOutput()
    path = logs / "a.log"
    pipeline = start(tmp_path, output, scan_interval_s=0.02)
    append(path, block([0]))
    with running(pipeline), path.open("ab") as writer:
        wait_for(output, [0])
        writer.write(block([1]))
        writer.flush()
        path.unlink()
        wait_for(output, [0, 1])
        wait_until(lambda: pipeline.stats.files == 0, WAIT_S, "let go")
    assert read_positions(config(tmp_path).registry_path) == ()


def test_a_file_created_in_place_of_a_deleted_one_is_read_completely(tmp_path, logs):
    output = ScriptedOutput()
    path = logs / "a.log"
    with running(start(tmp_path, output, scan_interval_s=0.02)):
        for n in range(5):
            path.unlink(missing_ok=True)
            append(path, block([n]))
            wait_for(output, list(range(n + 1)))


def test_a_file_that_grows_while_it_is_read_comes_whole_and_in_order(tmp_path, logs):
    output = ScriptedOutput()
    with running(start(tmp_path, output)), (logs / "a.log").open("ab", buffering=0) as writer:
        for n in range(2000):
            data = line(n, n % 50) + b"\n"
            writer.write(data[:7])
            writer.write(data[7:])
        wait_until(lambda: len(output.taken) >= 2000, WAIT_S, "all delivered")
    assert numbers(output.taken) == list(range(2000))


def test_stop_ends_an_idle_wait_at_once(tmp_path, logs):
    pipeline = start(tmp_path, ScriptedOutput(), scan_interval_s=SELDOM_S)
    with running(pipeline):
        wait_until(lambda: is_idle(pipeline), WAIT_S, "idle")
        before = time.monotonic()
    assert time.monotonic() - before < 5
    assert pipeline.stats.state is State.STOPPED


def test_stop_ends_the_wait_for_an_output_at_once(tmp_path, logs):
    append(logs / "a.log", block([0]))
    output = ScriptedOutput(*[Unavailable("down")] * 1000)
    pipeline = Pipeline(config(tmp_path, backoff_init_s=SELDOM_S), output, random=lambda: 1.0)
    with running(pipeline):
        wait_until(lambda: pipeline.stats.state is State.UNAVAILABLE, WAIT_S, "unavailable")
        before = time.monotonic()
    assert time.monotonic() - before < 5
    assert delivered(config(tmp_path)) == [0]


def test_a_stopped_pipeline_leaves_no_thread_and_no_handle(tmp_path, logs):
    append(logs / "a.log", block([0]))
    output = ScriptedOutput()
    handles, threads = open_handles(), threading.active_count()
    with running(start(tmp_path, output)):
        wait_for(output, [0])
    wait_until(lambda: threading.active_count() == threads, WAIT_S, "threads have ended")
    assert open_handles() == handles


def test_two_pipelines_over_the_same_files_are_independent(tmp_path, logs):
    append(logs / "a.log", block(range(10)))
    dead, alive = ScriptedOutput(*[Unavailable("down")] * 1000), ScriptedOutput()
    other = config(tmp_path / "other", str(logs / "*.log"))
    with running(start(tmp_path, dead)), running(Pipeline(other, alive)):
        wait_for(alive, list(range(10)))
    assert dead.taken == []


def test_two_pipelines_never_share_positions(tmp_path, logs):
    pipeline = start(tmp_path, ScriptedOutput())
    with running(pipeline):
        wait_until(lambda: is_idle(pipeline), WAIT_S, "idle")
        with pytest.raises(RegistryError, match="ships from here already"):
            start(tmp_path, ScriptedOutput()).drain()


def test_without_inotify_changes_are_found_by_scans(tmp_path, logs, caplog):
    output = ScriptedOutput()
    pipeline = start(tmp_path, output, scan_interval_s=0.02)
    with all_inotify_instances_taken(), running(pipeline):
        append(logs / "a.log", block([0]))
        wait_for(output, [0])
        append(logs / "a.log", block([1]))
        wait_for(output, [0, 1])
    assert caplog.text.count("scanning instead") == 1


def test_pipelines_that_never_run_take_no_inotify_instance(tmp_path):
    with all_inotify_instances_taken():
        start(tmp_path, ScriptedOutput()).drain()


@contextmanager
def all_inotify_instances_taken():
    """The user's limit of inotify instances is used up."""
    libc = ctypes.CDLL(None)
    taken = []
    try:
        while (instance := libc.inotify_init()) >= 0:
            taken.append(instance)
        yield
    finally:
        for instance in taken:
            os.close(instance)


def test_a_file_rewritten_in_place_while_it_is_followed_is_read_from_its_beginning(tmp_path, logs):
    output = ScriptedOutput()
    path = logs / "a.log"
    append(path, block([0]))
    with running(start(tmp_path, output, scan_interval_s=0.02)):
        wait_for(output, [0])
        path.write_bytes(block([10, 11, 12]))
        wait_for(output, [0, 10, 11, 12])
