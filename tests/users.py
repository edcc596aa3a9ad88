"""Work that is done as another user, in a process of its own."""

import os
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


def as_nobody(work: Callable[[], int]) -> tuple[int, str]:
    """The exit code of `work` and what it wrote; what it raises is code 99."""
    with tempfile.TemporaryFile() as output:
        pid = os.fork()
        if not pid:
            code = 99
            try:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                code = work()
            except BaseException:  # noqa: BLE001 - reported, and the process ends
                os.write(2, traceback.format_exc().encode())
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        output.seek(0)
        return code, output.read().decode(errors="replace")


def open_directory() -> Path:
    """A directory of nobody's that every user can enter; pytest's own are closed."""
    path = Path(tempfile.mkdtemp(prefix="mcp-shipper-"))
    path.chmod(0o755)
    os.chown(path, NOBODY, NOBODY)
    return path


def children_of(pid: int) -> set[int]:
    """The processes that a process has started and that it has not waited for."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}
