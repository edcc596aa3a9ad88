"""Certificates and keys as PEM text in a configuration, for libraries that read only files."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def is_pem(text: str | None) -> bool:
    """Whether it is PEM text, and not the name of a file."""
    return "-----BEGIN" in (text or "")


def name_of(text: str) -> str:
    """What a message may show: the name of the file, never a key."""
    return "given as text" if is_pem(text) else text


@contextmanager
def as_file(text: str | None) -> Iterator[str | None]:
    """The name of a file with that PEM text, which nobody else can read; a name is itself.

    On Linux the file is in memory.
    """
    if text is None or not is_pem(text):
        yield text
    elif hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("pem"), "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile("w", encoding="ascii", suffix=".pem") as file:
            file.write(text)
            file.flush()
            yield file.name
