"""The outputs by their configuration name: adding one is a module and a row here."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from msgspec import Struct


class OutputKind(Struct, frozen=True):
    """A kind of output. Its module is imported when it is asked for, not at every start."""

    _module: str
    _config: str
    _create: str

    @property
    def config(self) -> Any:
        """What it is configured with: a frozen Struct."""
        return getattr(import_module(self._module), self._config)

    @property
    def create(self) -> Callable[[Any], Any]:
        """Makes the output from its configuration."""
        create: Callable[[Any], Any] = getattr(import_module(self._module), self._create)
        return create


OUTPUTS: Mapping[str, OutputKind] = {
    "console": OutputKind("shipper.outputs.console", "ConsoleConfig", "Console"),
    "elasticsearch": OutputKind(
        "shipper.outputs.elasticsearch", "ElasticsearchConfig", "Elasticsearch"
    ),
    "file": OutputKind("shipper.outputs.file", "FileConfig", "FileOutput"),
    "kafka": OutputKind("shipper.outputs.kafka", "KafkaConfig", "create_kafka"),
    "logstash": OutputKind("shipper.outputs.logstash", "LogstashConfig", "Logstash"),
    "redis": OutputKind("shipper.outputs.redis", "RedisConfig", "create_redis"),
}
