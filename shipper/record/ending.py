"""The end of the process: from then on each event is followed by the last line of its segment."""

import atexit
import sys
import threading
from collections.abc import Callable

#: Set once the process ends.
ending = threading.Event()

#: After the application's own hooks.
_LAST = -100


def at_end(close: Callable[[], None]) -> None:
    """Call `close` at the end of the process."""
    # Not by logging's own hook: a `dictConfig` empties its list of handlers.
    atexit.register(_end, close)


def at_end_of_child(close: Callable[[], None]) -> None:
    """Call `close` at the end of a process of `multiprocessing`, which runs no `atexit`."""
    process, util = (sys.modules.get(f"multiprocessing.{name}") for name in ("process", "util"))
    if process and util and process.parent_process():
        util.Finalize(None, _end, (close,), exitpriority=_LAST)


def _end(close: Callable[[], None]) -> None:
    ending.set()
    close()
