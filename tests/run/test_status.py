"""The progress of the shipper, as tables and as JSON, whether it runs or not."""

import io
import json
import os
import pty
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from shipper import AuditHandler, create_compliance_event
from shipper.cli import main
from shipper.cli.tables import Rates, age, size, status_view
from shipper.config.operation import HttpConfig
from shipper.run.probe import ask
from shipper.run.status import OutputStatus
from tests.integration.line import SHIPPER, shipping
from tests.real.processes import free_ports, wait_until
from tests.run.test_supervise import GOOD, shipped, to_file, write
from tests.test_cli import run


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.ndjson"
    path.write_bytes(GOOD)
    return path


def status(config):
    reported = run("status", "--json", "-c", config)
    assert reported.returncode == 0, reported.stderr
    return {one["output"]: one for one in json.loads(reported.stdout)["outputs"]}


def dead():
    return {"logstash": {"hosts": [f"127.0.0.1:{free_ports(1)[0]}"]}}


def test_a_running_shipper_is_asked_by_its_endpoint(source, tmp_path):
    http = {"enabled": True, "host": f"unix://{tmp_path}/s"}
    config = write(tmp_path, source, to_file(tmp_path) | dead(), http=http)
    with shipping(config, tmp_path / "log"):
        wait_until(lambda: status(config)["file"]["delivered"] == 2, 20, "delivery")
        wait_until(lambda: status(config)["logstash"]["state"] == "unavailable", 20, "trouble")
        reported = status(config)
    assert reported["file"]["state"] == "idle"
    assert reported["file"]["behind_bytes"] == 0
    assert reported["logstash"]["behind_bytes"] == len(GOOD)
    assert reported["logstash"]["oldest_unacknowledged_s"] > 0
    assert "127.0.0.1" in reported["logstash"]["error"]


def test_without_an_endpoint_the_registries_show_progress_and_whether_it_runs(source, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path))
    assert status(config)["file"]["state"] == "stopped"
    with shipping(config, tmp_path / "log"):
        wait_until(lambda: shipped(tmp_path) == GOOD, 20, "delivery")
        wait_until(lambda: status(config)["file"]["behind_bytes"] == 0, 20, "acknowledgement")
        assert status(config)["file"]["state"] == "running"
    reported = status(config)["file"]
    assert (reported["state"], reported["behind_bytes"], reported["delivered"]) == (
        "stopped",
        0,
        None,
    )


def test_after_a_clean_run_nothing_is_behind_though_the_stop_is_recorded(source, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path), self_audit={"enabled": True})
    for _ in range(2):
        assert run("run", "--once", "-c", config).returncode == 0
    assert "audit-shipper-stop" in next((tmp_path / "data" / "audit").iterdir()).read_text()
    reported = status(config)["file"]
    assert (reported["files"], reported["behind_bytes"]) == (1, 0)


def test_a_shipper_can_be_watched_until_control_c(source, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path))
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    # In tests that a shell runs in the background, the child would inherit ignored interrupts.
    heeding = ["env", "--default-signal=INT"]
    command = [*heeding, *SHIPPER, "status", "--watch", "-c", str(config)]
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    while seen.count(b"stopped") < 2:  # the first view and one refresh
        seen += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    with suppress(OSError):  # empty the terminal, or the child blocks; its end is an error
        while os.read(ours, 4096):
            pass
    assert process.wait(20) == 0
    os.close(ours)
    assert b"lines/s" in seen
    assert b"\xe2\x97\x8f" in seen


def test_inspect_shows_every_position_and_the_dead_letters_by_reason(source, tmp_path):
    with source.open("ab") as file:
        file.write(b"nope\n[1]\n[2]\n")
    config = write(tmp_path, source, to_file(tmp_path) | dead())
    with shipping(config, tmp_path / "log"):
        wait_until(lambda: shipped(tmp_path) == GOOD, 20, "delivery")
        wait_until(lambda: status(config)["file"]["behind_bytes"] == 0, 20, "acknowledgement")
    rows = [json.loads(row) for row in run("inspect", "--json", "-c", config).stdout.splitlines()]
    positions = {row["output"]: row for row in rows if row["type"] == "position"}
    whole = source.stat().st_size
    assert (positions["file"]["offset"], positions["file"]["behind"]) == (whole, 0)
    assert positions["file"]["inode"] == source.stat().st_ino
    assert (positions["logstash"]["offset"], positions["logstash"]["behind"]) == (0, whole)
    found = {row["reason"]: row["count"] for row in rows if row["type"] == "dead_letters"}
    assert found == {"not JSON": 1, "not a JSON object": 2}
    table = run("inspect", "--output", "file", "-c", config).stdout
    assert str(source) in table
    assert "not a JSON object" in table
    assert "logstash" not in table


def test_inspect_before_anything_was_shipped_says_so(tmp_path):
    config = write(tmp_path, tmp_path / "none", to_file(tmp_path))
    assert "nothing shipped yet" in run("inspect", "-c", config).stdout


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3700, "1 h 1 min"), (180_000, "2 d 2 h")],
)
def test_a_time_span_is_shown_in_its_two_largest_units(seconds, shown):
    assert age(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (1023, "1,023 B"), (1536, "1.5 KiB"), (5 << 40, "5.0 TiB")]
)
def test_a_size_is_shown_in_the_unit_that_fits(count, shown):
    assert size(count) == shown


def counted(delivered):
    return OutputStatus(
        output="file",
        state="idle",
        error="",
        files=1,
        behind_bytes=0,
        dead_letters_bytes=0,
        oldest_unacknowledged_s=None,
        delivered=delivered,
        rejected=0,
    )


def test_rates_cover_the_time_between_two_refreshes_and_restart_with_the_shipper():
    rates = Rates()
    assert rates.since_last([counted(100)], 10.0) == {}
    assert rates.since_last([counted(300)], 12.0) == {"file": 100.0}
    assert rates.since_last([counted(5)], 13.0) == {}
    assert rates.since_last([counted(None)], 14.0) == {}


def test_the_table_fits_a_terminal_of_80_columns_without_broken_words():
    away = OutputStatus(
        output="elasticsearch",
        state="unavailable",
        error="10.0.0.7:9200: Connection refused " * 3,
        files=1200,
        behind_bytes=1000 << 30,
        dead_letters_bytes=999 << 20,
        oldest_unacknowledged_s=86_399.0,
        delivered=1_234_567,
        rejected=22,
    )
    console = Console(width=80, file=io.StringIO())
    console.print(status_view([away, replace(away, output="file")], {"file": 99_999.0}))
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    for word in ("● unavailable", "1,000.0 GiB", "23 h 59 min", "99,999", "1,234,567", "999.0 MiB"):
        assert text.count(word) >= 1, word
    assert "elasticsearch: 10.0.0.7:9200: Connection refused" in text


@contextmanager
def nobody():
    """A user without permission to read the shipper's data."""
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("command", ["status", "inspect", "replay"])
def test_a_user_without_permission_to_read_the_data_gets_the_reason(command, source, capsys):
    with tempfile.TemporaryDirectory(dir="/tmp") as home:  # only root can read pytest's folders
        Path(home).chmod(0o755)
        source.write_bytes(b"no JSON\n")
        config = write(Path(home), source, to_file(Path(home)))
        assert run("run", "--once", "-c", config).returncode == 0
        words = [command, "-c", str(config)]
        main(words)  # so that everything is imported
        capsys.readouterr()
        with nobody():
            assert main(words) == os.EX_NOPERM
    assert "Permission denied; run this as the shipper's user" in capsys.readouterr().err


def test_the_account_of_every_line_is_shown_across_restarts_and_exported(source, tmp_path):
    with source.open("ab") as file:
        file.write(b"nope\n\n")
    http = {"enabled": True, "host": f"unix://{tmp_path}/s"}
    config = write(tmp_path, source, to_file(tmp_path), http=http, self_audit={"enabled": True})
    assert status(config)["file"]["account"]["waiting"] == 4
    with shipping(config, tmp_path / "log"):
        wait_until(lambda: status(config)["file"]["account"]["waiting"] == 0, 20, "delivery")
        account = status(config)["file"]["account"]
        reported = json.loads(ask(HttpConfig(**http), "/stats")[1])
        metrics = ask(HttpConfig(**http), "/metrics")[1].decode()
    assert account | {"recorded": 0, "stated_lost": 0, "emitted": 0} == {
        "written": 4,
        "read": 4,
        "delivered": 2,
        "dead_letters": 1,
        "dropped": 0,
        "joined": 1,
        "waiting": 0,
        "recorded": 0,
        "stated_lost": 0,
        "emitted": 0,
        "unexplained": 0,
    }
    assert reported["outputs"]["file"]["account"] == account
    assert 'mcp_shipper_lines{outcome="delivered",output="file"} 2.0' in metrics
    with source.open("ab") as file:
        file.write(GOOD)
    assert run("run", "--once", "-c", config).returncode == 0
    again = status(config)["file"]["account"]
    assert (again["written"], again["delivered"], again["unexplained"]) == (6, 4, 0)
    table = " ".join(run("status", "-c", config).stdout.split())
    assert "6 lines written = 4 delivered + 1 dead letters + 0 waiting + 1 blank or joined" in table


def test_the_account_states_the_events_that_a_handler_could_not_record(tmp_path):
    handler = AuditHandler(tmp_path / "audit")
    handler.record_self_audit(create_compliance_event("one"))
    for _ in range(3):
        handler.suppressed()
    handler.record_self_audit(create_compliance_event("two"))
    handler.close()
    config = write(tmp_path, tmp_path / "audit" / "*.jsonl", to_file(tmp_path))
    assert run("run", "--once", "-c", config).returncode == 0
    account = status(config)["file"]["account"]
    lines = sum(one.read_bytes().count(b"\n") for one in (tmp_path / "audit").glob("*.jsonl"))
    names = ("recorded", "stated_lost", "emitted")
    assert [account[name] for name in names] == [lines, 3, lines + 3]
    assert "3 stated as lost" in run("status", "-c", config).stdout
