"""MCP servers over HTTP that nobody changes: a reverse proxy passes their bytes on, and records."""
