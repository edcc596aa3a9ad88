"""Syslog over TCP or TLS: RFC 5424 messages with their length in front (RFC 6587, RFC 5425).

The protocol has no acknowledgement. A line counts as delivered when its message is written to the
socket: what the kernels and the receiver hold when a connection breaks is lost, and nobody knows
how much that is. A connection that the receiver has closed is found before the next batch.
"""

from collections.abc import Sequence

from shipper.formats.codec import encoder
from shipper.formats.syslog import syslog
from shipper.lines import Lines
from shipper.outputs.base import Outcome
from shipper.outputs.config import BATCH_BYTES
from shipper.outputs.hosts import some_hosts, split_host
from shipper.outputs.lanes import Lanes, Work, groups
from shipper.outputs.syslog.config import PORT, TLS_PORT, SyslogConfig
from shipper.outputs.syslog.lane import SyslogLane


class Syslog:
    """Messages to one host, or to all of them at once."""

    def __init__(self, config: SyslogConfig) -> None:
        port = TLS_PORT if config.ssl else PORT
        hosts = [split_host(host, port) for host in some_hosts(config.hosts)]
        lanes = [SyslogLane(config, group) for group in groups(hosts, config)]
        self._lanes = Lanes(lanes, config.backoff)
        self._config, self._encode = config, encoder(config.codec)

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Write a message for each line; on one connection in order."""
        facility = self._config.facility
        messages = [syslog(line, self._encode, facility) for line in lines]
        work = Work(lines.ends, self._config.bulk_max_size, BATCH_BYTES)
        return self._lanes.deliver(work, messages)

    def probe(self) -> str:
        """Connect to each host that would be used."""
        hosts = len(self._config.hosts) if self._config.loadbalance else 1
        return self._lanes.probe(hosts)

    def close(self) -> None:
        """Close the connections."""
        self._lanes.close()
