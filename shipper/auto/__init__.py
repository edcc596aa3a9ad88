"""Servers recorded without a changed line: Python's own start hook instruments what they make."""
