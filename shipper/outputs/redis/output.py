"""Redis: a batch is one command or one transaction, so that it arrives complete or not at all.

When the connection breaks before the answer, nobody knows whether the batch arrived; it is sent
again, and may then be there twice. An answer means that Redis has the lines in memory: its own
settings decide whether they survive its crash (`appendonly`, `appendfsync`).
"""

from collections.abc import Sequence

from shipper.errors import ConfigError, Problem
from shipper.lines import Lines
from shipper.outputs.base import Outcome
from shipper.outputs.config import BATCH_BYTES
from shipper.outputs.hosts import some_hosts, split_host
from shipper.outputs.lanes import Lanes, Work, groups
from shipper.outputs.named import send_named
from shipper.outputs.redis.config import DEFAULT_PORT, RedisConfig
from shipper.outputs.redis.lane import RedisLane


class Redis:
    """Batches to one host, or to all of them at once, in as many connections as configured."""

    def __init__(self, config: RedisConfig) -> None:
        if any("/" in host or "@" in host for host in config.hosts):  # a URL may hold a password
            what = (
                "each is host or host:port; db, username, password and ssl have keys of their own"
            )
            raise ConfigError([Problem("hosts", what)])
        hosts = [split_host(host, DEFAULT_PORT) for host in some_hosts(config.hosts)]
        lanes = [RedisLane(config, group) for group in groups(hosts, config)]
        self._lanes = Lanes(lanes, config.backoff)
        self._config, self._keys = config, config.keys

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Append `lines` to the list or stream; on one connection in order."""
        if (key := self._keys.constant) is not None:
            return self._send(lines, [key] * len(lines))
        return send_named(lines, self._keys, "key", self._send)

    def _send(self, lines: Lines, keys: Sequence[str]) -> Sequence[Outcome]:
        lines = self._config.encoded(lines)
        work = Work(lines.ends, self._config.bulk_max_size, BATCH_BYTES)
        return self._lanes.deliver(work, list(zip(keys, lines, strict=True)))

    def probe(self) -> str:
        """Log in to each host that would be used, and ask for the version."""
        hosts = len(self._config.hosts) if self._config.loadbalance else 1
        return self._lanes.probe(hosts)

    def close(self) -> None:
        """Close the connections."""
        self._lanes.close()
