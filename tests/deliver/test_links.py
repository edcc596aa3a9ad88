"""Links in a followed directory: whoever may make one must not read, or delete, through it."""

import os
import threading

import pytest
from msgspec.structs import replace

from shipper.deliver.pipeline import Pipeline
from shipper.follow.deletions import Deletions
from shipper.follow.discover import find, open_found
from shipper.follow.inputs import Delete, InputConfig, Scanner
from tests.deliver.lines import age, append, block, config, delivered, in_passes
from tests.fakes import ScriptedOutput
from tests.users import NOBODY, as_nobody, needs_root


@pytest.fixture
def victim(tmp_path):
    """A file that is no log, outside the followed directory."""
    folder = tmp_path / "etc"
    folder.mkdir()
    append(folder / "secret.log", block([666]))
    return folder / "secret.log"


def plant(path, target, owner=NOBODY):
    path.symlink_to(target)
    os.lchown(path, owner, owner)


def settings(home, pattern="*", **options):
    one = InputConfig(paths=(str(home / "logs" / pattern),), **options)
    return replace(config(home), inputs=(one,))


@needs_root
def test_a_planted_link_is_left_out_logged_once_and_counted(tmp_path, logs, victim, caplog):
    append(logs / "good.log", block([1]))
    plant(logs / "x.log", victim)
    output = ScriptedOutput()
    pipeline = Pipeline(settings(tmp_path), output)
    passes = in_passes(pipeline)
    for _ in range(3):
        next(passes)
    passes.close()
    assert b"666" not in b"".join(output.taken)
    assert len(output.taken) == 1
    what = f"{logs}/x.log is left out: it is reached through a link of user {NOBODY}"
    assert caplog.text.count(what) == 1
    assert pipeline.stats.left_out == 1


@needs_root
@pytest.mark.parametrize("pattern", ["*/*.log", "**/*.log", "x/secret.log"])
def test_a_planted_link_to_a_directory_is_left_out(tmp_path, logs, victim, caplog, pattern):
    plant(logs / "x", victim.parent)
    assert delivered(settings(tmp_path, pattern)) == []
    assert f"{logs}/x" in caplog.text
    assert "is left out" in caplog.text


@needs_root
def test_a_planted_link_to_a_link_that_counts_is_left_out(tmp_path, logs, victim):
    (tmp_path / "ours").symlink_to(victim)
    plant(logs / "x.log", "../ours")
    plant(logs / "y.log", f"{logs}/x.log", owner=0)
    assert delivered(settings(tmp_path)) == []


@needs_root
def test_links_count_if_they_are_ours_or_their_owner_owns_what_they_lead_to(tmp_path, logs):
    """As in Kubernetes, where root links /var/log/containers to the files of any user."""
    for n, owner in enumerate([0, NOBODY]):
        append(tmp_path / f"{n}", block([n]))
        os.chown(tmp_path / f"{n}", NOBODY, NOBODY)
        plant(logs / f"{n}.log", tmp_path / f"{n}", owner)
    append(tmp_path / "release" / "a.log", b"") if (tmp_path / "release").mkdir() else None
    append(tmp_path / "release" / "a.log", block([2]))
    os.chown(tmp_path / "release", NOBODY, NOBODY)
    plant(logs / "current", "../release")
    both = InputConfig(paths=(f"{logs}/*.log", f"{logs}/current/*"))
    assert sorted(delivered(replace(config(tmp_path), inputs=(both,)))) == [0, 1, 2]


@needs_root
def test_a_followed_file_stays_followed_when_a_planted_link_leads_to_it(tmp_path, logs):
    append(logs / "good.log", block([1]))
    plant(logs / "a.log", logs / "good.log")
    assert delivered(settings(tmp_path)) == [1]


def test_circles_of_links_and_links_to_nothing_are_no_problem(tmp_path, logs, caplog):
    (logs / "a").symlink_to(logs / "b")
    (logs / "b").symlink_to(logs / "a")
    (logs / "c").symlink_to(logs / "nothing")
    assert delivered(settings(tmp_path)) == []
    assert caplog.text == ""


def test_a_link_that_is_put_in_place_of_a_file_is_not_opened(tmp_path, logs, victim):
    """The race between the scan and the opening, as won by whoever puts the link there."""
    no_links = InputConfig(paths=(), scanner=Scanner(symlinks=False))
    path = logs / "x.log"
    append(path, block([1]))
    found = find(str(path), no_links)
    seen = find(str(victim), no_links)
    path.unlink()
    path.symlink_to(victim)
    for one in (found, replace(seen, path=str(path))):
        with pytest.raises(OSError, match="levels of symbolic links"):
            open_found(one)


@needs_root
def test_a_directory_that_is_replaced_by_a_planted_link_is_not_read(tmp_path, logs, victim):
    """The same race one directory further up."""
    (logs / "x").mkdir()
    append(logs / "x" / "secret.log", block([1]))
    owner = InputConfig(paths=())
    seen = find(str(victim), owner)
    (logs / "x").rename(logs / "y")
    plant(logs / "x", victim.parent)
    with pytest.raises(PermissionError, match=f"link of user {NOBODY}"):
        open_found(replace(seen, path=str(logs / "x" / "secret.log")))


@needs_root
def test_links_that_are_swapped_all_the_time_let_nothing_through(tmp_path, logs, victim):
    append(tmp_path / "plain", block([1]))
    os.chown(tmp_path / "plain", NOBODY, NOBODY)
    path, is_over = logs / "x.log", threading.Event()

    def swap():
        while not is_over.is_set():
            for make in (lambda to: plant(to, victim), lambda to: os.link(tmp_path / "plain", to)):
                make(tmp_path / "next")
                (tmp_path / "next").rename(path)
                (tmp_path / "next").unlink(missing_ok=True)

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        passes = in_passes(Pipeline(settings(tmp_path), output := ScriptedOutput()))
        for _ in range(300):
            next(passes)
        passes.close()
    finally:
        is_over.set()
        swapping.join()
    assert b"666" not in b"".join(output.taken)


# --- deletion


def deleted(home, path, pattern="*"):
    """Whether a file is gone after every output has it and the period of grace is over."""
    age(path, 10)
    wanted = settings(home, pattern, delete=Delete(enabled=True, grace_period_s=0.0))
    output = ScriptedOutput()
    passes = in_passes(Pipeline(wanted, output, deletions=Deletions(["test"])))
    for _ in range(3):
        next(passes)
    passes.close()
    assert output.taken
    return not path.exists()


def test_nothing_is_deleted_through_a_link(tmp_path, logs, victim, caplog):
    (logs / "x.log").symlink_to(victim)
    assert not deleted(tmp_path, victim)
    assert (logs / "x.log").is_symlink()
    assert caplog.text.count(f"{logs}/x.log cannot be deleted (it is a link") == 1


def test_nothing_is_deleted_through_a_link_to_a_directory(tmp_path, logs, victim, caplog):
    (logs / "x").symlink_to(victim.parent)
    assert not deleted(tmp_path, victim, "x/*")
    assert caplog.text.count(f"{logs}/x/secret.log cannot be deleted (a link leads to") == 1


def test_a_plain_file_is_deleted(tmp_path, logs):
    append(logs / "a.log", block([1]))
    assert deleted(tmp_path, logs / "a.log")


# --- directories that cannot be read


@needs_root
def test_a_directory_that_cannot_be_read_is_reported_once(open_home, caplog):
    logs = open_home / "logs"
    for name in ("open", "closed"):
        (logs / name).mkdir(parents=True)
        append(logs / name / "a.log", block([1]))
    (logs / "closed").chmod(0o700)

    def ship():
        output = ScriptedOutput()
        passes = in_passes(Pipeline(settings(open_home, "*/*.log"), output))
        for _ in range(3):
            next(passes)
        said = f"{logs}/closed cannot be looked into (Permission denied)."
        assert len(output.taken) == 1
        assert caplog.text.count(said) == 1
        return 0

    assert as_nobody(ship)[0] == 0
