"""Generates every asset from the catalog; pure functions."""
