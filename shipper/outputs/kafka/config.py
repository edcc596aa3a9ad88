"""The configuration of the Kafka output, in Filebeat's words and in librdkafka's."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Struct, field

from shipper.bounds import INNER, Count, Level, Span
from shipper.errors import Refused
from shipper.formats.codec import Codec, CodecConfig
from shipper.outputs.config import BackoffConfig, OutputConfig
from shipper.outputs.pem import is_pem
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig
from shipper.processors.naming import Names, Rule, names_of

#: librdkafka copies the lines. A batch has up to 1 MiB, or one longer line.
_QUEUE_KB = 16 << 10

#: How long a topic may be unknown to the brokers before that is an error: they need a moment to
#: create one automatically.
_TOPIC_UNKNOWN_MS = 10_000

#: librdkafka's default of ten seconds is a long wait once a broker is back.
_RECONNECT_MAX_MS = 2_000


class SaslConfig(Struct, frozen=True, kw_only=True):
    """How to log in with the user name and password."""

    #: PLAIN sends the password itself: use it with TLS only.
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"


class KafkaConfig(OutputConfig, CodecConfig, Struct, frozen=True, kw_only=True):
    """Where the brokers are, which topic the lines go to, and how safely."""

    #: `host` or `host:port` of a few brokers; they name the others.
    hosts: tuple[str, ...] = ("localhost:9092",)
    #: The topic of all lines; its places `%{…}` are filled by each line.
    topic: str = "mcp-audit"
    #: stream: lines of one audit stream stay in order, in one partition; none: spread evenly; a
    #: text with places `%{…}`: the key of each line's message.
    key: str = "stream"
    #: json: the unchanged line; ocsf, cef, leef: the line in that format.
    codec: Codec = "json"
    #: Our name in the brokers' logs and quotas.
    client_id: str = "mcp-shipper"
    #: -1: all replicas in sync have a line before it counts as delivered, and it is written once;
    #: 1: only the leader has it, whose loss may lose delivered lines.
    required_acks: Literal["-1", "1"] = "-1"
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "gzip"
    #: For gzip only; the others have different levels.
    compression_level: Level = 4
    #: Longer lines become dead letters; the brokers' default limit is a little higher.
    max_message_bytes: Count = 1_000_000
    #: Longest wait for the acknowledgement of a batch.
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
    #: Filebeat's `topics`: rules that come before `topic`.
    topic_rules: Annotated[tuple[Rule, ...], INNER] = ()

    @property
    def topics(self) -> Names:
        """The topic of each line."""
        return names_of(self.topic, self.topic_rules)


def properties(config: KafkaConfig) -> dict[str, str | int | bool]:
    """The configuration as librdkafka's properties, secrets included."""
    is_idempotent = config.required_acks == "-1"
    found: dict[str, str | int | bool] = {
        "bootstrap.servers": ",".join(config.hosts),
        "client.id": config.client_id,
        "acks": config.required_acks,
        "enable.idempotence": is_idempotent,
        # With more than one a later request could overtake a retry; idempotence allows five.
        "max.in.flight.requests.per.connection": 5 if is_idempotent else 1,
        # If it gave up on a line after sending it, that line could be written twice, and after
        # later ones. So it never gives up; the next `send` waits for the lines that it still has.
        "message.timeout.ms": 0,
        "compression.type": config.compression,
        **({"compression.level": config.compression_level} if config.compression == "gzip" else {}),
        "message.max.bytes": config.max_message_bytes,
        "queue.buffering.max.messages": config.bulk_max_size,
        "queue.buffering.max.kbytes": max(_QUEUE_KB, config.max_message_bytes >> 9),
        "partitioner": "murmur2_random",  # the Java clients' partitions: the same for all clients
        "topic.metadata.propagation.max.ms": _TOPIC_UNKNOWN_MS,
        "reconnect.backoff.max.ms": _RECONNECT_MAX_MS,
        "log_level": 2,  # errors come to our callbacks; they would go to stderr as well
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
        key = config.key or config.certificate
        found[f"ssl.certificate.{_KINDS[is_pem(config.certificate)]}"] = config.certificate
        found[f"ssl.key.{_KINDS[is_pem(key)]}"] = key
    if config.key_passphrase:
        found["ssl.key.password"] = config.key_passphrase.reveal()
    return found


#: How librdkafka calls the name of a file, and its text.
_KINDS = {False: "location", True: "pem"}


def _pem(authority: str) -> str:
    if is_pem(authority):
        return authority
    try:
        return Path(authority).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(
            f"ssl.certificate_authorities: {authority} cannot be loaded ({error}); "
            "it must be a readable PEM file"
        ) from error
