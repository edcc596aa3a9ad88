"""What the Redis output says and does where there is no Redis."""

import socket
import threading

import pytest

from shipper.config import from_mapping
from shipper.errors import ConfigError, ProtocolError, Refused, TooLarge, Unavailable
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED
from shipper.outputs.redis.config import RedisConfig
from shipper.outputs.redis.output import Redis
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig
from shipper.wire.resp import command

TWO = Lines.of([b'{"a":1}', b"{}"])
HANDSHAKE_WORDS = (b"AUTH", b"SELECT", b"PING")


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
        (b"-BUSY Redis is busy running a script\r\n", Unavailable),
        (b"-CLUSTERDOWN Hash slot not served\r\n", Unavailable),
        (b"-MASTERDOWN Link with MASTER is down\r\n", Unavailable),
        (b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n", Unavailable),
        (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", Unavailable),
        (b"-ERR max number of clients reached\r\n", Unavailable),
        (b"-ERR Protocol error: invalid bulk length\r\n", TooLarge),
        (b"-WRONGPASS invalid username-password pair or user is disabled.\r\n", Refused),
        (b"-NOAUTH Authentication required.\r\n", Refused),
        (b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n", Refused),
        (b"-MISCONF Redis is configured to save RDB snapshots, but cannot\r\n", Refused),
        (b"-NOPERM No permissions to access a key\r\n", Refused),
        (b"-MOVED 42 127.0.0.1:7001\r\n", Refused),
        (b"-ASK 42 127.0.0.1:7001\r\n", Refused),
        (b"HTTP/1.1 400 Bad Request\r\n", ProtocolError),
        (b":1\r\n:2\r\n", ProtocolError),
        (b"", Unavailable),
    ],
    ids=lambda value: value.split(b" ")[0].decode() if isinstance(value, bytes) else "",
)
def test_what_redis_answers_says_what_happens_next(answering, answer, error):
    output = Redis(RedisConfig(hosts=(answering(answer),), timeout_s=5))
    with pytest.raises(error):
        output.send(TWO)


def test_a_server_that_hangs_up_on_a_line_has_its_reason_heard(answering):
    error = b"-ERR Protocol error: invalid bulk length\r\n"
    output = Redis(RedisConfig(hosts=(answering(error),)))
    # Longer than what all buffers on the way hold: the connection breaks while it is sent.
    with pytest.raises(TooLarge, match="proto-max-bulk-len"):
        output.send(Lines.of([b'{"x":"%s"}' % (b"x" * (32 << 20))]))


def test_the_first_error_ends_a_batch_of_several_commands(answering):
    denied = b"-NOPERM this user has no permissions to run the 'multi' command\r\n"
    output = Redis(RedisConfig(hosts=(answering(denied),), datatype="stream"))
    with pytest.raises(Refused, match="allow this user to write"):
        output.send(TWO)


@pytest.mark.parametrize(
    ("settings", "greeting"),
    [
        ({}, [b"PING"]),
        ({"password": Secret("pw")}, [b"AUTH pw", b"PING"]),
        ({"username": "me", "password": Secret("pw")}, [b"AUTH me pw", b"PING"]),
        ({"username": "me"}, [b"AUTH me ", b"PING"]),
        ({"password": Secret("pw"), "db": 3}, [b"AUTH pw", b"SELECT 3", b"PING"]),
    ],
)
def test_it_logs_in_and_chooses_the_database_before_it_sends(answering, settings, greeting):
    came = []
    output = Redis(RedisConfig(hosts=(answering(b":2\r\n", came.append),), **settings))
    assert output.send(TWO) == [DELIVERED, DELIVERED]
    output.close()
    words = b"".join(command(*line.split(b" ")) for line in greeting)
    assert b"".join(came).startswith(words + b"*4\r\n$5\r\nRPUSH\r\n")


def test_an_authority_that_cannot_be_read_is_refused(tmp_path, answering):
    tls = TlsConfig(certificate_authorities=(str(tmp_path / "gone.pem"),))
    with pytest.raises(Refused, match=r"gone\.pem"):
        Redis(RedisConfig(hosts=(answering(b""),), ssl=tls)).send(TWO)


@pytest.fixture
def answering():
    """Starts servers that greet like Redis, and answer a batch as they are told."""
    listeners, threads = [], []

    def start(answer, saw=lambda data: None):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threads.append(threading.Thread(target=serve, args=(listener, answer, saw)))
        threads[-1].start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(10)


def serve(listener, answer, saw):
    try:
        connection, _ = listener.accept()
    except OSError:
        return
    with connection:
        connection.settimeout(10)
        while data := connection.recv(65536):
            saw(data)
            greetings = sum(data.count(b"\r\n" + word + b"\r\n") for word in HANDSHAKE_WORDS)
            connection.sendall(b"+OK\r\n" * greetings)
            if b"RPUSH" in data or b"MULTI" in data:
                connection.sendall(answer)
                return
