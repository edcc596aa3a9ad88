"""Losses and repetitions that users of Filebeat have reported, repeated with this pipeline.

Each test names its report (in elastic/beats, unless stated) and repeats it. If the report is about
a design that this shipper does not have, the test does what could cause the same damage here.
"""

import os
import shutil

import pytest

from shipper.deliver.pipeline import Pipeline, PipelineConfig
from shipper.errors import RegistryError, Unavailable
from shipper.follow.inputs import InputConfig
from shipper.follow.registry import Registry
from tests.deliver.lines import append, block, config, delivered, drained, in_passes, numbers
from tests.fakes import ScriptedOutput


@pytest.fixture
def follow(logs):
    """Starts a pipeline for the test; each call scans once and returns the delivered numbers."""
    running = []

    def start(settings, output=None):
        output = output or ScriptedOutput()
        passes = in_passes(Pipeline(settings, output, sleep=lambda delay_s: None))
        running.append(passes)

        def scan_once():
            output.taken.clear()
            next(passes)
            return numbers(output.taken)

        return scan_once

    yield start
    for passes in running:
        passes.close()


@pytest.fixture
def few_handles(monkeypatch):
    """Every file but the last that was read is closed, as by `close.on_state_change.inactive`."""
    monkeypatch.setattr("shipper.follow.sources._MAX_OPEN", 1)


def test_lines_written_while_the_output_is_slow_and_the_file_is_closed_are_not_skipped(
    tmp_path, logs, follow, few_handles
):
    """#50738, PR #50840: after an inactive close and a reopen, lines were skipped for good."""
    written = []

    def slow(lines):
        for path in (logs / "a.log", logs / "b.log"):
            written.append(len(written))
            append(path, block(written[-1:]))
        raise Unavailable("slow")

    output = ScriptedOutput(*[slow] * 5)
    scan_once = follow(config(tmp_path, max_lines=2), output)
    written += [0, 1]
    append(logs / "a.log", block([0]))
    append(logs / "b.log", block([1]))
    came = [n for _ in range(4) for n in scan_once()]
    assert sorted(came) == written == list(range(12))


def test_a_file_closed_before_its_first_line_is_whole_is_read_from_its_beginning(
    tmp_path, logs, follow, few_handles
):
    """PR #51675: a harvester that closed at offset 0 lost the file's lines."""
    scan_once = follow(config(tmp_path))
    for path, half in ((logs / "a.log", b""), (logs / "b.log", b'{"n"')):
        path.write_bytes(half)
    append(logs / "c.log", block([3]))
    assert scan_once() == [3]
    append(logs / "a.log", block([1]))
    append(logs / "b.log", b": 2}\n")
    assert sorted(scan_once()) == [1, 2]


@pytest.mark.parametrize("end", [b"\n", b""])
def test_the_last_line_of_a_file_that_is_then_deleted_arrives(tmp_path, logs, follow, end):
    """PR #47247: the last lines before the end of a file were missing."""
    scan_once = follow(config(tmp_path))
    append(logs / "a.log", block([1]))
    assert scan_once() == [1]
    append(logs / "a.log", block([2]) + b'{"n":3}' + end)
    (logs / "a.log").unlink()
    assert scan_once() + scan_once() == [2, 3]


def test_lines_written_after_a_rename_of_a_closed_file_arrive(tmp_path, logs, follow, few_handles):
    """#39732: once the harvester was closed, a rename lost what was written later."""
    scan_once = follow(config(tmp_path))
    append(logs / "a.log", block([1]))
    append(logs / "b.log", block([2]))
    assert sorted(scan_once()) == [1, 2]
    (logs / "a.log").rename(logs / "a.log.1")
    append(logs / "a.log.1", block([3]))
    assert scan_once() == [3]
    append(logs / "a.log", block([4]))
    append(logs / "a.log.1", block([5]))
    assert sorted(scan_once()) == [4, 5]


def test_repeated_copytruncate_neither_loses_nor_doubles(tmp_path, logs, follow):
    """#39731, #45300, #38070, #36541: lines lost, or complete files sent again."""
    scan_once = follow(config(tmp_path))
    came, path = [], logs / "a.log"
    for number in range(1, 30, 3):
        append(path, block([number, number + 1], 600))
        came += scan_once()
        append(path, block([number + 2], 600))
        shutil.copy(path, logs / f"a.log.{number}")
        os.truncate(path, 0)
        came += scan_once()
    assert sorted(came + scan_once()) == list(range(1, 31))


@pytest.mark.parametrize("size", [0, 2000])
def test_another_file_with_the_inode_of_a_deleted_one_is_read_from_its_beginning(
    tmp_path, logs, size
):
    """#1341, #6984, #4368: with a reused inode the shipper continued at the old file's offset."""
    path = logs / "a.log"
    append(path, block(range(5), size))
    assert delivered(config(tmp_path)) == list(range(5))
    inode = path.stat().st_ino
    path.write_bytes(
        block(range(5, 15), size)
    )  # in place, because the reuse of an inode cannot be forced
    path.rename(logs / "b.log")
    assert (logs / "b.log").stat().st_ino == inode
    assert delivered(config(tmp_path)) == list(range(5, 15))


def test_inputs_without_ids_send_a_file_once_and_not_again_after_a_restart(tmp_path, logs):
    """#30061: with a missing or repeated input id, each restart sent everything again."""
    inputs = tuple(InputConfig(paths=(str(logs / one),)) for one in ("*.log", "a*", "*"))
    settings = PipelineConfig(name="test", inputs=inputs, data_path=tmp_path / "data")
    append(logs / "a.log", block([1]))
    assert delivered(settings) == [1]
    append(logs / "a.log", block([2]))
    assert delivered(settings) == [2]


def test_positions_do_not_depend_on_the_ids_of_inputs(tmp_path, logs):
    """#30061: a change of the id does not send anything again either."""
    append(logs / "a.log", block([1]))
    for name in ("one", "other"):
        inputs = (InputConfig(id=name, paths=(str(logs / "a.log"),)),)
        settings = PipelineConfig(name="test", inputs=inputs, data_path=tmp_path / "data")
        append(logs / "a.log", block([name]))
        assert delivered(settings) in ([1, "one"], ["other"])


def test_a_power_cut_in_a_write_of_the_registry_repeats_at_most_the_last_batch(tmp_path, logs):
    """#3537: after a power loss the registry could not be read, and all was sent again."""
    settings = config(tmp_path)
    for n in range(3):
        append(logs / "a.log", block([n]))
        assert delivered(settings) == [n]
    journal = settings.registry_path
    append(logs / "a.log", block([3]))
    whole = journal.read_bytes()
    assert delivered(settings) == [3]
    grown = journal.read_bytes()
    assert grown.startswith(whole.split(b"\n")[0])
    for cut in range(1, len(grown.split(b"\n")[-2]) + 1, 5):
        journal.write_bytes(grown[:-cut])
        assert delivered(settings) in ([], [3])


def test_a_zeroed_registry_is_reported_and_nothing_is_sent(tmp_path, logs):
    """#4733: without fsync the file came back full of zeros; with it, only a person can do that."""
    settings = config(tmp_path)
    append(logs / "a.log", block([1]))
    assert delivered(settings) == [1]
    journal = settings.registry_path
    journal.write_bytes(bytes(journal.stat().st_size))
    output = ScriptedOutput()
    with pytest.raises(RegistryError, match=r"damaged.*move it away"):
        drained(settings, output)
    assert output.sent == []
    journal.unlink()
    assert delivered(settings) == [1]


def test_after_a_torn_journal_a_commit_is_one_line_again_not_the_whole_registry(tmp_path, logs):
    """#35893: after a corrupt log each operation wrote a complete checkpoint."""
    settings, journal = config(tmp_path), config(tmp_path).registry_path
    for n in range(200):
        append(logs / f"{n}.log", block([n]))
    assert len(delivered(settings)) == 200
    append(logs / "7.log", block([200]))
    assert delivered(settings) == [200]
    journal.write_bytes(journal.read_bytes()[:-20])
    with Registry(journal) as registry:
        position = registry.committed.get(1)
        size, inode = journal.stat().st_size, journal.stat().st_ino
        for _ in range(50):
            registry.commit([position])
        assert journal.stat().st_ino == inode
        assert journal.stat().st_size - size < 50 * 1000


def test_the_cost_of_a_commit_grows_with_changes_not_with_files(tmp_path, logs):
    """#19634, #16076: very many states made the registry slow, or hang."""
    settings = config(tmp_path)
    for n in range(3000):
        append(logs / f"{n}.log", block([n]))
    pipeline, output = drained(settings)
    assert sorted(numbers(output.taken)) == list(range(3000))
    assert pipeline.stats.batches < 10
    append(logs / "7.log", block(["more"]))
    size = settings.registry_path.stat().st_size
    pipeline, output = drained(settings)
    assert numbers(output.taken) == ["more"]
    assert pipeline.stats.batches == 1
    assert settings.registry_path.stat().st_size < size + 1000


@pytest.fixture
def pod(tmp_path):
    """A container's log as the kubelet lays it out: links to `pods/…/0.log`."""
    target = tmp_path / "pods" / "uid" / "app" / "0.log"
    target.parent.mkdir(parents=True)
    (tmp_path / "containers").mkdir()
    (tmp_path / "containers" / "app.log").symlink_to(target)
    return target


def test_lines_before_a_rotation_by_the_kubelet_arrive_through_the_link(tmp_path, pod, follow):
    """#17396, #9488, elastic/integrations #12022: the end of a rotated container log was lost."""
    scan_once = follow(config(tmp_path, str(tmp_path / "containers" / "*.log")))
    came = []
    for n in range(0, 20, 2):
        append(pod, block([n]))
        came += scan_once()
        append(pod, block([n + 1]))
        pod.rename(pod.with_name(f"0.log.2026112{n}"))
        came += scan_once()
    assert sorted(came + scan_once()) == list(range(20))


def test_rotations_by_the_kubelet_while_stopped_are_found_where_they_are_named(tmp_path, pod):
    """elastic/integrations #12022: without a handle, only a pattern leads to a rotated file."""
    settings = config(tmp_path, str(tmp_path / "pods" / "*" / "*" / "0.log*"))
    append(pod, block([1]))
    assert delivered(settings) == [1]
    append(pod, block([2]))
    pod.rename(pod.with_name("0.log.20261125"))
    append(pod, block([3]))
    assert sorted(delivered(settings)) == [2, 3]


def test_a_link_that_changes_its_target_ends_one_file_and_starts_another(tmp_path, logs, follow):
    """#1686: files behind links were missed, or sent again."""
    old, new, link = tmp_path / "old", tmp_path / "new", logs / "a.log"
    append(old, block([1]))
    link.symlink_to(old)
    (logs / "b.log").symlink_to(old)  # a second name is no second file
    scan_once = follow(config(tmp_path))
    assert scan_once() == [1]
    append(old, block([2]))
    append(new, block([3]))
    link.unlink()
    link.symlink_to(new)
    assert sorted(scan_once() + scan_once()) == [2, 3]
    assert scan_once() == []


def test_a_file_that_a_share_shows_too_short_for_a_moment_loses_nothing(tmp_path, logs, follow):
    """#5465: a network share reported a smaller size. What is sent again has the same ids."""
    path = logs / "a.log"
    append(path, block(range(100), 100))
    scan_once = follow(config(tmp_path))
    assert scan_once() == list(range(100))
    whole = path.read_bytes()
    os.truncate(path, 5000)
    came = scan_once()
    path.write_bytes(whole + block([100], 100))
    came += scan_once()
    assert 100 in came
    assert set(came) <= set(range(101))


def test_a_reload_with_other_inputs_sends_nothing_again(tmp_path, logs):
    """#2044: after a reload of the configuration, files were sent twice."""
    for name in ("a.log", "b.log"):
        append(logs / name, block([name]))
    wanted = [[logs / "a.log"], [logs / "*"], [logs / "b.log", logs / "a.log"], [logs / "*.log"]]
    came = [delivered(config(tmp_path, *map(str, patterns))) for patterns in wanted]
    assert came == [["a.log"], ["b.log"], [], []]


def test_small_files_are_sent_at_once_and_not_again_when_they_grow(tmp_path, logs, follow):
    """#44780, PR #44751: files below the fingerprint's 1,024 bytes waited, or were sent again."""
    scan_once = follow(config(tmp_path))
    for name in ("a.log", "b.log"):
        append(logs / name, block([1]))  # two files with equal content
    assert scan_once() == [1, 1]
    for n in range(2, 60):
        append(logs / "a.log", block([n], 20))
        assert scan_once() == [n]
