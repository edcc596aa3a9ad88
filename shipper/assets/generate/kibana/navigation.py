"""The strip at the top of each dashboard, with links to the dashboards and to the searches.

A links panel leads to dashboards and carries what was chosen. It cannot lead to searches, so those
links are Markdown, and a search opens with its own time range. Their addresses are relative, so
that they work behind a base path and in any space. They contain ids, so they break in a space where
an import by hand created new ids; `setup` installs with ids of its own in each space.
"""

from shipper.assets.generate.kibana.model import Links, Markdown, Panel, PanelRow
from shipper.assets.generate.kibana.searches import SEARCHES

OVERVIEW = "mcp-security-overview"
COMPLIANCE = "mcp-compliance"
OPERATIONS = "mcp-operations"
AGENTS = "mcp-agents-and-servers"
TITLES = {
    OVERVIEW: "Security Overview",
    COMPLIANCE: "Compliance",
    OPERATIONS: "Operations",
    AGENTS: "Agents and Servers",
}


def strip() -> PanelRow:
    """The row of links, the same on each dashboard; Kibana marks the one that is open."""
    searches = (
        f"[{row.title.removeprefix('[MCP] ')}](discover#/view/{row.id})" for row in SEARCHES
    )
    events = f"Events: {' | '.join(searches)}"
    return PanelRow(
        4,
        (
            Panel("Dashboards", Links(tuple(TITLES.items())), width=18),
            Panel("Searches", Markdown(events)),
        ),
    )
