"""What the Kafka output says and does where there is no Kafka."""

import subprocess
import sys
import time

import pytest

from shipper.config import from_mapping
from shipper.errors import ConfigError, Refused, Unavailable
from shipper.lines import Lines
from shipper.outputs import OUTPUTS
from shipper.outputs.kafka.config import KafkaConfig, SaslConfig, properties
from shipper.outputs.kafka.output import Kafka
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig

NOBODY = ("127.0.0.1:1",)
ONE = Lines.of([b"{}"])


def test_without_its_library_the_output_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "shipper.outputs.kafka.output", raising=False)
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(ConfigError, match=r"pip install 'mcp-shipper\[kafka\]'"):
        OUTPUTS["kafka"].create(KafkaConfig())


def test_the_optional_library_is_imported_only_when_such_an_output_is_made():
    code = "import sys, shipper.outputs; print('confluent_kafka' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_section_reads_in_the_words_of_filebeat():
    section = {
        "hosts": ["kafka-1:9092", "kafka-2:9092"],
        "topic": "audit",
        "required_acks": -1,
        "compression": "zstd",
        "username": "shipper",
        "password": "hidden",
        "sasl": {"mechanism": "SCRAM-SHA-512"},
        "ssl": {"certificate_authorities": ["/etc/ca.pem"]},
    }
    assert from_mapping({"output": {"kafka": section}}).outputs["kafka"] == KafkaConfig(
        hosts=("kafka-1:9092", "kafka-2:9092"),
        topic="audit",
        required_acks="-1",
        compression="zstd",
        username="shipper",
        password=Secret("hidden"),
        sasl=SaslConfig(mechanism="SCRAM-SHA-512"),
        ssl=TlsConfig(certificate_authorities=("/etc/ca.pem",)),
    )


def test_writing_without_acknowledgement_is_not_offered():
    with pytest.raises(ConfigError, match=r"required_acks.*'0' is not one of -1, 1"):
        from_mapping({"output": {"kafka": {"required_acks": 0}}})


def test_all_that_cannot_be_is_said_at_once():
    config = KafkaConfig(
        topic="two words",
        username="shipper",
        ssl=TlsConfig(ca_trusted_fingerprint="00", supported_protocols=("TLSv1.3",)),
    )
    with pytest.raises(ConfigError) as raised:
        Kafka(config)
    assert [problem.where for problem in raised.value.problems] == [
        "topic",
        "username",
        "ssl.ca_trusted_fingerprint",
        "ssl.supported_protocols",
    ]


@pytest.mark.parametrize(("acks", "is_idempotent"), [("-1", True), ("1", False)])
def test_all_replicas_and_no_duplicates_go_together(acks, is_idempotent):
    found = properties(KafkaConfig(required_acks=acks))
    assert (found["acks"], found["enable.idempotence"]) == (acks, is_idempotent)


def test_a_certificate_of_ours_and_several_authorities_reach_librdkafka(tmp_path):
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\none\n")
    tls = TlsConfig(
        certificate_authorities=(str(tmp_path / "ca.pem"), "-----BEGIN CERTIFICATE-----\ntwo"),
        certificate="own.pem",
        key_passphrase=Secret("pass"),
        verification_mode="certificate",
    )
    found = properties(KafkaConfig(ssl=tls))
    assert found["security.protocol"] == "ssl"
    assert found["ssl.ca.pem"].split("-----BEGIN CERTIFICATE-----") == ["", "\none\n\n", "\ntwo"]
    assert found["ssl.certificate.location"] == found["ssl.key.location"] == "own.pem"
    assert found["ssl.key.password"] == "pass"
    assert found["enable.ssl.certificate.verification"] is True
    assert found["ssl.endpoint.identification.algorithm"] == "none"


def test_an_authority_that_cannot_be_read_is_refused_by_its_name(tmp_path):
    tls = TlsConfig(certificate_authorities=(str(tmp_path / "gone.pem"),))
    with pytest.raises(Refused, match=r"gone\.pem cannot be loaded"):
        Kafka(KafkaConfig(ssl=tls)).probe()


def test_a_certificate_that_cannot_be_read_is_refused():
    with pytest.raises(Refused, match=r"ssl\.certificate\.location"):
        Kafka(KafkaConfig(ssl=TlsConfig(certificate="/nowhere/own.pem"))).send(ONE)


def test_brokers_that_cannot_be_reached_are_unavailable_within_seconds(capfd):
    output = Kafka(KafkaConfig(hosts=NOBODY))
    started = time.monotonic()
    for attempt in (output.probe, lambda: output.send(ONE), lambda: output.send(ONE)):
        with pytest.raises(Unavailable, match="Connection refused"):
            attempt()
    output.close()
    assert time.monotonic() - started < 10
    assert capfd.readouterr() == ("", "")


def test_a_name_that_cannot_be_resolved_is_unavailable_and_named():
    output = Kafka(KafkaConfig(hosts=("kafka.invalid",)))
    with pytest.raises(Unavailable, match=r"kafka\.invalid:9092"):
        output.probe()
