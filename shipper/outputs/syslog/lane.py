"""One connection to a syslog receiver."""

from collections.abc import Sequence

from shipper.formats.syslog import framed
from shipper.outputs.base import DELIVERED, Outcome, Rejected
from shipper.outputs.config import BATCH_BYTES
from shipper.outputs.connection import Connection
from shipper.outputs.hosted import HostedLane
from shipper.outputs.lanes import Work
from shipper.outputs.syslog.config import SyslogConfig


class SyslogLane(HostedLane):
    """A connection to one of several receivers."""

    def __init__(self, config: SyslogConfig, hosts: Sequence[tuple[str, int]]) -> None:
        super().__init__(hosts)
        self._config = config

    def run(self, work: Work, job: Sequence[bytes]) -> None:
        """Write one part after the other; messages that are too long are rejected."""
        while part := work.take(self._config.bulk_max_size, BATCH_BYTES):
            messages = job[part]
            outcomes = [self._outcome(message) for message in messages]
            fit = zip(messages, outcomes, strict=True)
            with self._closed_by_errors():
                self._opened().send(b"".join(framed(m) for m, o in fit if o is DELIVERED))
            work.record(part, outcomes)

    def probe(self) -> str:
        """Connect; a receiver answers nothing."""
        with self._closed_by_errors():
            connection = self._opened()
        return f"{connection.peer} accepts connections ({connection.security})"

    def _open(self, host: str, port: int) -> None:
        config = self._config
        self._connection = Connection.connect(
            host, port, timeout_s=config.timeout_s, tls=config.ssl
        )

    def _outcome(self, message: bytes) -> Outcome:
        limit = self._config.max_message_bytes
        if len(message) <= limit:
            return DELIVERED
        return Rejected(f"too large: {len(message)} bytes, max_message_bytes is {limit}")
