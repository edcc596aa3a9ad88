"""The signer as a process of its own: who holds the key, and how it starts and ends."""

import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import closing, contextmanager

import pytest

from shipper.errors import ConfigError
from shipper.evidence.keys import CannotSign
from shipper.evidence.signer import Settings, SigningProcess
from shipper.evidence.store import LOCK
from shipper.evidence.verdict import Word
from shipper.evidence.verify import verify
from tests.evidence.signed_record import SignedRecord, later
from tests.integration.line import SHIPPER, shipping
from tests.real.processes import wait_until
from tests.run.test_checkpoints import config_of, events, trust
from tests.users import children_of

#: What the process that ships has opened, and whether it could sign.
_WATCHED = """
import sys
opened = set()
sys.addaudithook(lambda name, args: name == "open" and opened.add(str(args[0])))
from shipper.cli import main
code = main(["-c", sys.argv[2], "run", "--once"])
print(code, sys.argv[2] in opened, sys.argv[1] in opened, "cryptography" in sys.modules)
"""


@pytest.fixture
def record(tmp_path):
    return SignedRecord(tmp_path)


def settings(record, **more):
    return Settings(key=str(record.key), folder=str(record.evidence), **more)


@contextmanager
def signer_for(record):
    """A signer, and its process id."""
    before = children_of(os.getpid())
    with closing(SigningProcess(settings(record))) as signer:
        (pid,) = children_of(os.getpid()) - before
        signer.check()
        yield signer, pid


def sign(record, signer):
    return list(signer.tick([record.audit], {}, at_close=True))


def ended(pid):
    """A file that is readable once the process has ended."""
    return os.pidfd_open(pid)


def test_the_process_that_ships_neither_opens_the_key_nor_loads_cryptography(record):
    record.write(3)
    config = str(config_of(record))
    command = [sys.executable, "-c", _WATCHED, str(record.key), config]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 True False False"
    (found,) = verify([record.audit], trust(record))
    assert found.word is Word.INTACT_UNWITNESSED


def test_a_signer_that_is_killed_is_started_again_and_continues_where_it_stopped(record):
    recorder = record.write(3, close=False)
    with signer_for(record) as (signer, pid):
        (first,) = sign(record, signer)
        recorder.close()
        os.kill(pid, signal.SIGKILL)
        (second,) = sign(record, signer)
    assert second.first == first.last + 1
    assert second.previous == first.note.digest.hex()
    assert record.verdict().word is Word.INTACT_UNWITNESSED


def test_the_signals_that_stop_a_service_leave_the_signer_to_its_shipper(record):
    record.write(3)
    with signer_for(record) as (signer, pid):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(pid, number)
        assert len(sign(record, signer)) == 1
        assert pid in children_of(os.getpid())


def test_a_signer_ends_with_its_shipper_however_that_ends(record):
    record.write(3)
    with shipping(config_of(record), record.home / "log") as process:
        wait_until(lambda: len(events(record)) > 1, 60, "both streams are signed")
        (pid,) = children_of(process.pid)
        file = ended(pid)
        process.kill()
        assert select.select([file], [], [], 60)[0] == [file]
    os.close(file)


def test_a_signer_waits_until_the_one_before_has_ended(record):
    record.evidence.mkdir()
    lock = os.open(record.evidence / LOCK, os.O_WRONLY | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with closing(SigningProcess(settings(record))) as signer:
        check = threading.Thread(target=signer.check)
        check.start()
        with signer_for(SignedRecord(record.home / "other")):  # which has nobody to wait for
            check.join(0.5)
        assert check.is_alive()
        os.close(lock)
        check.join(60)
        assert not check.is_alive()


@pytest.mark.parametrize("more", [(), ("--once",)])
def test_a_shipper_with_a_key_that_cannot_be_used_ends_as_misconfigured(record, more):
    record.key.chmod(0o440)
    command = [*SHIPPER, "run", *more, "-c", str(config_of(record))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78
    assert "other users can read" in done.stderr


def test_a_reload_with_a_key_that_cannot_be_used_keeps_the_old_one(record):
    recorder = record.write(3, close=False)
    log, folder = record.home / "log", record.home / "data" / "evidence"
    with shipping(config_of(record), log) as process:
        wait_until(lambda: list(folder.glob("*/checkpoint")), 60, "a checkpoint")
        config_of(record, key=str(record.home / "none"))
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "keeping the old one" in log.read_text(), 60, "the problem is logged")
        recorder.close()
        trusted = trust(record, now_s=later(1e6))
        words = {Word.INTACT_UNWITNESSED}
        wait_until(
            lambda: {one.word for one in verify([record.audit], trusted)} == words, 60, "signed"
        )


def test_a_shipper_delivers_although_it_cannot_sign_and_signs_when_it_can(record):
    record.write(3)
    log, folder = record.home / "log", record.home / "data" / "evidence"
    folder.parent.mkdir(0o700)
    folder.touch()
    with shipping(config_of(record), log):
        wait_until(lambda: "not signed until this is fixed" in log.read_text(), 60, "the problem")
        wait_until((record.home / "out").is_dir, 60, "delivery")
        folder.unlink()
        wait_until(lambda: list(folder.glob("*/checkpoint")), 60, "a checkpoint")


def test_a_signer_reports_what_it_cannot_do_and_can_do_it_later(record):
    record.write(3)
    with signer_for(record) as (signer, pid):
        shutil.rmtree(record.evidence)
        record.evidence.touch()
        with pytest.raises(CannotSign):
            sign(record, signer)
        record.evidence.unlink()
        assert len(sign(record, signer)) == 1
        assert pid in children_of(os.getpid())


def test_a_key_that_is_gone_is_an_error_of_the_configuration(record):
    record.key.unlink()
    with closing(SigningProcess(settings(record))) as signer, pytest.raises(ConfigError):
        signer.check()
