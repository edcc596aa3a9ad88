"""Logstash, Elastic Agent, or anything else that speaks Lumberjack v2.

An acknowledgement means that the server's queue has the events, not that they are indexed.
"""

from collections.abc import Sequence

import msgspec

from shipper.lines import Lines
from shipper.outputs.base import Outcome
from shipper.outputs.hosts import some_hosts, split_host
from shipper.outputs.lanes import Lanes, Work, groups
from shipper.outputs.logstash.config import DEFAULT_PORT, LogstashConfig
from shipper.outputs.logstash.lane import WINDOW_BYTES, Framing, LogstashLane


class Logstash:
    """Windows to one host, or to all of them at once, in as many connections as configured."""

    def __init__(self, config: LogstashConfig) -> None:
        hosts = [split_host(host, DEFAULT_PORT) for host in some_hosts(config.hosts)]
        lanes = [LogstashLane(config, group) for group in groups(hosts, config)]
        self._lanes = Lanes(lanes, config.backoff)
        self._config = config
        metadata = {"beat": config.index, "type": "_doc", "version": config.version}
        self._metadata = b'"@metadata":' + msgspec.json.encode(metadata)[:-1]

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Deliver `lines` in windows; on one connection in order, and none after a failure."""
        work = Work(lines.ends, self._config.bulk_max_size, WINDOW_BYTES)
        return self._lanes.deliver(work, Framing(lines, self._metadata))

    def probe(self) -> str:
        """Connect to each host that would be used, and send it an empty window."""
        hosts = len(self._config.hosts) if self._config.loadbalance else 1
        return self._lanes.probe(hosts)

    def close(self) -> None:
        """Close the connections."""
        self._lanes.close()
