"""Servers that misbehave by a script, and say at the end what a shipper lost: for any shipper."""
