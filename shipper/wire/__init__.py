"""Protocols without I/O."""
