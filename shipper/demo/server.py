"""An MCP server over stdio that records its calls: used by the demo, and a first example.

Run it as `python -m shipper.demo.server DIRECTORY`; it writes audit segments to that directory.
"""

import logging.config
import sys

import anyio
from mcp.server import MCPServer

import shipper
from shipper.demo import NAMESPACE

_ORDERS = {"A-1001": "paid", "A-1002": "shipped"}
_audit = logging.getLogger("mcp.audit")

server = MCPServer("orders", version="1.4.0")


@server.tool()
def lookup_order(order_id: str) -> str:
    """Look an order up."""
    return f"order {order_id} is {_ORDERS[order_id]}"


@server.tool()
def charge_card(order_id: str, card_number: str, api_key: str) -> str:
    """Charge an order; the payment provider is down, and its error reveals too much."""
    raise RuntimeError(f"gateway refused {card_number} for {order_id} (key {api_key})")


@server.tool()
def delete_customer(customer: str, reason: str) -> str:
    """Delete a customer, which the demo's policy always denies."""
    _audit.warning(
        shipper.create_authorization_event(
            None, "tools/call", "demo-policy", "deny", 0.97, approval_required=True
        )
    )
    raise PermissionError(f"deleting {customer} needs an approval ({reason})")


@server.tool()
async def slow_report(year: int) -> str:
    """Take far longer than a client waits."""
    await anyio.sleep(60)
    return f"report of {year}"


@server.tool()
def send_mail(to: str, subject: str, password: str) -> str:
    """Send a mail, and return more than the caller should see."""
    return f"sent {subject!r} to {to}; logged in with {password}"


@server.resource("orders://{order_id}/invoice")
def invoice(order_id: str) -> str:
    """The invoice of an order."""
    return f"invoice of {order_id}"


@server.prompt()
def apology(customer: str) -> str:
    """Ask for an apology for a late order."""
    return f"Write to {customer} that we are sorry."


def main(directory: str) -> None:
    """Serve over standard input and output."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "audit": {
                    "class": "shipper.AuditHandler",
                    "directory": directory,
                    "audit_level": "enterprise",
                    "compliance_frameworks": ["sox"],
                    "namespace": NAMESPACE,
                    "service": {"name": "orders", "environment": "demo"},
                }
            },
            "loggers": {"mcp.audit": {"handlers": ["audit"], "level": "INFO", "propagate": False}},
        }
    )
    logging.getLogger("mcp").setLevel(logging.CRITICAL)  # the failures are on purpose
    shipper.instrument(server)
    server.run("stdio")


if __name__ == "__main__":
    main(sys.argv[1])
