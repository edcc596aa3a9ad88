"""Event to line: classify, redact, encode, seal, append. No network."""
