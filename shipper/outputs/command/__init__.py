"""Alerts to a command, one run for each."""
