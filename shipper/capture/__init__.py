"""Where events come from: hooks in MCP servers and around their HTTP apps."""

from shipper.capture.client import instrument_client
from shipper.capture.install import audit_asgi, instrument

__all__ = ["audit_asgi", "instrument", "instrument_client"]
