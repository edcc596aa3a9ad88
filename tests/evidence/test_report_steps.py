"""docs/reports.md: an outsider checks a report by the steps of the page, with tools of others."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest

from shipper import create_authentication_event, create_tool_execution_event
from shipper.cli import main
from shipper.evidence.keys import create_key
from tests.conftest import real
from tests.evidence.signed_record import SignedRecord
from tests.real import Missing
from tests.real.golang import go_program
from tests.record.recorder import Recorder

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")
MODULES = Path(__file__).parents[1] / "real" / "notary"


def block(language):
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture(scope="module")
def proofs(tmp_path_factory):
    """The program of the page, built with the versions that the tests use."""
    folder = tmp_path_factory.mktemp("go") / "proofs"
    folder.mkdir()
    for name in ("go.mod", "go.sum"):
        shutil.copy(MODULES / name, folder / name)
    (folder / "main.go").write_text(block("go"), encoding="utf-8")
    with real(lambda: nullcontext(tools(folder))) as program:
        return program


def tools(folder):
    if not shutil.which("jq"):
        raise Missing("jq is not installed")
    return go_program(folder)


@pytest.fixture
def desk(tmp_path, proofs):
    """An outsider's folder: the report, a copy of the record, and the programs of the page."""
    record = SignedRecord(tmp_path / "record")
    record.write(30)
    recorder = Recorder(record.audit, max_bytes=9_000, compliance_frameworks=["sox"])
    recorder.log(create_authentication_event("eve", "oauth2", "login", success=False))
    for number in range(20):
        recorder.log(create_tool_execution_event(f"üser{number}", "t", {"n": number}, "a*b\\c"))
    recorder.close()
    record.sign()
    home = tmp_path / "desk"
    home.mkdir()
    (record.evidence / "policy").write_text(f"log {record.signer.public}\nquorum none\n")
    paths = (f"-Epath.home={tmp_path}", f"-Epath.data={tmp_path / 'data'}")
    words = ("report", str(record.audit), "--evidence", str(record.evidence), "--sample", "7")
    words = (*words, "--framework", "sox", "--framework", "gdpr")
    assert main([*paths, *words, "--output", str(home / "report")]) == 0
    shutil.copytree(record.audit, home / "audit")
    (home / "check.py").write_text(block("python"), encoding="utf-8")
    shutil.copy(proofs, home / "proofs")
    (home / "key").write_text(str(record.signer.public))
    return home


def follow_the_steps(desk):
    """Whether every step of the page succeeds."""
    environment = {**os.environ, "KEY": (desk / "key").read_text()}
    words = ["bash", "-euo", "pipefail", "-c", block("sh")]
    done = subprocess.run(words, cwd=desk, env=environment, capture_output=True, check=False)
    return done.returncode == 0


def seal(desk):
    """Write the sums again, as whoever makes a report up would."""
    report = desk / "report"
    paths = sorted(p for p in report.rglob("*") if p.is_file() and p.name != "SHA256SUMS")
    rows = (f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(report)}" for p in paths)
    (report / "SHA256SUMS").write_text("".join(f"{row}\n" for row in rows))


def test_an_outsider_checks_a_report_by_the_steps_of_the_page(desk):
    assert follow_the_steps(desk)


def test_the_steps_find_a_record_that_was_changed(desk):
    path = next((desk / "audit").glob("*.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'"log":{"level":"', b'"log":{"level":"x', 1))
    assert not follow_the_steps(desk)


@pytest.mark.parametrize("field", ["count", "sample", "jq"])
def test_the_steps_find_a_report_that_states_another_population(desk, field):
    path = desk / "report" / "report.json"
    report = json.loads(path.read_text())
    population = report["frameworks"][0]["required"][0]["population"]
    population["count"] += field == "count"
    population["sample"] = population["sample"][:: -1 if field == "sample" else 1]
    population["jq"] = "select(false)" if field == "jq" else population["jq"]
    path.write_text(json.dumps(report))
    seal(desk)
    assert not follow_the_steps(desk)


def test_the_steps_find_an_event_of_the_sample_that_was_changed(desk):
    path = max((desk / "report" / "samples").glob("*.json"))
    path.write_bytes(path.read_bytes().replace(b'"log":{"level":"', b'"log":{"level":"x', 1))
    seal(desk)
    assert not follow_the_steps(desk)


def test_the_steps_find_a_report_that_another_key_signed(desk, tmp_path):
    other = create_key(tmp_path / "other", "orders-7f3a.sidecar")
    (desk / "key").write_text(str(other))
    policy = desk / "report" / "policy"
    policy.write_text(f"log {other}\nquorum none\n")
    seal(desk)
    assert not follow_the_steps(desk)


def test_a_file_that_was_changed_after_the_sums_were_written_is_found(desk):
    (desk / "report" / "report.html").write_text("all is well")
    assert not follow_the_steps(desk)
