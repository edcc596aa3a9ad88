"""How lines of text become events: forms other than NDJSON."""
