"""The people of the sample, and the services and tools that they use."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    median_ms: float
    failing: float
    cost: float
    arguments: Mapping[str, object]
    result: str


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    tools: tuple[Tool, ...]
    resources: tuple[str, ...]


SERVICES = (
    Service(
        "files",
        (
            Tool("read_file", 12, 0.02, 0, {"path": "/projects/q3/plan.md"}, "# Plan\n..."),
            Tool("search_files", 140, 0.03, 0, {"pattern": "*.csv"}, "data/sales.csv"),
            Tool("write_file", 25, 0.05, 0, {"path": "/projects/q3/notes.md"}, "ok"),
        ),
        ("file:///projects/q3/plan.md", "file:///projects/q3/sales.csv", "file:///hr/salaries.csv"),
    ),
    Service(
        "crm",
        (
            Tool(
                "find_customer", 85, 0.04, 0.0004, {"name": "Ada Example"}, "mail ada@example.org"
            ),
            Tool("update_customer", 160, 0.06, 0.0004, {"id": 4711}, "ok"),
            Tool("export_customers", 2400, 0.1, 0.02, {"format": "csv"}, "2,311 rows"),
            Tool("delete_customer", 120, 0.02, 0.0004, {"id": 4712}, "ok"),
        ),
        ("crm://customers/4711", "crm://customers/4712", "crm://reports/pipeline"),
    ),
    Service(
        "analytics",
        (
            Tool("run_query", 900, 0.07, 0.012, {"sql": "select region, sum(net)"}, "12 rows"),
            Tool("summarise", 3200, 0.03, 0.09, {"document": "q3"}, "Sales rose in the south."),
            Tool("forecast", 5200, 0.05, 0.16, {"horizon_days": 90}, "+4.1 per cent"),
        ),
        ("db://warehouse/sales", "db://warehouse/customers"),
    ),
)
#: The name of the shipper in its self-audit.
SHIPPER = "mcp-shipper"
AGENT = "code-companion"
CLIENTS = (("desk-assistant", "2.3.0"), (AGENT, "1.14.2"), ("report-bot", "0.9.1"))
USERS = ("amara", "bjorn", "chen", "dalia", "emeka", "farah", "goran", "hana", "ines", "jonas")
ADMIN = "ops-admin"
VICTIM = "dalia"
ATTACKER_IP = "203.0.113.66"
ERRORS = ("TimeoutError", "ValueError", "UpstreamError", "tool_error")
#: Tools that need a policy's decision before each call.
GUARDED = frozenset({"write_file", "update_customer", "export_customers", "delete_customer"})
