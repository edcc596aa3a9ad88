"""A real Ruby, for the scripts that Logstash's ruby filter runs."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.real import Missing


@contextmanager
def ruby_path() -> Iterator[str]:
    """Where Ruby is."""
    found = shutil.which("ruby")
    if found is None:
        raise Missing("Ruby is not installed; Debian's package is called ruby")
    yield found


def run_ruby(
    ruby: str, *arguments: object, given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [ruby, "-w", *map(str, arguments)],
        input=given,
        capture_output=True,
        check=False,
        timeout=60,
    )
