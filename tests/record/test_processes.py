"""Threads share a stream, processes never do."""

import asyncio
import json
import multiprocessing
import os
import threading

import pytest

from shipper import create_compliance_event, create_tool_execution_event
from tests.record.recorder import Recorder, assert_whole, segments, streams
from tests.record.test_segments import run

DEADLINE_S = 30


def call(name="t"):
    return create_tool_execution_event("bob", name, {"limit": 1}, "ok")


def tools(stream):
    found = (json.loads(line).get("gen_ai") for line in stream)
    return [document["tool"]["name"] for document in found if document]


def in_child(work):
    """Fork, work, and leave as a child of a server does: through the end of the interpreter."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - the exit code tells the parent
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_threads_write_one_file_without_a_gap(recorder):
    def work(name):
        for _ in range(500):
            recorder.logger.info(call(name))

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    recorder.close()
    (path,) = segments(recorder.directory)
    (stream,) = streams(recorder.directory).values()
    assert_whole(stream)
    names = tools(stream)
    assert {name: names.count(name) for name in set(names)} == {f"t{n}": 500 for n in range(8)}
    assert path.name.endswith("-000001.jsonl")
    assert recorder.handler.counts.recorded == 4000


def test_threads_write_across_rotations_without_a_gap(new_recorder):
    recorder = new_recorder(max_bytes=20_000, durability="group")

    def work():
        for _ in range(200):
            recorder.logger.info(call())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    recorder.close()
    (stream,) = streams(recorder.directory).values()
    assert_whole(stream)
    assert len(tools(stream)) == 800


def test_tasks_write_one_file_without_a_gap(recorder):
    async def work(name):
        for _ in range(50):
            recorder.logger.info(call(name))
            await asyncio.sleep(0)

    async def everything():
        await asyncio.gather(*(work(f"t{n}") for n in range(20)))

    asyncio.run(everything())
    (stream,) = streams(recorder.directory).values()
    assert_whole(stream)
    assert len(tools(stream)) == 1000


@pytest.mark.parametrize("durability", ["flush", "group"])
def test_a_forked_child_has_a_stream_of_its_own(durability, new_recorder):
    recorder = new_recorder(durability=durability)
    recorder.log(call("parent"))

    def child():
        assert recorder.handler.counts.recorded == 1
        recorder.logger.info(call("child"))
        assert recorder.handler.counts.recorded == 1, "counts are each process's own"
        recorder.handler.close()

    in_child(child)
    recorder.log(call("parent"))
    recorder.close()
    first, second = streams(recorder.directory).values()
    for stream in (first, second):
        assert_whole(stream)
    assert (tools(first), tools(second)) == (["parent", "parent"], ["child"])
    pids = {json.loads(line)["process"]["pid"] for line in first}
    assert pids == {os.getpid()}
    assert os.getpid() not in {json.loads(line)["process"]["pid"] for line in second}


def test_a_child_that_closes_the_handler_unused_leaves_the_parents_segment_alone(recorder):
    recorder.log(call())
    in_child(recorder.handler.close)
    recorder.log(call())
    recorder.close()
    (stream,) = streams(recorder.directory).values()
    assert_whole(stream)
    assert tools(stream) == ["t", "t"]


def test_losses_before_a_fork_are_the_parents_to_tell(recorder):
    recorder.log(call())
    recorder.logger.info("x", extra={"event_type": "no such type"})
    in_child(lambda: recorder.logger.info(call("child")))
    recorder.log(call())
    recorder.close()
    told = [
        [json.loads(line)["event"]["action"] for line in stream].count("audit-records-lost")
        for stream in streams(recorder.directory).values()
    ]
    assert told == [1, 0]


@pytest.mark.parametrize("durability", ["flush", "group"])
def test_children_forked_while_threads_write_neither_hang_nor_break_a_chain(
    durability, new_recorder
):
    recorder = new_recorder(durability=durability)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            recorder.logger.info(call("parent"))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            in_child(lambda: [recorder.logger.info(call("child")) for _ in range(5)])
    finally:
        stop.set()
        for thread in threads:
            thread.join(DEADLINE_S)
    recorder.close()
    found = streams(recorder.directory)
    assert len(found) == 21
    for stream in found.values():
        assert_whole(stream)
        assert len(set(tools(stream))) == 1


def _work(recorder, name):
    for _ in range(50):
        recorder.logger.info(call(name))
    recorder.close()


def test_worker_processes_have_streams_of_their_own(recorder):
    recorder.log(call("parent"))
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_work, args=(recorder, f"w{n}")) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(DEADLINE_S)
        assert worker.exitcode == 0
    recorder.log(call("parent"))
    recorder.close()
    found = streams(recorder.directory)
    assert len(found) == 5
    for stream in found.values():
        assert_whole(stream)
    counts = {names[0]: len(names) for names in map(tools, found.values())}
    assert counts == {"parent": 2, "w0": 50, "w1": 50, "w2": 50, "w3": 50}


def test_a_second_handler_on_a_directory_joins_the_stream_of_the_first(new_recorder):
    one, two = new_recorder(), new_recorder()
    for _ in range(5):
        one.log(call("one"))
        two.log(call("two"))
    (stream,) = streams(one.directory).values()
    assert_whole(stream)
    assert tools(stream) == ["one", "two"] * 5


def test_a_handler_on_the_same_directory_by_another_name_joins_as_well(new_recorder, tmp_path):
    one = new_recorder()
    (tmp_path / "link").symlink_to(one.directory)
    two = new_recorder(tmp_path / "link")
    one.log(call("one"))
    two.log(call("two"))
    assert len(streams(one.directory)) == 1


@pytest.mark.parametrize("settings", [{}, {"audit_level": "standard"}], ids=["same", "other"])
def test_two_handlers_of_one_directory_on_one_logger_record_an_event_once(settings, new_recorder):
    one, two = new_recorder(), new_recorder(**settings)
    one.logger.addHandler(two.handler)
    two.logger.parent = one.logger  # and again, through the hierarchy
    two.logger.propagate = True
    for _ in range(5):
        two.logger.info(call())
    found = [name for stream in streams(one.directory).values() for name in tools(stream)]
    assert found == ["t"] * 5


def test_a_type_that_one_of_two_handlers_leaves_out_is_recorded_by_the_other(new_recorder):
    one, two = new_recorder(audit_level="basic"), new_recorder()
    one.logger.addHandler(two.handler)
    one.logger.info(create_compliance_event("export"))
    (document,) = two.events()
    assert document["event"]["action"] == "audit-export"


def test_handlers_of_one_directory_with_other_settings_never_share_a_file(new_recorder):
    one, two = new_recorder(), new_recorder(audit_level="basic")
    for _ in range(5):
        one.log(call("one"))
        two.log(call("two"))
    found = [tools(stream) for stream in streams(one.directory).values()]
    assert sorted(found) == [["one"] * 5, ["two"] * 5]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_process_of_multiprocessing_that_ends_in_order_writes_its_last_line(method, tmp_path):
    code = f"""
import multiprocessing
from tests.record import test_processes
context = multiprocessing.get_context({method!r})
worker = context.Process(target=test_processes.log_there, args=({str(tmp_path)!r},))
worker.start()
worker.join()
assert worker.exitcode == 0
"""
    run(code, tmp_path / "parent")
    (stream,) = streams(tmp_path / "child").values()
    assert json.loads(stream[-1])["event"]["action"] == "audit-segment-end"


def log_there(directory):
    Recorder(f"{directory}/child").logger.info(call("child"))
