"""Servers that misbehave by a script, and report what a shipper lost: for any shipper."""
