"""Words for a person. Tables are made by rich, and only where one is shown: it is slow to load."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

#: Where no terminal says how wide it is: a table in a file or a pipe is not to be folded.
_WIDE = 200


def say(what: str) -> None:
    """A line for whoever asked, on standard output."""
    sys.stdout.write(f"{what}\n")


def complain(what: str) -> None:
    """What went wrong, on standard error; in red where a person looks."""
    is_red = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    sys.stderr.write(f"\x1b[31m{what}\x1b[0m\n" if is_red else f"{what}\n")


def show(what: "RenderableType") -> None:
    """A table, as wide as the terminal."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else _WIDE).print(what)
