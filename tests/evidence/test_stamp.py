"""Time stamps of a real authority (OpenSSL's) on checkpoints, and what verify says of them."""

import json
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest

from shipper.cli import main
from shipper.evidence.policy import read_policy
from shipper.evidence.stamp import NotStamped, Stamped, Stamping
from shipper.evidence.store import Store
from shipper.evidence.verdict import Word
from tests.conftest import real
from tests.evidence.signed_record import SignedRecord, later
from tests.real.authority import authority
from tests.real.processes import free_ports
from tests.record.recorder import documents


@pytest.fixture(scope="module")
def tsa(tmp_path_factory):
    with real(lambda: authority(tmp_path_factory.mktemp("tsa"))) as made:
        yield made


@pytest.fixture
def record(tmp_path, tsa):
    made = SignedRecord(tmp_path)
    made.write(30)
    made.sign()
    trusted(made, tsa)
    return made


def trusted(record, tsa):
    """A policy that asks the authority."""
    lines = f"log {record.signer.public}\nquorum none\n#! timestamps {tsa.url} tsa.pem\n"
    (record.home / "policy").write_text(lines)
    (record.home / "tsa.pem").write_bytes(tsa.root.read_bytes())


def policy(record):
    return read_policy(record.home / "policy")


def stamp(record):
    return list(Stamping(Store(record.evidence), policy(record)).tick())


def verdict(record):
    return record.verdict(policy=policy(record), now_s=later(0))


def folder(record):
    (found,) = (path.parent for path in record.evidence.glob("*/stamped"))
    return found


def test_verify_shows_when_the_authority_saw_the_checkpoint(record):
    assert verdict(record).stamped_at is None
    (found,) = stamp(record)
    assert isinstance(found, Stamped)
    assert abs(found.at - datetime.now(UTC)) < timedelta(minutes=5)
    shown = verdict(record)
    assert (shown.stamped, shown.stamp_fault) == (shown.signed, None)
    assert datetime.fromisoformat(shown.stamped_at) == found.at
    assert shown.word is Word.INTACT_UNWITNESSED
    assert stamp(record) == []


def test_openssl_accepts_what_is_kept(record, tsa):
    stamp(record)
    files = ("-data", folder(record) / "stamped", "-in", folder(record) / "stamped.tsr")
    words = ["openssl", "ts", "-verify", *files, "-CAfile", tsa.root]
    assert subprocess.run(words, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("name", ["stamped", "stamped.tsr"])
def test_a_changed_stamp_is_not_valid(record, name):
    stamp(record)
    path = folder(record) / name
    data = path.read_bytes()
    at = len(data) // 2
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    shown = verdict(record)
    assert shown.stamped_at is None
    assert shown.stamp_fault


def test_a_stamp_of_another_authority_is_not_valid(record, tmp_path_factory):
    stamp(record)
    with real(lambda: authority(tmp_path_factory.mktemp("other"))) as other:
        (record.home / "tsa.pem").write_bytes(other.root.read_bytes())
        assert "not valid" in verdict(record).stamp_fault


def test_a_stamp_of_a_history_that_was_written_again_does_not_count(record):
    """Its signature is right, and the lines are other ones."""
    stamp(record)
    path = record.segments()[0]
    path.write_bytes(path.read_bytes().replace(b'"n":3', b'"n":4'))
    assert verdict(record).word is Word.EDITED


def test_an_authority_that_cannot_be_reached_is_reported(record, tsa):
    trusted(record, tsa._replace(url=f"http://127.0.0.1:{free_ports(1)[0]}"))
    (found,) = stamp(record)
    assert isinstance(found, NotStamped)
    assert "did not stamp" in str(found)
    assert verdict(record).stamped_at is None


def test_a_run_has_its_last_checkpoints_stamped_and_the_command_shows_it(record, tsa, capsys):
    evidence = record.home / "data" / "evidence"
    evidence.mkdir(parents=True)
    for name in ("policy", "tsa.pem"):
        (record.home / name).rename(evidence / name)
    settings = {
        "path": {"home": str(record.home), "data": str(record.home / "data")},
        "inputs": [{"paths": [f"{record.audit}/*.jsonl"]}],
        "output": {"file": {"path": str(record.home / "out"), "filename": "events"}},
        "evidence": {"key": str(record.key)},
    }
    config = record.home / "c.yml"
    config.write_text(json.dumps(settings))
    assert main(["-c", str(config), "run", "--once"]) == 0
    capsys.readouterr()
    assert main(["-c", str(config), "verify", str(record.audit)]) == 0
    assert f" stamped at {time.strftime('%Y-')}" in capsys.readouterr().out
    found = [one["event"]["action"] for one in documents(record.home / "data" / "audit")]
    assert "audit-checkpoint-stamped" in found
    assert "audit-stamp-failed" not in found
