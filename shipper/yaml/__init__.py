"""YAML read with places: every value knows its file and line, every problem says them."""
