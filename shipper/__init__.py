"""Audit logging for MCP applications, native to the ELK stack.

Every public name is loaded on its first use: the shipper starts without the recording side, and an
application without the shipper.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shipper.api.operations import process
    from shipper.capture import (
        audit_asgi,
        audit_auth,
        audit_decision,
        instrument,
        instrument_client,
        wrap_oauth_provider,
        wrap_token_verifier,
    )
    from shipper.catalog import AuditLevel, MCPEventType
    from shipper.detect.blocks import Blocks
    from shipper.record.event import (
        create_authentication_event,
        create_authorization_event,
        create_compliance_event,
        create_policy_violation_event,
        create_prompt_request_event,
        create_rate_limiting_event,
        create_resource_access_event,
        create_security_threat_event,
        create_token_usage_event,
        create_tool_execution_event,
    )
    from shipper.record.formatter import EcsFormatter
    from shipper.record.handler import AuditHandler

__all__ = [
    "AuditHandler",
    "AuditLevel",
    "Blocks",
    "EcsFormatter",
    "MCPEventType",
    "audit_asgi",
    "audit_auth",
    "audit_decision",
    "create_authentication_event",
    "create_authorization_event",
    "create_compliance_event",
    "create_policy_violation_event",
    "create_prompt_request_event",
    "create_rate_limiting_event",
    "create_resource_access_event",
    "create_security_threat_event",
    "create_token_usage_event",
    "create_tool_execution_event",
    "instrument",
    "instrument_client",
    "process",
    "wrap_oauth_provider",
    "wrap_token_verifier",
]

#: The one place of the version. Asking the installed distribution for it takes 10 ms.
__version__ = "0.1.0"

_HOMES = {
    "AuditHandler": "shipper.record.handler",
    "AuditLevel": "shipper.catalog",
    "Blocks": "shipper.detect.blocks",
    "EcsFormatter": "shipper.record.formatter",
    "MCPEventType": "shipper.catalog",
    "audit_asgi": "shipper.capture",
    "audit_auth": "shipper.capture",
    "audit_decision": "shipper.capture",
    "instrument": "shipper.capture",
    "instrument_client": "shipper.capture",
    "process": "shipper.api.operations",
    "wrap_oauth_provider": "shipper.capture",
    "wrap_token_verifier": "shipper.capture",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its home (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'shipper' has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, "shipper.record.event")), name)
    globals()[name] = value
    return value
