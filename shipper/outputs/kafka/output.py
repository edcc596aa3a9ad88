"""Kafka through librdkafka: each line is one message, and its report is its outcome.

librdkafka sends a line again for as long as the brokers are away, always under the same sequence
number, by which they recognise it. Lines therefore stay with it when `send` has given up waiting;
when the same lines come again, `send` only waits for their reports.
"""

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException, Producer
from msgspec import Struct

from shipper.errors import ConfigError, DeliveryError, Problem, Refused, TooLarge, Unavailable
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, RETRY, Outcome, Rejected
from shipper.outputs.hosts import some_hosts, split_host
from shipper.outputs.kafka.config import KafkaConfig, properties
from shipper.outputs.named import send_named
from shipper.processors.naming import is_template, names_of
from shipper.shown import shown

_TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")

#: After this time without acknowledgement the brokers are asked for the cause.
_PATIENCE_S = 2.0

#: How often that query checks for errors.
_STEP_S = 0.25

_LOGIN = "check username, password and sasl.mechanism"
_TLS = "check the ssl section, and that hosts names the brokers as their certificates do"
_TOPIC = "create the topic, or check its name"

#: Errors that a person must fix, and how.
_REFUSED: Mapping[int, str] = {
    KafkaError._AUTHENTICATION: _LOGIN,  # noqa: SLF001  # the library's name for its own errors
    KafkaError.SASL_AUTHENTICATION_FAILED: _LOGIN,
    KafkaError._SSL: _TLS,  # noqa: SLF001
    KafkaError._UNKNOWN_TOPIC: _TOPIC,  # noqa: SLF001
    KafkaError.UNKNOWN_TOPIC_OR_PART: _TOPIC,
    KafkaError.TOPIC_EXCEPTION: _TOPIC,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "allow this user to write to the topic",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "allow this user IdempotentWrite",
    KafkaError.POLICY_VIOLATION: "the brokers have a policy against it",
}

#: Errors of the line itself.
_REJECTED = {KafkaError.INVALID_RECORD, KafkaError.INVALID_TIMESTAMP}


class Kafka:
    """One producer, with at most one batch in flight."""

    def __init__(self, config: KafkaConfig) -> None:
        _check(config)
        self._config, self._topics = config, config.topics
        self._producer: Producer | None = None
        self._batch: _Batch | None = None

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Deliver `lines`, each audit stream in order; raises if they are still in flight."""
        if (topic := self._topics.constant) is not None:
            return self._send(lines, [topic] * len(lines))
        return send_named(lines, self._topics, "topic", self._send)

    def _send(self, lines: Lines, topics: Sequence[str]) -> Sequence[Outcome]:
        batch = self._batch_of(lines, topics)
        producer = self._opened()
        deadline = time.monotonic() + self._config.timeout_s
        while batch.open:
            batch.hand_over(producer)
            producer.flush(min(_PATIENCE_S, self._config.timeout_s))
            if batch.open:
                self._raise_trouble(deadline)
        self._batch = None
        if batch.is_last:
            self.close()
        return batch.outcomes()

    def probe(self) -> str:
        """Log in and ask for the brokers and topics; this creates no topic."""
        found = _ask(self._config, self._config.timeout_s)
        topic = self._topics.constant
        if topic is None:
            return f"Kafka at {_hosts(self._config)}, brokers: {found.brokers}; a topic by line"
        which = f"topic {topic}, partitions: {found.partitions.get(topic)}"
        if topic not in found.partitions:
            which = (
                f"topic {topic} does not exist, or this user may not see it; create it, or allow it"
            )
        return f"Kafka at {_hosts(self._config)}, brokers: {found.brokers}; {which}"

    def close(self) -> None:
        """Close the producer; lines that are still in flight may arrive or not."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(0)
        self._producer = self._batch = None

    def _batch_of(self, lines: Lines, topics: Sequence[str]) -> "_Batch":
        """The batch of `lines`, which may be in flight since an earlier `send`."""
        if self._batch is not None and self._batch.lines != lines:
            self.close()
        if self._batch is None:
            self._batch = _Batch(lines, topics, self._config)
        return self._batch

    def _opened(self) -> Producer:
        if self._producer is None:
            self._producer = _producer(self._config)
        return self._producer

    def _raise_trouble(self, deadline: float) -> None:
        # The producer itself would report each failed attempt to connect, about twenty a second,
        # and keep the reports while there is nothing to send.
        _ask(self._config, _PATIENCE_S)
        if time.monotonic() > deadline:
            timeout_s = self._config.timeout_s
            raise Unavailable(
                f"Kafka at {_hosts(self._config)} answers, but has not acknowledged the lines "
                f"within {timeout_s:g} s; are enough replicas in sync?"
            )


def _problems_of(host: str) -> list[Problem]:
    try:
        split_host(host, 9092)
    except ConfigError as error:
        return [*error.problems]
    return []


def _check(config: KafkaConfig) -> None:
    problems = [problem for one in some_hosts(config.hosts) for problem in _problems_of(one)]
    if not is_template(config.topic) and not _TOPIC_NAME.fullmatch(config.topic):
        what = f"{config.topic!r} is not a topic's name: up to 249 of A-Z a-z 0-9 . _ -"
        problems.append(Problem("topic", what))
    if config.key not in {"stream", "none"} and not is_template(config.key):
        what = f"{config.key!r} is not one of stream, none, or a text with a field: %{{[field]}}"
        problems.append(Problem("key", what))
    if (config.username is None) != (config.password is None):
        what = "username and password are given together or not at all"
        problems.append(Problem("username", what))
    if config.ssl and config.ssl.ca_trusted_fingerprint:
        what = "not possible with Kafka; give the authority in certificate_authorities"
        problems.append(Problem("ssl.ca_trusted_fingerprint", what))
    if config.ssl and config.ssl.excludes_a_version:
        what = "not possible with Kafka: its library uses TLS 1.2 and newer"
        problems.append(Problem("ssl.supported_protocols", what))
    if problems:
        raise ConfigError(problems)


class _Batch:
    """Lines in flight, and the outcome of each so far."""

    __slots__ = (
        *("_config", "_keys", "_next", "_outcomes", "_topics", "_values"),
        *("is_last", "lines", "open"),
    )

    def __init__(self, lines: Lines, topics: Sequence[str], config: KafkaConfig) -> None:
        self.lines, self._topics, self._config = lines, topics, config
        self._keys = _keys_of(lines, config.key)
        #: What the messages hold.
        self._values = config.encoded(lines)
        self._outcomes: list[Outcome | DeliveryError] = [RETRY] * len(lines)
        self._next = 0
        #: Lines without an outcome.
        self.open = len(lines)
        #: Whether to make a new producer next: this one cannot continue, or would notice too late
        #: that a person has fixed the error.
        self.is_last = False

    def hand_over(self, producer: Producer) -> None:
        """Give the producer more lines, as far as it has room."""
        with suppress(BufferError):
            while self._next < len(self.lines):
                self._produce(producer, self._next)
                self._next += 1

    def outcomes(self) -> Sequence[Outcome]:
        """The outcomes of all lines; raises if every line failed, so that none has arrived."""
        errors = [one for one in self._outcomes if isinstance(one, DeliveryError)]
        if errors and len(errors) == len(self._outcomes):
            raise errors[0]
        return [RETRY if isinstance(one, DeliveryError) else one for one in self._outcomes]

    def _produce(self, producer: Producer, index: int) -> None:
        line, report = self._values[index], partial(self._report, index)
        if not _TOPIC_NAME.fullmatch(self._topics[index]):
            self._record(index, Rejected(f"topic {shown(self._topics[index])} is no topic's name"))
            return
        try:
            producer.produce(self._topics[index], line, self._keys[index], on_delivery=report)
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                limit = f"max_message_bytes is {self._config.max_message_bytes}"
                self._record(index, Rejected(f"too large: {len(line)} bytes, {limit}"))
            else:
                self._report(index, error, None)

    def _report(self, index: int, error: KafkaError | None, _message: object) -> None:
        if error is None:
            self._record(index, DELIVERED)
            return
        outcome = _outcome(error, self._topics[index])
        is_fatal = error.fatal() or error.code() == KafkaError._FATAL  # noqa: SLF001
        self.is_last |= is_fatal or isinstance(outcome, Refused)
        self._record(index, outcome)

    def _record(self, index: int, outcome: Outcome | DeliveryError) -> None:
        self._outcomes[index] = outcome
        self.open -= 1


def _outcome(error: KafkaError, topic: str) -> Outcome | DeliveryError:
    """What the error of one message means for its line."""
    code, text = error.code(), f"topic {topic}: {error.str()}"
    if code in _REJECTED:
        return Rejected(text)
    if code == KafkaError.MSG_SIZE_TOO_LARGE:  # about a request: smaller ones may pass
        return TooLarge(f"{text}; max.message.bytes of the topic or the brokers is smaller")
    if code in _REFUSED:
        return Refused(f"{text}; {_REFUSED[code]}")
    return Unavailable(text)


def _producer(config: KafkaConfig, **more: Any) -> Producer:
    try:
        return Producer({**properties(config), **more})
    except KafkaException as error:  # an unreadable file, a number out of range
        raise Refused(f"Kafka: {error.args[0].str()}; check output.kafka") from error


class _Cluster(Struct, frozen=True):
    brokers: int
    #: By topic.
    partitions: Mapping[str, int]


def _ask(config: KafkaConfig, timeout_s: float) -> _Cluster:
    """The brokers and topics, asked on new connections; raises the cause if that fails."""
    errors: list[KafkaError] = []
    asking = _producer(config, **{"enable.idempotence": False, "error_cb": errors.append})
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            found = asking.list_topics(timeout=_STEP_S)
        except KafkaException as error:
            asking.poll(0)
            _raise_cause(config, errors)
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"Kafka at {_hosts(config)}: no answer within {timeout_s:g} s"
                ) from error
        else:
            topics = {name: len(topic.partitions) for name, topic in found.topics.items()}
            return _Cluster(len(found.brokers), topics)


def _raise_cause(config: KafkaConfig, errors: Sequence[KafkaError]) -> None:
    """Raise the cause if all connections fail, or if a person must fix it."""
    for error in errors:
        if error.code() in _REFUSED:
            raise Refused(f"{error.str()}; {_REFUSED[error.code()]}")
    all_down = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001
    if any(error.code() == all_down for error in errors):
        causes = [error.str() for error in errors if error.code() != all_down]
        cause = causes[-1] if causes else "the broker hangs up; it may expect TLS, or a user name"
        raise Unavailable(f"Kafka at {_hosts(config)}: {cause}")


def _hosts(config: KafkaConfig) -> str:
    return ", ".join(config.hosts)


class _StreamId(msgspec.Struct, frozen=True):
    id: str | None = None


class _Audit(msgspec.Struct, frozen=True):
    stream: _StreamId = _StreamId()


class _Mcp(msgspec.Struct, frozen=True):
    audit: _Audit = _Audit()


class _Line(msgspec.Struct, frozen=True):
    mcp: _Mcp = _Mcp()


_decoder = msgspec.json.Decoder(_Line)


def _keys_of(lines: Lines, key: str) -> Sequence[str | None]:
    """The key of each line's message."""
    if key == "stream":
        return _stream_ids(lines)
    if not is_template(key):
        return [None] * len(lines)
    names = names_of(key, ())
    return [names.of(line) or None for line in lines]


def _stream_ids(lines: Lines) -> list[str | None]:
    """The audit stream of each line; None for foreign lines."""
    try:
        found = _decoder.decode_lines(lines.block)  # one call in C; the usual case
    except (msgspec.ValidationError, RecursionError):
        return list(map(_stream_id, lines))
    return [line.mcp.audit.stream.id for line in found]


def _stream_id(line: bytes) -> str | None:
    try:
        return _decoder.decode(line).mcp.audit.stream.id
    except (msgspec.ValidationError, RecursionError):  # its fields have another shape
        return None
