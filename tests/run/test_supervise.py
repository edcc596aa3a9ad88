"""A running shipper: its endpoint, signals, last log line, and secrets from the keystore."""

import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import threading
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shipper import __version__
from shipper.config import load
from shipper.config.operation import HttpConfig
from shipper.run.probe import ask
from shipper.run.service import Service
from shipper.run.systemd import feeding_watchdog
from tests.integration.line import SHIPPER, ship_once, shipping
from tests.real.processes import free_ports, wait_until

GOOD = b'{"n":1}\n{"n":2}\n'


def write(home, source, outputs, **more):
    path = home / "c.yml"
    settings = {
        "path": {"home": str(home)},
        "inputs": [{"paths": [str(source)], "parsers": [{"ndjson": {}}]}],
        "output": outputs,
        "self_audit": {"enabled": False},
    }
    path.write_text(json.dumps({**settings, **more}), encoding="utf-8")
    return path


def to_file(home, name="out"):
    return {"file": {"path": str(home / name), "filename": "events"}}


def dead():
    return {"logstash": {"hosts": [f"127.0.0.1:{free_ports(1)[0]}"]}}


def get(port, route):
    """Status and body; status 0 while nothing answers."""
    status, body = ask(HttpConfig(host="127.0.0.1", port=port), route) or (0, b"")
    return status, body.decode()


def shipped(home, name="out"):
    return b"".join(path.read_bytes() for path in sorted((home / name).glob("events*")))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.ndjson"
    path.write_bytes(GOOD)
    return path


@pytest.fixture
def endpoint():
    (port,) = free_ports(1)
    return {"enabled": True, "host": "127.0.0.1", "port": port}


def test_the_endpoint_shows_a_shipper_that_delivers(source, endpoint, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path), http=endpoint)
    port = endpoint["port"]
    with shipping(config, tmp_path / "log"):
        wait_until(lambda: shipped(tmp_path) == GOOD, 20, "delivery")
        wait_until(lambda: '"idle"' in get(port, "/readyz")[1], 20, "acknowledgement")
        assert get(port, "/livez") == (200, "ok\n")
        assert get(port, "/readyz")[0] == 200
        ready = json.loads(get(port, "/readyz")[1])
        assert ready["outputs"]["file"]["state"] == "idle"
        assert ready["outputs"]["file"]["oldest_unacknowledged_s"] == 0
        stats = json.loads(get(port, "/stats?pretty")[1])
        assert stats["libbeat"]["output"]["events"]["acked"] == 2
        assert stats["libbeat"]["pipeline"]["events"]["active"] == 0
        assert stats["beat"]["memstats"]["rss"] > 1 << 20
        assert stats["outputs"]["file"]["last_ack_age_s"] >= 0
        families = text_string_to_metric_families(get(port, "/metrics")[1])
        samples = {one.name: one.value for family in families for one in family.samples}
        assert samples["mcp_shipper_delivered_total"] == 2
        assert samples["mcp_shipper_ready"] == 1
        assert get(port, "/nope")[0] == 404


def test_readiness_ends_while_an_output_is_down_and_shows_how_long_a_line_has_waited(
    source, endpoint, tmp_path
):
    config = write(tmp_path, source, dead(), http=endpoint)
    port = endpoint["port"]
    with shipping(config, tmp_path / "log"):
        wait_until(lambda: '"unavailable"' in get(port, "/readyz")[1], 20, "not ready")
        status, body = get(port, "/readyz")
        assert status == 503
        reported = json.loads(body)["outputs"]["logstash"]
        assert reported["oldest_unacknowledged_s"] > 0
        assert "127.0.0.1" in reported["error"]
        assert get(port, "/livez")[0] == 200


def test_only_the_owner_can_use_the_endpoint_on_a_socket_file(source, tmp_path):
    file = tmp_path / "s"
    endpoint = {"enabled": True, "host": f"unix://{file}"}
    config = write(tmp_path, source, to_file(tmp_path), http=endpoint)
    with shipping(config, tmp_path / "log"):
        asked = HttpConfig(**endpoint)
        wait_until(lambda: ask(asked, "/livez") == (200, b"ok\n"), 20, "an answer")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not file.exists()


def test_an_endpoint_address_in_use_ends_the_start_with_a_reason(source, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        endpoint = {"enabled": True, "host": "127.0.0.1", "port": port}
        config = write(tmp_path, source, to_file(tmp_path), http=endpoint)
        done = subprocess.run(
            [*SHIPPER, "run", "--once", "-c", str(config)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == os.EX_CONFIG
    assert f"127.0.0.1:{port}" in done.stderr


def test_a_reload_takes_the_new_configuration_and_sends_nothing_twice(source, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path))
    with shipping(config, tmp_path / "log") as process:
        wait_until(lambda: shipped(tmp_path) == GOOD, 20, "delivery")
        more = tmp_path / "more.ndjson"
        more.write_bytes(b'{"n":3}\n')
        write(tmp_path, tmp_path / "*.ndjson", to_file(tmp_path))
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: shipped(tmp_path) == GOOD + b'{"n":3}\n', 20, "the new input alone")


def test_a_reload_of_a_broken_configuration_keeps_the_old_one(source, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path))
    log = tmp_path / "log"
    with shipping(config, log) as process:
        wait_until(lambda: shipped(tmp_path) == GOOD, 20, "delivery")
        config.write_text("output.filee: {}")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "did you mean 'file'" in log.read_text(), 20, "the problem is logged")
        with source.open("ab") as file:
            file.write(b'{"n":3}\n')
        wait_until(
            lambda: shipped(tmp_path).endswith(b'{"n":3}\n'),
            20,
            "the old configuration stays in use",
        )


@pytest.mark.parametrize(
    ("outputs", "problem"),
    [
        ({"kafka": {"topic": "a b"}}, "output.kafka.topic: 'a b'"),
        ({}, "nothing to ship to"),
        (None, "cannot listen on 127.0.0.1"),
    ],
)
def test_a_reload_that_cannot_be_started_keeps_the_old_configuration(
    outputs, problem, source, tmp_path
):
    config = write(tmp_path, source, to_file(tmp_path))
    log = tmp_path / "log"
    with shipping(config, log) as process, socket.create_server(("127.0.0.1", 0)) as taken:
        wait_until(lambda: shipped(tmp_path) == GOOD, 20, "delivery")
        http_ = {"enabled": outputs is None, "host": "127.0.0.1", "port": taken.getsockname()[1]}
        write(tmp_path, source, to_file(tmp_path) if outputs is None else outputs, http=http_)
        process.send_signal(signal.SIGHUP)
        wait_until(
            lambda: problem in log.read_text() or process.poll(), 20, "the problem is logged"
        )
        with source.open("ab") as file:
            file.write(b'{"n":3}\n')
        wait_until(
            lambda: shipped(tmp_path) == GOOD + b'{"n":3}\n',
            20,
            "the old configuration stays in use",
        )


def test_a_pipeline_that_fails_stops_all(source, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path) | dead())
    registry = tmp_path / "data" / "registry" / "file.ndjson"
    registry.parent.mkdir(parents=True)
    registry.write_bytes(b"no registry\n" * 2)
    command = [*SHIPPER, "run", "-c", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode
    assert str(registry) in done.stderr


def test_a_stop_logs_what_is_not_acknowledged(source, tmp_path):
    log = tmp_path / "log"
    with shipping(write(tmp_path, source, to_file(tmp_path) | dead()), log) as process:
        wait_until(lambda: shipped(tmp_path) == GOOD, 20, "the file's delivery")
        process.terminate()
        assert process.wait(20) == 0
    words = [json.loads(line)["message"] for line in log.read_text().splitlines()][-2:]
    assert words == [
        "Output file stopped: 2 lines delivered, 0 dead letters; nothing is left to send.",
        (
            "Output logstash stopped: 0 lines delivered, 0 dead letters; "
            f"{len(GOOD)} bytes are not acknowledged; the next start sends them."
        ),
    ]


def test_the_log_names_the_files_the_outputs_and_the_delivered_lines(source, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path), logging={"to_stderr": True})
    said = [json.loads(line)["message"] for line in ship_once(config).stderr.splitlines()]
    assert said == [
        (
            f"mcp-shipper {__version__} with {config}: from {source} to file; positions in "
            f"{tmp_path}/data."
        ),
        f"Output file: reading {source}.",
        "Output file has accepted its first lines.",
        "Output file stopped: 2 lines delivered, 0 dead letters; nothing is left to send.",
    ]


def test_on_a_terminal_a_line_of_the_log_begins_with_its_time(source, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path))
    ours, theirs = pty.openpty()
    subprocess.run([*SHIPPER, "run", "--once", "-c", config], stderr=theirs, timeout=30, check=True)
    said = os.read(ours, 10_000).decode()
    os.close(ours)
    os.close(theirs)
    assert re.fullmatch(r"(\d\d:\d\d:\d\d INFO    [A-Zm].*\r\n){4}", said)


def test_an_outage_is_repeated_at_each_period(source, tmp_path):
    metrics = {"metrics": {"period": "100ms"}}
    log = tmp_path / "log"
    with shipping(write(tmp_path, source, dead(), logging=metrics), log):
        again = "Output logstash is still unavailable: 127.0.0.1"
        wait_until(lambda: log.read_text().count(again) > 1, 20, "it is repeated")


def test_systemd_is_notified_when_it_is_ready_and_when_it_stops(source, tmp_path, monkeypatch):
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.bind(str(address))
        inbox.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        with shipping(write(tmp_path, source, to_file(tmp_path)), tmp_path / "log"):
            assert inbox.recv(100) == b"READY=1"
        assert inbox.recv(100) == b"STOPPING=1"


@contextmanager
def notified(tmp_path, monkeypatch, *, watchdog_s):
    """The socket that systemd would listen on."""
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.bind(str(address))
        inbox.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        monkeypatch.setenv("WATCHDOG_USEC", str(int(watchdog_s * 1e6)))
        yield inbox


def test_the_watchdog_is_fed_while_an_output_is_unavailable(source, tmp_path, monkeypatch):
    with notified(tmp_path, monkeypatch, watchdog_s=0.1) as inbox:
        with shipping(write(tmp_path, source, dead()), tmp_path / "log"):
            assert [inbox.recv(100) for _ in range(4)] == [b"READY=1", *[b"WATCHDOG=1"] * 3]
        assert b"STOPPING=1" in iter(lambda: inbox.recv(100), b"")


def test_the_watchdog_starves_when_a_pipeline_has_lost_its_thread(source, tmp_path, monkeypatch):
    service = Service(load(write(tmp_path, source, to_file(tmp_path))))
    with notified(tmp_path, monkeypatch, watchdog_s=0.02) as inbox, feeding_watchdog(service):
        running = threading.Thread(target=service.run)
        running.start()
        assert inbox.recv(100) == b"WATCHDOG=1"
        service.stop()
        running.join()
        inbox.settimeout(0.2)
        with pytest.raises(TimeoutError):
            [inbox.recv(100) for _ in range(100)]


def test_a_watchdog_of_another_process_is_not_fed(source, tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHDOG_PID", "1")
    with notified(tmp_path, monkeypatch, watchdog_s=0.02) as inbox:
        with shipping(write(tmp_path, source, to_file(tmp_path)), tmp_path / "log"):
            assert inbox.recv(100) == b"READY=1"
            wait_until(lambda: shipped(tmp_path) == GOOD, 20, "delivery")
        assert inbox.recv(100) == b"STOPPING=1"


def keystore(config, *arguments, value=""):
    return subprocess.run(
        [*SHIPPER, "keystore", *arguments, "-c", str(config)],
        input=value,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_secret_of_the_keystore_is_found_by_its_name(source, tmp_path):
    outputs = {"file": {"path": f"{tmp_path}/${{PLACE}}", "filename": "events"}}
    config = write(tmp_path, source, outputs)
    assert keystore(config, "create").returncode == 0
    assert keystore(config, "add", "PLACE", value="secret-place\n").returncode == 0
    assert keystore(config, "list").stdout.split() == ["PLACE"]
    with shipping(config, tmp_path / "log"):
        wait_until(lambda: shipped(tmp_path, "secret-place") == GOOD, 20, "delivery")
    assert "already" in keystore(config, "add", "PLACE", value="x").stderr
    assert keystore(config, "remove", "PLACE").returncode == 0
    assert keystore(config, "list").stdout == ""


def test_keystore_add_takes_filebeats_flags_and_refuses_unusable_secrets(source, tmp_path):
    config = write(tmp_path, source, {})
    assert keystore(config, "add", "A", "--stdin", value="one").returncode == 0
    assert keystore(config, "add", "A", "--stdin", "--force", value="two").returncode == 0
    assert "A-Z" in keystore(config, "add", "A B", value="x").stderr
    assert "empty" in keystore(config, "add", "B", value="\n").stderr
    assert keystore(config, "list").stdout.split() == ["A"]


def test_a_keystore_that_others_can_read_is_refused_with_what_to_do(source, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path))
    keystore(config, "create")
    (file,) = (tmp_path / "data").glob("*.keystore")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    listed = keystore(config, "list")
    assert listed.returncode == os.EX_CONFIG
    assert f"chmod 600 {file}" in listed.stderr


def test_the_log_in_files_is_ecs_lines_of_a_bounded_size(source, tmp_path):
    files = {"rotateeverybytes": 1000, "keepfiles": 2, "permissions": 0o640}
    logging = {"to_files": True, "files": files, "level": "debug"}
    config = write(tmp_path, source, to_file(tmp_path), logging=logging)
    for _ in range(6):
        done = subprocess.run(
            [*SHIPPER, "run", "--once", "-c", str(config)], capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
    files = sorted((tmp_path / "logs").iterdir())
    assert [file.name for file in files] == [
        "mcp-shipper.ndjson",
        "mcp-shipper.ndjson.1",
        "mcp-shipper.ndjson.2",
    ]
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert all(json.loads(line)["ecs"] for line in file.read_text().splitlines())


def test_a_log_file_that_cannot_be_written_stops_the_start_with_a_reason(source, tmp_path):
    (tmp_path / "logs").touch()
    config = write(tmp_path, source, to_file(tmp_path), logging={"to_files": True})
    done = subprocess.run(
        [*SHIPPER, "run", "--once", "-c", str(config)], capture_output=True, check=False
    )
    assert done.returncode == os.EX_CONFIG
    assert b"mcp-shipper.ndjson cannot be written" in done.stderr


def test_settings_without_effect_are_logged(source, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path), queue={"mem": {"events": 1}})
    done = subprocess.run(
        [*SHIPPER, "run", "--once", "-c", str(config)], capture_output=True, check=False
    )
    assert b"queue: no effect: the file itself is the queue" in done.stderr


# --- the first comes first


def once(config, **options):
    words = [*SHIPPER, "run", "--once", "-c", str(config)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.mark.parametrize("output", ["out", "other"])
def test_a_second_run_on_the_same_data_stops_and_leaves_the_first_alone(source, tmp_path, output):
    file = tmp_path / "s"
    endpoint = {"enabled": True, "host": f"unix://{file}"}
    audited = {"self_audit": {"enabled": True}, "http": endpoint}
    config = write(tmp_path, source, to_file(tmp_path), **audited)
    asked = HttpConfig(**endpoint)
    with shipping(config, tmp_path / "log") as process:
        wait_until(lambda: ask(asked, "/livez") == (200, b"ok\n"), 20, "an answer")
        wait_until(lambda: GOOD in shipped(tmp_path), 20, "delivery")
        wait_until((tmp_path / "data" / "settings.json").exists, 20, "the events of the start")
        if output == "other":
            config = write(tmp_path, source, {"console": {}}, **audited)
        started = tmp_path / "data" / "audit"
        wait_until(lambda: any(started.glob("*.jsonl")), 20, "the event about the start")
        segments = sorted(started.iterdir())
        done = once(config)
        assert done.returncode == os.EX_IOERR
        assert f"process {process.pid} ships from here already" in done.stderr
        assert done.stdout == ""
        assert sorted((tmp_path / "data" / "audit").iterdir()) == segments
        assert ask(asked, "/livez") == (200, b"ok\n")
    assert not file.exists()


def test_a_socket_on_which_another_process_answers_is_not_taken(source, tmp_path):
    file = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(file))
        taken.listen()
        endpoint = {"enabled": True, "host": f"unix://{file}"}
        done = once(write(tmp_path, source, to_file(tmp_path), http=endpoint))
        assert done.returncode == os.EX_CONFIG
        assert "another process answers there" in done.stderr
        assert file.is_socket()


def test_a_socket_that_a_killed_process_left_is_replaced(source, tmp_path):
    file = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(file))
    endpoint = {"enabled": True, "host": f"unix://{file}"}
    assert once(write(tmp_path, source, to_file(tmp_path), http=endpoint)).returncode == 0


# --- directories


def test_every_directory_that_is_made_is_its_owners_alone_whatever_the_umask(source, tmp_path):
    home, out = tmp_path / "var" / "home", tmp_path / "var" / "deep" / "out"
    outputs = {"file": {"path": str(out), "filename": "events"}}
    logs = {"to_files": True}
    config = write(tmp_path, source, outputs, path={"home": str(home)}, logging=logs)
    assert once(config, umask=0).returncode == 0
    made = [path for path in (tmp_path / "var").rglob("*") if path.is_dir()]
    assert {home, home / "data", home / "logs", out, out.parent} <= set(made)
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_data_that_others_can_write_is_refused_with_what_to_do(source, tmp_path, mode):
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(mode)
    done = once(write(tmp_path, source, to_file(tmp_path)))
    assert done.returncode == os.EX_CONFIG
    assert f"chmod go-w {tmp_path}/data" in done.stderr
    assert shipped(tmp_path) == b""


# --- strangers at the endpoint


def test_idle_connections_stop_neither_probes_nor_shipping(source, endpoint, tmp_path):
    """More of them than the process may have descriptors."""
    config = write(tmp_path, source, to_file(tmp_path), http=endpoint)
    port = endpoint["port"]
    few = ["prlimit", "--nofile=256"]
    with (tmp_path / "log").open("ab") as log:
        process = subprocess.Popen([*few, *SHIPPER, "run", "-c", str(config)], stderr=log)
    with ExitStack() as stack:
        stack.callback(process.wait, 20)
        stack.callback(process.terminate)
        wait_until(lambda: get(port, "/livez")[0] == 200, 20, "an answer")
        for n in range(1000):
            idle = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            with suppress(ConnectionError):
                idle.sendall((b"", b"GET /livez HTTP/1.1\r\nX: ", b"G")[n % 3])
            if n % 100 == 0:
                assert get(port, "/livez") == (200, "ok\n")
        assert get(port, "/livez") == (200, "ok\n")
        with source.open("ab") as file:
            file.write(b'{"n":3}\n')
        wait_until(lambda: shipped(tmp_path) == GOOD + b'{"n":3}\n', 20, "the new line")
        threads = len([*Path(f"/proc/{process.pid}/task").iterdir()])
        assert threads < 40
    for line in (tmp_path / "log").read_text().splitlines():
        assert json.loads(line)["log"]["level"] == "info"


def test_an_idle_connection_is_closed_after_a_few_seconds(source, endpoint, tmp_path):
    config = write(tmp_path, source, to_file(tmp_path), http=endpoint)
    with shipping(config, tmp_path / "log"):
        wait_until(lambda: get(endpoint["port"], "/livez")[0] == 200, 20, "an answer")
        with socket.create_connection(("127.0.0.1", endpoint["port"]), timeout=20) as idle:
            assert idle.recv(1) == b""
