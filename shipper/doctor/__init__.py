"""What `mcp-shipper doctor` checks: everything that people set up wrongly, each with its fix."""
