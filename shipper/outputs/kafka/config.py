"""Kafka: what the output is configured with, in Filebeat's words and in librdkafka's."""

from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from shipper.bounds import Count, Level, Span
from shipper.errors import Refused
from shipper.outputs.config import BackoffConfig, OutputConfig
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig

#: librdkafka copies what it is given. A batch of the pipeline has 4 MiB, or one longer line.
_QUEUE_KB = 16 << 10

#: How long a topic may be unknown to the brokers before that counts: one that they make
#: themselves takes a moment.
_TOPIC_UNKNOWN_MS = 10_000

#: librdkafka's own ten seconds are long to wait for when a broker is back.
_RECONNECT_MAX_MS = 2_000


class SaslConfig(Struct, frozen=True, kw_only=True):
    """How the user name and password are proven."""

    #: PLAIN sends the password itself: use it over TLS only.
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"


class KafkaConfig(OutputConfig, Struct, frozen=True, kw_only=True):
    """Where the brokers are, which topic the lines go to, and how safely."""

    #: `host` or `host:port` of some brokers; they name the others.
    hosts: tuple[str, ...] = ("localhost:9092",)
    #: The one topic that all lines go to.
    topic: str = "mcp-audit"
    #: stream: lines of one audit stream stay in order, in one partition; none: spread evenly.
    key: Literal["stream", "none"] = "stream"
    #: The name under which brokers log and limit us.
    client_id: str = "mcp-shipper"
    #: -1: all replicas in sync have a line before it counts, and none is written twice;
    #: 1: the leader alone, whose loss may lose lines that counted.
    required_acks: Literal["-1", "1"] = "-1"
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "gzip"
    #: Of gzip; the others have levels of their own.
    compression_level: Level = 4
    #: Longer lines go to the dead letters; the brokers' own limit is a little higher by default.
    max_message_bytes: Count = 1_000_000
    #: Longest wait for the acknowledgement of a batch before it counts as trouble.
    timeout_s: Span = 30.0
    #: How long to wait before trying again.
    backoff: BackoffConfig = field(default_factory=BackoffConfig)
    #: Lines handed over at once.
    bulk_max_size: Count = 2048
    username: str | None = None
    password: Secret | None = None
    #: How to log in, if there is a user name.
    sasl: SaslConfig = field(default_factory=SaslConfig)
    #: TLS, if the brokers have it.
    ssl: TlsConfig | None = None


def properties(config: KafkaConfig) -> dict[str, str | int | bool]:
    """The configuration in librdkafka's words, secrets included."""
    is_idempotent = config.required_acks == "-1"
    found: dict[str, str | int | bool] = {
        "bootstrap.servers": ",".join(config.hosts),
        "client.id": config.client_id,
        "acks": config.required_acks,
        "enable.idempotence": is_idempotent,
        # More than one would let a retry overtake; idempotence keeps the order of five.
        "max.in.flight.requests.per.connection": 5 if is_idempotent else 1,
        # A line that it gave up after sending it might be written twice, and later lines before
        # it: so it never gives up, and we ask again for the lines that it still has.
        "message.timeout.ms": 0,
        "compression.type": config.compression,
        **({"compression.level": config.compression_level} if config.compression == "gzip" else {}),
        "message.max.bytes": config.max_message_bytes,
        "queue.buffering.max.messages": config.bulk_max_size,
        "queue.buffering.max.kbytes": max(_QUEUE_KB, config.max_message_bytes >> 9),
        "partitioner": "murmur2_random",  # as Java clients do: a stream has one place for all
        "topic.metadata.propagation.max.ms": _TOPIC_UNKNOWN_MS,
        "reconnect.backoff.max.ms": _RECONNECT_MAX_MS,
        "log_level": 2,  # what is wrong comes to us as errors; it would go to stderr besides
    }
    return found | _login(config) | _tls(config.ssl)


def _login(config: KafkaConfig) -> dict[str, str | int | bool]:
    prefix = "sasl_" if config.username is not None else ""
    found: dict[str, str | int | bool] = {
        "security.protocol": prefix + ("ssl" if config.ssl else "plaintext")
    }
    if config.username is not None and config.password is not None:
        found["sasl.mechanism"] = config.sasl.mechanism
        found["sasl.username"] = config.username
        found["sasl.password"] = config.password.reveal()
    return found


def _tls(config: TlsConfig | None) -> dict[str, str | int | bool]:
    if config is None:
        return {}
    found: dict[str, str | int | bool] = {
        "enable.ssl.certificate.verification": config.verification_mode != "none",
        "ssl.endpoint.identification.algorithm": ("https" if config.checks_name else "none"),
    }
    if config.certificate_authorities:
        found["ssl.ca.pem"] = "\n".join(map(_pem, config.certificate_authorities))
    if config.certificate:
        found["ssl.certificate.location"] = config.certificate
        found["ssl.key.location"] = config.key or config.certificate
    if config.key_passphrase:
        found["ssl.key.password"] = config.key_passphrase.reveal()
    return found


def _pem(authority: str) -> str:
    if "-----BEGIN" in authority:
        return authority
    try:
        return Path(authority).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(
            f"ssl.certificate_authorities: {authority} cannot be loaded ({error}); "
            "it must be a readable PEM file"
        ) from error
