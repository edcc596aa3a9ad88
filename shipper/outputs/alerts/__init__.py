"""Alerts while events pass: an output that reads, and delivers to nobody but the audit stream."""
