"""Output for the terminal; `rich`, which is slow to load, is imported only to show a table."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

#: The width in a file or a pipe, where a table must not be folded.
_WIDE = 200


def say(what: str) -> None:
    """Write a line to standard output."""
    sys.stdout.write(f"{what}\n")


def warn(what: str) -> None:
    """Write a line to standard error, in red on a terminal."""
    is_red = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    sys.stderr.write(f"\x1b[31m{what}\x1b[0m\n" if is_red else f"{what}\n")


def show(what: "RenderableType") -> None:
    """Print a table, as wide as the terminal."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else _WIDE).print(what)
