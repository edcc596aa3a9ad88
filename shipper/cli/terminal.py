"""Words for a person. Tables are made by rich, and only where one is shown: it is slow to load."""

import os
import sys


def say(what: str) -> None:
    """A line for whoever asked, on standard output."""
    sys.stdout.write(f"{what}\n")


def complain(what: str) -> None:
    """What went wrong, on standard error; in red where a person looks."""
    is_red = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    sys.stderr.write(f"\x1b[31m{what}\x1b[0m\n" if is_red else f"{what}\n")
