"""A reverse proxy that records MCP servers over HTTP, without a change to them."""
