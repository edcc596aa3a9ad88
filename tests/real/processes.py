"""Processes that do not outlive us, bounded waits, free ports."""

import os
import pwd
import shutil
import socket
import threading
import time
from collections.abc import Callable

from tests.real import Missing


def wait_until(happened: Callable[[], object], timeout_s: float, what: str) -> None:
    """Polls until `happened()` is true; TimeoutError naming `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s} s")
        pause.wait(0.05)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody holds now, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [held.getsockname()[1] for held in sockets]
    finally:
        for held in sockets:
            held.close()


def dies_with_us(*, as_nobody: bool = False) -> list[str]:
    """A command prefix: the kernel kills what follows it when we end, however we end.

    "We" is the thread that starts it: the server ends with that thread, not with the process.
    `as_nobody` gives up root where we have it, for servers that refuse to run as root.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Missing("real servers are started through setpriv (util-linux), which is not here")
    prefix = [setpriv, "--pdeathsig", "KILL"]
    if as_nobody and os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        prefix += [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    return prefix
