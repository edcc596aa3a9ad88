"""Checks of asset files without a server."""
