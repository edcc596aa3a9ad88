"""The file that a container runtime wrote before another one, by the names of its rotation.

The runtime begins a new file between two parts of a line: the first part ends one file, and the
rest begins the next one. It writes nothing to the earlier file once the later one exists.

kubelet:  0.log.20261129-100003  before  0.log
Docker:   <id>-json.log.1        before  <id>-json.log
"""

import os
import re
import stat
from pathlib import Path

_KUBELET = re.compile(r"(\d+\.log)(?:\.(\d{8}-\d{6}))?")
_DOCKER = re.compile(r"(.+-json\.log)(?:\.([1-9]\d{0,3}))?")

#: The last parts of both streams: a runtime splits lines at 16 KiB, before they are escaped.
_END_BYTES = 256 << 10


def end_before(file: int) -> bytes:
    """The end of the file that was written before the open `file`; empty if that is unknown."""
    try:
        path = Path(f"/proc/self/fd/{file}").readlink()  # its name of now, whatever led to it
        earlier = _earlier(path)
        return _end_of(earlier) if earlier else b""
    except OSError:
        return b""


def _earlier(path: Path) -> Path | None:
    if found := _DOCKER.fullmatch(path.name):
        return path.with_name(f"{found[1]}.{int(found[2] or 0) + 1}")
    if found := _KUBELET.fullmatch(path.name):
        others = (_KUBELET.fullmatch(other.name) for other in path.parent.iterdir())
        dates = (other[2] for other in others if other and other[2] and other[1] == found[1])
        last = max((date for date in dates if not found[2] or date < found[2]), default=None)
        return path.with_name(f"{found[1]}.{last}") if last else None
    return None


def _end_of(path: Path) -> bytes:
    """Its last lines; no link is followed, because another user may have planted it."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            return b""
        start = max(0, status.st_size - _END_BYTES)
        data = os.pread(file, _END_BYTES, start)
        return data.partition(b"\n")[2] if start else data
    finally:
        os.close(file)
