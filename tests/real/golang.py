"""Builds the Go programs beside the tests and benchmarks, once for each state of their source."""

import shutil
import subprocess
from pathlib import Path

from tests.real import Missing
from tests.real.cache import cached, source_hash

BUILD_TIMEOUT_S = 600  # the first build on a machine compiles Go's own library too


def go_program(source: Path, package: str = ".") -> Path:
    """The program built from the module in `source`; Missing where that cannot be done.

    `package` is another one than the module's own, of the version in its `go.mod`.
    """
    go = shutil.which("go")
    if go is None:
        raise Missing(f"{source.name} is built with Go; install it (golang)")

    name = package.rpartition("/")[2].strip(".") or source.name

    def build(folder: Path) -> None:
        done = subprocess.run(
            [go, "build", "-buildvcs=false", "-o", folder / name, package],
            cwd=source,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            said = " ".join(done.stderr.split())[-200:]
            raise Missing(f"{name} could not be built: Go says …{said}")

    return cached(f"{name}-{source_hash(source)}", build) / name
