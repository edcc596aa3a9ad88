"""What goes wrong in operation: each a clear message, the right outcome, nothing lost or stuck."""

import json
import os
import signal
import subprocess

import pytest
import trustme

from tests.integration.line import SHIPPER, acknowledged, configuration, ship_once, shipping
from tests.real.lumberjack import Tls
from tests.real.processes import free_ports, wait_until

GOOD = [b'{"n":%d}' % number for number in range(5)]


def to_file(home):
    return {"file": {"path": str(home / "out"), "filename": "events"}}


def shipped(home):
    return [
        line
        for path in sorted((home / "out").glob("events*"))
        for line in path.read_bytes().splitlines()
    ]


def dead_letters(home, output="file"):
    path = home / "data" / "dead-letters" / f"{output}.ndjson"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def said(home):
    return (home / "log").read_text(encoding="utf-8") if (home / "log").exists() else ""


def test_a_broken_line_is_put_aside_with_its_place_and_reason_and_the_rest_flows(tmp_path):
    source = tmp_path / "in.ndjson"
    broken = [b'{"n": 1', b"[1, 2]", b"plain words", b'{"n": NaN}', b'{"n":"\xff"}']
    lines = [line for pair in zip(GOOD, broken, strict=True) for line in pair]
    source.write_bytes(b"\n".join(lines) + b"\n")
    done = ship_once(configuration(tmp_path, [source], to_file(tmp_path)))
    assert done.returncode == 0, done.stderr
    assert shipped(tmp_path) == GOOD
    found = dead_letters(tmp_path)
    assert len(found) == len(broken)
    assert [dead_letter["offset"] for dead_letter in found] == [
        source.read_bytes().index(line) for line in broken
    ]
    assert all(dead_letter["reason"] for dead_letter in found)
    assert found[0]["line"] == '{"n": 1'


def test_an_oversized_line_is_put_aside_with_its_length_and_digest(tmp_path):
    source = tmp_path / "in.ndjson"
    with source.open("wb") as file:
        file.write(GOOD[0] + b"\n" + b'{"x":"' + b"y" * (11 << 20) + b'"}\n' + GOOD[1] + b"\n")
    done = ship_once(configuration(tmp_path, [source], to_file(tmp_path)))
    assert done.returncode == 0, done.stderr
    assert shipped(tmp_path) == GOOD[:2]
    (dead_letter,) = dead_letters(tmp_path)
    assert "long" in dead_letter["reason"]
    assert dead_letter["length"] == (11 << 20) + 8


def test_a_file_without_a_final_newline_is_shipped_whole(tmp_path):
    source = tmp_path / "in.ndjson"
    source.write_bytes(b"\n".join(GOOD))
    config = configuration(tmp_path, [source], to_file(tmp_path))
    assert ship_once(config).returncode == 0
    assert shipped(tmp_path) == GOOD
    with source.open("ab") as file:
        file.write(b'\n{"n":5}\n')
    assert ship_once(config).returncode == 0
    assert shipped(tmp_path) == [*GOOD, b'{"n":5}']


def test_half_a_line_waits_for_its_end(tmp_path):
    source = tmp_path / "in.ndjson"
    source.write_bytes(GOOD[0] + b"\n" + b'{"n":')
    config = configuration(tmp_path, [source], to_file(tmp_path))
    assert ship_once(config).returncode == 0
    assert shipped(tmp_path) == GOOD[:1]
    with source.open("ab") as file:
        file.write(b"1}\n")
    assert ship_once(config).returncode == 0
    assert shipped(tmp_path) == GOOD[:2]


def test_an_unreadable_file_is_named_and_shipped_once_it_can_be_read(tmp_path):
    closed, other = tmp_path / "closed.ndjson", tmp_path / "open.ndjson"
    closed.write_bytes(GOOD[0] + b"\n")
    other.write_bytes(GOOD[1] + b"\n")
    closed.chmod(0)
    config = configuration(tmp_path, [closed, other], to_file(tmp_path))
    plain = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] * (os.geteuid() == 0)
    with (tmp_path / "log").open("ab") as log:
        process = subprocess.Popen([*plain, *SHIPPER, "run", "-c", str(config)], stderr=log)
    try:
        wait_until(lambda: shipped(tmp_path) == [GOOD[1]], 20, "the other file")
        wait_until(lambda: str(closed) in said(tmp_path), 20, "the file is named")
        closed.chmod(0o600)
        wait_until(lambda: shipped(tmp_path) == [GOOD[1], GOOD[0]], 20, "the file itself")
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_an_unreachable_output_is_named_waited_for_and_then_gets_everything(
    new_lumberjack, tmp_path
):
    sink = new_lumberjack()
    sink.kill()
    source = tmp_path / "in.ndjson"
    source.write_bytes(b"\n".join(GOOD) + b"\n")
    outputs = {"logstash": {"hosts": [sink.address]}}
    config = configuration(tmp_path, [source], outputs)
    done = subprocess.run(
        [*SHIPPER, "test", "output", "-c", str(config)], capture_output=True, text=True, check=False
    )
    assert done.returncode == os.EX_UNAVAILABLE
    assert sink.address in done.stdout
    with shipping(config, tmp_path / "log"):
        wait_until(lambda: sink.address in said(tmp_path), 20, "the output is named")
        assert acknowledged(tmp_path, "logstash") == 0
        sink.restart()
        wait_until(lambda: len(sink.events()) == len(GOOD), 30, "everything")


def test_a_stop_ends_it_at_once_though_the_output_is_unreachable(tmp_path):
    source = tmp_path / "in.ndjson"
    source.write_bytes(b"\n".join(GOOD) + b"\n")
    address = f"127.0.0.1:{free_ports(1)[0]}"
    config = configuration(tmp_path, [source], {"logstash": {"hosts": [address]}})
    with shipping(config, tmp_path / "log") as process:
        wait_until(lambda: address in said(tmp_path), 20, "it tries")
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def tls_sink(authority, new_lumberjack, tmp_path):
    leaf = authority.issue_cert("localhost")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
    return new_lumberjack(tls=Tls(tmp_path / "cert.pem", tmp_path / "key.pem"))


def test_a_refused_certificate_is_told_with_what_to_do_and_nothing_is_sent(tls_sink, tmp_path):
    source = tmp_path / "in.ndjson"
    source.write_bytes(b"\n".join(GOOD) + b"\n")
    port = tls_sink.address.rpartition(":")[2]
    outputs = {"logstash": {"hosts": [f"localhost:{port}"], "ssl": {"verification_mode": "full"}}}
    config = configuration(tmp_path, [source], outputs)
    done = subprocess.run(
        [*SHIPPER, "test", "output", "-c", str(config)], capture_output=True, text=True, check=False
    )
    assert done.returncode == os.EX_UNAVAILABLE
    assert "certificate_authorities" in done.stdout
    with shipping(config, tmp_path / "log"):
        wait_until(lambda: "certificate" in said(tmp_path), 20, "it is told")
    assert tls_sink.events() == []
    assert acknowledged(tmp_path, "logstash") == 0


def test_a_trusted_certificate_is_taken(tls_sink, authority, tmp_path):
    source = tmp_path / "in.ndjson"
    source.write_bytes(b"\n".join(GOOD) + b"\n")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    port = tls_sink.address.rpartition(":")[2]
    ssl = {"certificate_authorities": [str(tmp_path / "ca.pem")]}
    outputs = {"logstash": {"hosts": [f"localhost:{port}"], "ssl": ssl}}
    done = ship_once(configuration(tmp_path, [source], outputs))
    assert done.returncode == 0, done.stderr
    assert len(tls_sink.events()) == len(GOOD)


def test_a_configuration_with_unknown_keys_stops_before_anything_starts(tmp_path):
    config = configuration(tmp_path, ["/nonexistent"], {"logstash": {"hostz": ["a"]}})
    done = ship_once(config)
    assert done.returncode == os.EX_CONFIG
    assert "did you mean 'hosts'?" in done.stderr
    assert not (tmp_path / "data").exists()


def test_two_outputs_each_have_their_own_position_and_a_dead_one_holds_nobody_back(tmp_path):
    source = tmp_path / "in.ndjson"
    source.write_bytes(b"\n".join(GOOD) + b"\n")
    dead = {"logstash": {"hosts": [f"127.0.0.1:{free_ports(1)[0]}"]}}
    config = configuration(tmp_path, [source], to_file(tmp_path) | dead)
    with shipping(config, tmp_path / "log"):
        wait_until(lambda: shipped(tmp_path) == GOOD, 20, "the living output")
    assert acknowledged(tmp_path, "logstash") == 0


def test_a_second_shipper_on_the_same_registry_is_told_who_has_it(tmp_path):
    source = tmp_path / "in.ndjson"
    source.write_bytes(b"\n".join(GOOD) + b"\n")
    config = configuration(tmp_path, [source], to_file(tmp_path))
    with shipping(config, tmp_path / "log") as process:
        wait_until(lambda: shipped(tmp_path) == GOOD, 20, "the first")
        done = ship_once(config)
        assert done.returncode == os.EX_IOERR
        assert str(process.pid) in done.stderr


# --- `run --once` that cannot do everything


def test_once_gives_up_on_an_output_that_is_away_after_the_others_have_everything(tmp_path):
    source = tmp_path / "in.ndjson"
    source.write_bytes(b"\n".join(GOOD) + b"\n")
    dead = {"logstash": {"hosts": [f"127.0.0.1:{free_ports(1)[0]}"]}}
    done = ship_once(configuration(tmp_path, [source], to_file(tmp_path) | dead), timeout_s=60)
    assert done.returncode == os.EX_UNAVAILABLE
    assert "gave up waiting for the output" in done.stderr
    assert shipped(tmp_path) == GOOD


@pytest.mark.parametrize("closed", ["closed", "closed/in.ndjson"])
def test_what_cannot_be_read_is_reported_and_once_does_not_end_with_zero(closed, tmp_path):
    for name in ("closed", "open"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "in.ndjson").write_bytes(GOOD[0] + b"\n")
    (tmp_path / closed).chmod(0)
    paths = [tmp_path / "*" / "in.ndjson", tmp_path / "closed" / "*"]
    config = configuration(tmp_path, paths, to_file(tmp_path))
    plain = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] * (os.geteuid() == 0)

    def command(*words):
        words = [*plain, *SHIPPER, *words, "-c", str(config)]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)

    done = command("run", "--once")
    assert done.returncode == 1
    assert f"{tmp_path}/{closed} cannot be" in done.stderr
    assert "Permission denied" in done.stderr
    assert shipped(tmp_path) == GOOD[:1]
    checked = command("test", "config")
    assert f"{tmp_path}/{closed} cannot be" in checked.stdout
    assert "Permission denied" in checked.stdout
    (tmp_path / closed).chmod(0o700)
    assert command("run", "--once").returncode == 0
    assert shipped(tmp_path) == [GOOD[0]] * 2


def test_once_that_is_stopped_before_everything_is_delivered_says_so(tmp_path):
    source = tmp_path / "in.ndjson"
    source.write_bytes(GOOD[0] + b"\n")
    dead = {"logstash": {"hosts": [f"127.0.0.1:{free_ports(1)[0]}"]}}
    config = configuration(tmp_path, [source], dead)
    with (tmp_path / "log").open("ab") as log:
        words = [*SHIPPER, "run", "--once", "-c", str(config)]
        process = subprocess.Popen(words, stderr=log)
    try:
        wait_until(lambda: "unavailable" in said(tmp_path), 20, "the first attempt")
    finally:
        process.terminate()
        assert process.wait(20) == 1
