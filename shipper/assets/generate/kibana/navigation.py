"""The strip at the top of each dashboard, with links to the others and to the searches.

It is Markdown, as Kibana 8.10 has no links panel. The addresses are relative, so that they work
behind a base path and in any space. They contain ids, so they break in a space whose import created
new ids.
"""

from shipper.assets.generate.kibana.model import Markdown, Panel, PanelRow
from shipper.assets.generate.kibana.searches import SEARCHES

OVERVIEW = "mcp-security-overview"
COMPLIANCE = "mcp-compliance"
OPERATIONS = "mcp-operations"
TITLES = {
    OVERVIEW: "MCP Security Overview",
    COMPLIANCE: "MCP Compliance",
    OPERATIONS: "MCP Operations",
}


def strip(here: str) -> PanelRow:
    """The row of links of the dashboard `here`."""
    boards = (
        f"**{title}**" if key == here else f"[{title}](#/view/{key})"
        for key, title in TITLES.items()
    )
    searches = (
        f"[{row.title.removeprefix('[MCP] ')}](discover#/view/{row.id})" for row in SEARCHES
    )
    links = f"{' | '.join(boards)}\n\nEvents: {' | '.join(searches)}"
    return PanelRow(4, (Panel("Navigation", Markdown(links)),))
