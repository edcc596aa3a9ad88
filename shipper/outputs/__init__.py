"""The outputs by their configuration name: adding one is a module and a row here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shipper.outputs.base import Output
from shipper.outputs.console import Console, ConsoleConfig
from shipper.outputs.elasticsearch import Elasticsearch, ElasticsearchConfig
from shipper.outputs.file import FileConfig, FileOutput
from shipper.outputs.kafka import KafkaConfig, create_kafka
from shipper.outputs.logstash import Logstash, LogstashConfig
from shipper.outputs.redis import RedisConfig, create_redis


@dataclass(frozen=True, slots=True)
class OutputKind:
    """A kind of output: what it is configured with, and how it is made."""

    config: type
    create: Callable[[Any], Output]


OUTPUTS: Mapping[str, OutputKind] = {
    "console": OutputKind(ConsoleConfig, Console),
    "elasticsearch": OutputKind(ElasticsearchConfig, Elasticsearch),
    "file": OutputKind(FileConfig, FileOutput),
    "kafka": OutputKind(KafkaConfig, create_kafka),
    "logstash": OutputKind(LogstashConfig, Logstash),
    "redis": OutputKind(RedisConfig, create_redis),
}
