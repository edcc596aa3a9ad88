"""Where events come from: hooks in MCP servers and around their HTTP apps."""

from shipper.capture.client import instrument_client
from shipper.capture.decision import audit_auth, audit_decision
from shipper.capture.install import audit_asgi, instrument
from shipper.capture.provider import wrap_oauth_provider
from shipper.capture.verifier import wrap_token_verifier

__all__ = [
    "audit_asgi",
    "audit_auth",
    "audit_decision",
    "instrument",
    "instrument_client",
    "wrap_oauth_provider",
    "wrap_token_verifier",
]
