"""Delivery to a real Kafka, through its restarts and ours."""

import json
import uuid

import pytest

from shipper.errors import DeliveryError, Refused
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED
from shipper.outputs.kafka.config import KafkaConfig, SaslConfig
from shipper.outputs.kafka.output import Kafka
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig
from tests.integration.line import (
    acknowledged,
    configuration,
    ship_once,
    shipping,
    wait_until_shipped,
)
from tests.integration.streams import by_stream, peak_mib, without_repeats, write_streams
from tests.real.kafka import PASSWORD, USER

EACH = 5_000
TWO = Lines.of([b'{"a":1}', b'{"mcp":{"audit":{"stream":{"id":"s"}}}}'])


@pytest.fixture
def topic(kafka):
    return kafka.create_topic(f"test-{uuid.uuid4().hex}")


@pytest.fixture
def streams(tmp_path):
    (tmp_path / "audit").mkdir()
    return write_streams(tmp_path / "audit", EACH)


def kafka_configuration(home, kafka, topic, **settings):
    outputs = {"kafka": {"hosts": [kafka.address], "topic": topic, **settings}}
    return configuration(home, [home / "audit" / "*.jsonl"], outputs)


def total_size(home):
    return sum(path.stat().st_size for path in (home / "audit").iterdir())


def values(kafka, topic):
    return [message.value() for message in kafka.messages(topic)]


def test_killed_and_started_again_on_the_way_the_broker_has_each_line_once_and_in_order(
    kafka, topic, streams, tmp_path
):
    config = kafka_configuration(tmp_path, kafka, topic, bulk_max_size=20)
    size = total_size(tmp_path)
    with shipping(config, tmp_path / "log") as process:
        wait_until_shipped(process, tmp_path, "kafka", size // 3)
        kafka.kill()
        assert acknowledged(tmp_path, "kafka") < size
        kafka.start()
        wait_until_shipped(process, tmp_path, "kafka", size)
        assert peak_mib(process) < 100
    assert by_stream(values(kafka, topic)) == streams
    places = {(message.key(), message.partition()) for message in kafka.messages(topic)}
    assert sorted(key.decode() for key, _ in places) == sorted(streams)


def test_killed_on_the_way_the_shipper_loses_nothing_and_keeps_the_order(
    kafka, topic, streams, tmp_path
):
    config = kafka_configuration(tmp_path, kafka, topic, bulk_max_size=20)
    size = total_size(tmp_path)
    for third in (1, 2):
        with shipping(config, tmp_path / "log") as process:
            wait_until_shipped(process, tmp_path, "kafka", third * size // 3)
            process.kill()
    with shipping(config, tmp_path / "log") as process:
        wait_until_shipped(process, tmp_path, "kafka", size)
    found = by_stream(values(kafka, topic))
    assert {name: without_repeats(lines) for name, lines in found.items()} == streams


def test_lines_that_are_under_way_when_send_gives_up_arrive_once(kafka, topic):
    output = Kafka(KafkaConfig(hosts=(kafka.address,), topic=topic))
    assert output.send(TWO) == [DELIVERED] * 2
    kafka.kill()
    late = Lines.of([b'{"late":%d}' % number for number in range(100)])
    attempts = 0
    outcomes = None
    while outcomes is None:
        attempts += 1
        try:
            outcomes = output.send(late)
        except DeliveryError:
            if attempts == 2:
                kafka.start()
    output.close()
    assert attempts > 2
    assert outcomes == [DELIVERED] * 100
    assert sorted(values(kafka, topic)) == sorted([*TWO, *late])


def test_the_lines_of_a_stream_have_its_id_as_their_key_and_others_have_none(kafka, topic):
    output = Kafka(KafkaConfig(hosts=(kafka.address,), topic=topic))
    odd = Lines.of([*TWO, b'{"mcp":"text"}', b'{"mcp":\r{"audit":{"stream":{"id":"t"}}}}'])
    assert output.send(odd) == [DELIVERED] * 4
    output.close()
    keys = {message.value(): message.key() for message in kafka.messages(topic)}
    assert keys == dict(zip(odd, [None, b"s", None, b"t"], strict=True))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_wrong_password_is_refused_and_the_right_one_delivers_over_tls(kafka, topic, mechanism):
    def login(password):
        return Kafka(
            KafkaConfig(
                hosts=(kafka.secure_address,),
                topic=topic,
                username=USER,
                password=Secret(password),
                sasl=SaslConfig(mechanism=mechanism),
                ssl=TlsConfig(certificate_authorities=(str(kafka.authority),)),
            )
        )

    stranger = login("not the right one")
    for attempt in (lambda: stranger.send(TWO), stranger.probe):
        with pytest.raises(Refused, match="check username, password") as raised:
            attempt()
        assert "not the right one" not in str(raised.value)
    stranger.close()
    known = login(PASSWORD)
    assert known.send(TWO) == [DELIVERED] * 2
    assert "brokers: 1; topic" in known.probe()
    known.close()


def test_a_certificate_of_an_unknown_authority_is_refused(kafka, topic):
    output = Kafka(
        KafkaConfig(
            hosts=(kafka.secure_address,),
            topic=topic,
            username=USER,
            password=Secret(PASSWORD),
            ssl=TlsConfig(),
        )
    )
    with pytest.raises(Refused, match="check the ssl section"):
        output.probe()


def test_a_missing_topic_is_refused_and_taken_up_as_soon_as_it_is_there(kafka):
    name = f"test-{uuid.uuid4().hex}"
    output = Kafka(KafkaConfig(hosts=(kafka.address,), topic=name))
    with pytest.raises(Refused, match="create the topic"):
        output.send(TWO)
    assert "does not exist" in output.probe()
    kafka.create_topic(name)
    assert output.send(TWO) == [DELIVERED] * 2
    output.close()
    assert sorted(values(kafka, name)) == sorted(TWO)


@pytest.mark.parametrize(("ours", "theirs"), [("2000", "100000"), ("100000", "2000")])
def test_a_line_too_large_for_us_or_the_broker_goes_to_the_dead_letters_alone(
    kafka, tmp_path, ours, theirs
):
    (tmp_path / "audit").mkdir()
    lines = [b'{"n":%d,"x":"%s"}' % (number, b"x" * 300) for number in range(50)]
    large = b'{"x":"%s"}' % (b"x" * 5000)
    data = b"\n".join([*lines[:20], large, *lines[20:], b""])
    (tmp_path / "audit" / "a.jsonl").write_bytes(data)
    name = kafka.create_topic(f"test-{uuid.uuid4().hex}", **{"max.message.bytes": theirs})
    config = kafka_configuration(
        tmp_path, kafka, name, max_message_bytes=int(ours), compression="none"
    )
    done = ship_once(config)
    assert done.returncode == 0, done.stderr
    assert sorted(values(kafka, name)) == sorted(lines)
    (dead_letter,) = (tmp_path / "data" / "dead-letters" / "kafka.ndjson").read_text().splitlines()
    assert json.loads(dead_letter)["line"].encode() == large
    assert "too large" in json.loads(dead_letter)["reason"]


def test_each_line_goes_to_the_topic_that_it_names_under_its_own_key(kafka):
    names = [kafka.create_topic(f"{letter}-{uuid.uuid4().hex}") for letter in "ab"]
    config = KafkaConfig(hosts=(kafka.address,), topic="%{[fields.topic]}", key="%{[user]}")
    events = [{"fields": {"topic": name}, "user": f"u-{name}"} for name in names]
    lines = [json.dumps(one).encode() for one in (*events, {}, {"fields": {"topic": "two words"}})]
    output = Kafka(config)
    outcomes = output.send(Lines.of(lines))
    assert "a topic by line" in output.probe()
    output.close()
    assert outcomes[:2] == [DELIVERED] * 2
    assert "it has no fields.topic" in outcomes[2].reason
    assert "is no topic's name" in outcomes[3].reason
    for name, line in zip(names, lines, strict=False):
        (message,) = kafka.messages(name)
        assert (message.key(), message.value()) == (f"u-{name}".encode(), line)
