"""YAML with places: every value has its file and line, and every problem states them."""
