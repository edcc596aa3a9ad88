"""What the Redis output says and does where there is no Redis."""

import socket
import sys
import threading

import pytest

from shipper.config import from_mapping
from shipper.errors import ConfigError, Refused, Unavailable
from shipper.lines import Lines
from shipper.outputs import OUTPUTS
from shipper.outputs.base import DELIVERED
from shipper.outputs.redis.config import RedisConfig
from shipper.outputs.redis.output import Redis
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig

TWO = Lines.of([b'{"a":1}', b"{}"])
HANDSHAKE_WORDS = (b"CLIENT", b"AUTH", b"SELECT", b"PING")


def test_without_its_library_the_output_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "shipper.outputs.redis.output", raising=False)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigError, match=r"pip install 'mcp-shipper\[redis\]'"):
        OUTPUTS["redis"].create(RedisConfig())


def test_the_section_reads_in_the_words_of_filebeat():
    section = {
        "hosts": "redis-1",
        "key": "audit",
        "datatype": "stream",
        "db": 3,
        "password": "hidden",
        "timeout": "2s",
    }
    assert from_mapping({"output": {"redis": section}}).outputs["redis"] == RedisConfig(
        hosts=("redis-1",),
        key="audit",
        datatype="stream",
        db=3,
        password=Secret("hidden"),
        timeout_s=2.0,
    )


def test_a_channel_is_not_offered_for_it_loses_what_nobody_listens_to():
    with pytest.raises(ConfigError, match="'channel' is not one of list, stream"):
        from_mapping({"output": {"redis": {"datatype": "channel"}}})


def test_a_url_is_refused_without_repeating_its_password():
    with pytest.raises(ConfigError, match=r"hosts: each is host or host:port") as raised:
        Redis(RedisConfig(hosts=("redis://me:hidden@redis-1:6379/0",)))
    assert "hidden" not in str(raised.value)


def test_a_server_that_cannot_be_reached_is_unavailable():
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1: Connection refused"):
        Redis(RedisConfig(hosts=("127.0.0.1:1",))).send(TWO)


def test_a_host_that_is_down_is_passed_over(answering, monkeypatch):
    monkeypatch.setattr("random.sample", lambda hosts, _count: list(hosts))
    hosts = ("127.0.0.1:1", answering(b":2\r\n"))
    output = Redis(RedisConfig(hosts=hosts, loadbalance=False))
    assert output.send(TWO) == [DELIVERED, DELIVERED]
    output.close()


def test_after_a_failure_it_is_the_next_hosts_turn(answering, monkeypatch):
    monkeypatch.setattr("random.sample", lambda hosts, _count: list(hosts))
    hosts = (answering(b"-LOADING dataset in memory\r\n"), answering(b":2\r\n"))
    output = Redis(RedisConfig(hosts=hosts, loadbalance=False))
    with pytest.raises(Unavailable):
        output.send(TWO)
    assert output.send(TWO) == [DELIVERED, DELIVERED]
    output.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", Unavailable),
        (b"-READONLY You can't write against a read only replica.\r\n", Unavailable),
        (b"-NOREPLICAS Not enough good replicas to write.\r\n", Unavailable),
        (b"-MISCONF Redis is configured to save RDB snapshots, but cannot\r\n", Refused),
        (b"-NOPERM No permissions to access a key\r\n", Refused),
        (b"-MOVED 42 127.0.0.1:7001\r\n", Refused),
        (b"", Unavailable),
    ],
    ids=lambda value: value.split(b" ")[0].decode() if isinstance(value, bytes) else "",
)
def test_what_redis_answers_says_what_happens_next(answering, answer, error):
    output = Redis(RedisConfig(hosts=(answering(answer),), timeout_s=5))
    with pytest.raises(error):
        output.send(TWO)


def test_an_authority_that_cannot_be_read_is_refused(tmp_path, answering):
    tls = TlsConfig(certificate_authorities=(str(tmp_path / "gone.pem"),))
    with pytest.raises(Refused, match=r"gone\.pem"):
        Redis(RedisConfig(hosts=(answering(b""),), ssl=tls)).send(TWO)


@pytest.fixture
def answering():
    """Starts servers that greet like Redis, and answer a batch as they are told."""
    listeners, threads = [], []

    def start(answer):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threads.append(threading.Thread(target=serve, args=(listener, answer)))
        threads[-1].start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(10)


def serve(listener, answer):
    try:
        connection, _ = listener.accept()
    except OSError:
        return
    with connection:
        connection.settimeout(10)
        while data := connection.recv(65536):
            greetings = sum(data.count(b"\r\n" + word + b"\r\n") for word in HANDSHAKE_WORDS)
            connection.sendall(b"+OK\r\n" * greetings)
            if b"RPUSH" in data:
                connection.sendall(answer)
                return
