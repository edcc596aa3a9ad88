"""The options of an input: which files are followed, for how long, and which are deleted."""

import re
import subprocess
import sys
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from shipper import AuditHandler, create_compliance_event
from shipper.config import from_mapping
from shipper.deliver.pipeline import Pipeline
from shipper.errors import ConfigError
from shipper.follow.deletions import Deletions
from shipper.follow.discover import find, scan
from shipper.follow.inputs import Delete, InputConfig, Scanner
from shipper.follow.registry import read_positions
from tests.deliver.lines import age, append, block, config, delivered, drained, in_passes, numbers
from tests.fakes import ScriptedOutput
from tests.real.processes import dies_with_us

DAY_S = 86_400


def settings(home, pattern="*", **options):
    one = InputConfig(paths=(str(home / "logs" / pattern),), **options)
    return replace(config(home), inputs=(one,))


# --- which


def test_files_are_included_and_excluded_by_their_paths(tmp_path, logs):
    for n, name in enumerate(["a.log", "a.log.gz", "b.txt", "c.log"]):
        append(logs / name, block([n]))
    scanner = Scanner(
        include_files=(re.compile(r"\.log"),), exclude_files=(re.compile(r"\.gz$|c\.log"),)
    )
    assert delivered(settings(tmp_path, scanner=scanner)) == [0]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("app-[^0-9].log", ["app-^.log", "app-x.log"]),
        ("app-[!0-9].log", ["app-^.log", "app-x.log"]),
        ("app-[0-9^].log", ["app-1.log", "app-^.log"]),
        ("app-[[^].log", ["app-^.log"]),
        ("*", [".h.log", "app-1.log", "app-^.log", "app-x.log"]),
        ("?h.log", [".h.log"]),
        ("**/*x.log", ["app-x.log"]),
    ],
)
def test_a_pattern_means_what_it_means_in_filebeat(logs, pattern, names):
    for name in (".h.log", "app-1.log", "app-^.log", "app-x.log"):
        append(logs / name, block([1]))
    found = scan([InputConfig(paths=(str(logs / pattern),))])
    assert [Path(one.path).name for one in found] == names


def test_a_backslash_in_a_path_is_refused():
    with pytest.raises(ConfigError, match="has a backslash"):
        from_mapping({"inputs": {"paths": ["/var/log/\\*.log"]}})


def test_links_are_followed_unless_disabled(tmp_path, logs):
    append(tmp_path / "real", block([1]))
    (logs / "link.log").symlink_to(tmp_path / "real")
    assert delivered(settings(tmp_path, scanner=Scanner(symlinks=False))) == []
    assert delivered(settings(tmp_path)) == [1]


def test_a_link_that_changes_its_target_leads_to_both_files_in_turn(tmp_path, logs):
    link = logs / "current.log"
    for n in range(3):
        append(tmp_path / f"real-{n}", block([n]))
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / f"real-{n}")
        assert delivered(settings(tmp_path)) == [n]


def test_links_that_lead_in_circles_are_walked_once(tmp_path, logs):
    deep = logs / "x" / "y"
    deep.mkdir(parents=True)
    for name in ("one", "two", "three"):
        (deep / name).symlink_to(logs)
    append(logs / "a.log", block([1]))
    append(deep / "b.log", block([2]))
    assert sorted(delivered(settings(tmp_path, "**/*.log"))) == [1, 2]
    assert delivered(settings(tmp_path, "**")) == []


# --- how old


def test_an_old_file_is_left_out_logged_once_and_counted(tmp_path, logs, caplog):
    append(logs / "old.log", block([1]))
    append(logs / "new.log", block([2]))
    age(logs / "old.log", 2 * DAY_S)
    output = ScriptedOutput()
    pipeline = Pipeline(settings(tmp_path, ignore_older_s=DAY_S), output)
    passes = in_passes(pipeline)
    for _ in range(3):
        next(passes)
    assert numbers(output.taken) == [2]
    assert pipeline.stats.left_out == 1
    assert caplog.text.count("old.log is left out") == 1
    append(logs / "old.log", block([3]))
    next(passes)
    passes.close()
    assert numbers(output.taken) == [2, 1, 3]
    assert pipeline.stats.left_out == 0


def test_a_started_file_is_read_to_its_end_at_any_age(tmp_path, logs):
    path = logs / "a.log"
    append(path, block([1]))
    assert delivered(settings(tmp_path, ignore_older_s=DAY_S)) == [1]
    append(path, block([2]))
    age(path, 2 * DAY_S)
    assert delivered(settings(tmp_path, ignore_older_s=DAY_S)) == [2]


def test_inactivity_is_measured_from_the_first_start_or_the_last(tmp_path, logs):
    append(logs / "a.log", block([1]))
    age(logs / "a.log", 10)
    assert delivered(settings(tmp_path, ignore_inactive="since_first_start")) == []
    append(logs / "b.log", block([2]))
    age(logs / "b.log", -10)
    assert delivered(settings(tmp_path, ignore_inactive="since_first_start")) == [2]
    append(logs / "c.log", block([3]))
    age(logs / "c.log", 1)
    assert delivered(settings(tmp_path, ignore_inactive="since_last_start")) == []


def test_the_position_of_an_inactive_file_is_forgotten(tmp_path, logs):
    append(logs / "a.log", block([1]))
    append(logs / "b.log", block([2]))
    wanted = settings(tmp_path, ignore_older_s=DAY_S, clean_inactive_s=2 * DAY_S)
    assert delivered(wanted) == [1, 2]
    age(logs / "a.log", 3 * DAY_S)
    passes = in_passes(Pipeline(wanted, ScriptedOutput()))
    next(passes)
    next(passes)
    passes.close()
    assert delivered(wanted) == []
    (left,) = read_positions(wanted.registry_path)
    assert left.path == str(logs / "b.log")


@pytest.mark.parametrize("clean_removed", [True, False])
def test_the_position_of_a_removed_file_is_forgotten_if_asked(tmp_path, logs, clean_removed):
    append(logs / "a.log", block([1]))
    wanted = settings(tmp_path, clean_removed=clean_removed)
    passes = in_passes(Pipeline(wanted, ScriptedOutput()))
    next(passes)
    (logs / "a.log").unlink()
    next(passes)
    passes.close()
    assert bool(read_positions(wanted.registry_path)) != clean_removed


# --- deletion

AT_ONCE = Delete(enabled=True, grace_period_s=0.0)


def deleting(home, outputs, **options):
    """Two pipelines over the same files; returns a function that delivers existing lines."""
    deletions = Deletions(outputs)
    running = []
    for name, output in outputs.items():
        wanted = replace(settings(home, **options), name=name)
        running.append(
            in_passes(Pipeline(wanted, output, deletions=deletions, sleep=lambda s: None))
        )
    return running


def test_a_file_is_deleted_when_every_output_has_it_and_not_before(tmp_path, logs, caplog):
    caplog.set_level("INFO")
    path = logs / "a.log"
    append(path, block([1, 2]))
    age(path, 10)
    one, two = deleting(
        tmp_path, {"one": ScriptedOutput(), "two": ScriptedOutput()}, delete=AT_ONCE
    )
    for _ in range(3):
        next(one)
    assert path.exists()
    for running in (two, two, one, two):
        next(running)
    assert not path.exists()
    assert f"{path} is deleted: every output has it" in caplog.text
    for name in ("one", "two"):
        assert read_positions(tmp_path / "data" / "registry" / f"{name}.ndjson") == ()
    one.close()
    two.close()


def test_a_file_that_grows_meanwhile_or_is_not_old_enough_is_kept(tmp_path, logs):
    path = logs / "a.log"
    append(path, block([1]))
    age(path, 10)
    one, two = deleting(
        tmp_path, {"one": ScriptedOutput(), "two": ScriptedOutput()}, delete=AT_ONCE
    )
    next(one)
    next(one)
    append(path, block([2]))
    age(path, 5)
    next(two)
    next(two)
    assert path.exists()
    one.close()
    two.close()
    (patient,) = deleting(tmp_path, {"three": ScriptedOutput()}, delete=Delete(enabled=True))
    next(patient)
    next(patient)
    patient.close()
    assert path.exists()


def test_a_file_that_has_grown_since_it_was_settled_is_not_deleted(logs):
    path = logs / "a.log"
    append(path, block([1]))
    settled = find(str(path), InputConfig(paths=(str(path),)))
    append(path, block([2]))
    Deletions(["one"]).settled("one", settled)
    assert path.read_bytes() == block([1, 2])


def test_a_half_line_at_the_end_keeps_a_file(tmp_path, logs):
    append(logs / "a.log", block([1]) + b'{"n":')
    age(logs / "a.log", 10)
    (one,) = deleting(tmp_path, {"one": ScriptedOutput()}, delete=AT_ONCE)
    for _ in range(3):
        next(one)
    one.close()
    assert (logs / "a.log").exists()


def test_segments_are_deleted_when_they_are_closed(tmp_path, logs):
    handler = AuditHandler(logs, max_bytes=1500)
    for _ in range(4):
        handler.record_self_audit(create_compliance_event("thing"))
    for path in logs.iterdir():
        age(path, 10)
    output = ScriptedOutput()
    (one,) = deleting(tmp_path, {"one": output}, delete=AT_ONCE)
    for _ in range(3):
        next(one)
    assert [handler.path] == list(logs.iterdir())
    handler.close()
    for path in logs.iterdir():
        age(path, 10)
    for _ in range(3):
        next(one)
    one.close()
    assert list(logs.iterdir()) == []
    assert len(output.taken) == len(set(output.taken)) > 8


WRITER = """
import sys
from shipper import AuditHandler, create_compliance_event
handler = AuditHandler(sys.argv[1])
handler.record_self_audit(create_compliance_event("thing"))
print(handler.path, flush=True)
sys.stdin.read()
"""


def test_the_last_segment_of_a_killed_process_is_deleted_and_not_before_it_is_gone(tmp_path, logs):
    with subprocess.Popen(
        [*dies_with_us(), sys.executable, "-c", WRITER, str(logs)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        path = Path(writer.stdout.readline().strip())
        age(path, 10)
        (one,) = deleting(tmp_path, {"one": ScriptedOutput()}, delete=AT_ONCE)
        for _ in range(3):
            next(one)
        assert path.exists()
        writer.kill()
    for _ in range(3):
        next(one)
    one.close()
    assert not path.exists()


# --- configuration


def test_the_options_are_filebeats(tmp_path):
    given = {
        "paths": ["/var/log/*.log"],
        "prospector": {
            "scanner": {"check_interval": "5s", "symlinks": False, "exclude_files": ["gz$"]}
        },
        "delete": {"enabled": True, "grace_period": "1h"},
        "ignore_older": "24h",
        "clean_inactive": "48h",
        "clean_removed": False,
        "ignore_inactive": "since_last_start",
    }
    (one,) = from_mapping({"inputs": [given], "output": {"console": {}}}).inputs
    assert (one.scanner.check_interval_s, one.scanner.symlinks) == (5, False)
    assert one.scanner.exclude_files[0].pattern == "gz$"
    assert one.delete == Delete(enabled=True, grace_period_s=3600)
    assert (one.ignore_older_s, one.clean_inactive_s) == (DAY_S, 2 * DAY_S)
    assert (one.ignore_inactive, one.clean_removed) == ("since_last_start", False)


@pytest.mark.parametrize("clean", ["1h", "24h"])
def test_positions_are_not_forgotten_while_their_files_are_read(clean):
    given = {"paths": ["/x"], "ignore_older": "24h", "clean_inactive": clean}
    with pytest.raises(ConfigError, match="must be longer than ignore_older"):
        from_mapping({"inputs": [given], "output": {"console": {}}})


# --- many


def test_ten_thousand_small_files_and_as_many_more_with_few_handles(tmp_path, logs):
    for n in range(10_000):
        (logs / f"{n:05}.log").write_bytes(block([n]))
    pipeline, output = drained(settings(tmp_path))
    assert sorted(numbers(output.taken)) == list(range(10_000))
    assert pipeline.stats.open_files <= 256
    for n in range(10_000, 20_000):
        (logs / f"{n:05}.log").write_bytes(block([n]))
    assert sorted(delivered(settings(tmp_path))) == list(range(10_000, 20_000))


def test_each_of_many_files_that_are_delivered_takes_less_than_a_kibibyte(tmp_path, logs):
    count = 2000  # enough that modules loaded meanwhile hardly count
    for n in range(count):
        (logs / f"{n:05}.log").write_bytes(block([n], 2000))
    output = ScriptedOutput()
    tracemalloc.start()
    try:
        with closing(in_passes(Pipeline(settings(tmp_path), output))) as passes:
            next(passes)
            assert len(output.taken) == count
            output.sent.clear()
            output.taken.clear()
            next(passes)
            assert tracemalloc.get_traced_memory()[0] < count * 1024
    finally:
        tracemalloc.stop()


def test_a_file_that_two_inputs_name_is_shipped_by_the_first_with_a_warning(tmp_path, logs, caplog):
    for name in ("a.log", "b.log"):
        append(logs / name, block([1]))
    inputs = (
        InputConfig(id="one", paths=(str(logs / "a*"),)),
        InputConfig(id="two", paths=(str(logs / "*"),)),
    )
    running = in_passes(Pipeline(replace(config(tmp_path), inputs=inputs), ScriptedOutput()))
    for _ in range(3):
        next(running)
    running.close()
    (warning,) = [one.message for one in caplog.records if "named by" in one.message]
    assert warning.startswith(
        f"{logs}/a.log is named by the inputs 'one' and 'two'; 'one' alone ships it"
    )


def test_two_inputs_that_name_the_same_files_are_refused():
    two = {"paths": ["/x/*.log", "/y"], "id": "two"}
    with pytest.raises(ConfigError) as caught:
        from_mapping({"inputs": [{"id": "one", "paths": ["/x/*.log"]}, two]})
    (problem,) = caught.value.problems
    assert "input 'one' already has '/x/*.log'" in problem.what
    two["prospector"] = {"scanner": {"exclude_files": ["a"]}}
    from_mapping({"inputs": [{"id": "one", "paths": ["/x/*.log"]}, two]})
