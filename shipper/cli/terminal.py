"""Text for the terminal; tables, for which `rich` takes long to load, are in `tables`."""

import os
import sys


def say(what: str) -> None:
    """Write a line to standard output."""
    sys.stdout.write(f"{what}\n")


def warn(what: str) -> None:
    """Write a line to standard error, in red on a terminal."""
    is_red = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    sys.stderr.write(f"\x1b[31m{what}\x1b[0m\n" if is_red else f"{what}\n")
