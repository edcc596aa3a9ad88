"""Text for the terminal; tables, for which `rich` takes long to load, are in `tables`."""

import os
import sys

from shipper.shown import is_encodable, printable


def say(what: str) -> None:
    """Write a line to standard output; on a terminal without control characters."""
    is_plain = not sys.stdout.isatty() and is_encodable(what)
    sys.stdout.write(f"{what if is_plain else printable(what)}\n")


def warn(what: str) -> None:
    """Write a line to standard error, in red on a terminal."""
    what = printable(what)
    is_red = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    sys.stderr.write(f"\x1b[31m{what}\x1b[0m\n" if is_red else f"{what}\n")
