"""The outputs by their configuration name: adding one is a folder and a row here.

Each folder has `config.py` and `output.py`. An output with connections of our own has `lane.py` as
well; Kafka has none, because librdkafka keeps the connections.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from msgspec import Struct

from shipper.errors import ConfigError, Problem
from shipper.outputs.base import Output


class _OutputKind(Struct, frozen=True):
    """A kind of output; its modules are imported only where they are used."""

    name: str
    _config: str
    _output: str

    @property
    def config(self) -> Any:
        """The frozen Struct that configures it."""
        return getattr(import_module(f"shipper.outputs.{self.name}.config"), self._config)

    def create(self, config: Any) -> Output:
        """The output; `ConfigError` where its client library is not installed."""
        try:
            module = import_module(f"shipper.outputs.{self.name}.output")
        except ImportError as error:
            what = f"its library is missing ({error}); pip install 'mcp-shipper[{self.name}]'"
            raise ConfigError([Problem("hosts", what)]) from error
        output: Output = getattr(module, self._output)(config)
        return output


OUTPUTS: Mapping[str, _OutputKind] = {
    kind.name: kind
    for kind in (
        _OutputKind("alerts", "AlertsConfig", "Alerts"),
        _OutputKind("command", "CommandConfig", "Command"),
        _OutputKind("console", "ConsoleConfig", "Console"),
        _OutputKind("elasticsearch", "ElasticsearchConfig", "Elasticsearch"),
        _OutputKind("file", "FileConfig", "FileOutput"),
        _OutputKind("kafka", "KafkaConfig", "Kafka"),
        _OutputKind("logstash", "LogstashConfig", "Logstash"),
        _OutputKind("otlp", "OtlpConfig", "Otlp"),
        _OutputKind("redis", "RedisConfig", "Redis"),
        _OutputKind("syslog", "SyslogConfig", "Syslog"),
        _OutputKind("webhook", "WebhookConfig", "Webhook"),
    )
}
