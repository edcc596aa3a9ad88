"""Keep the memory of one batch for the next, and do not look for garbage in it."""

import ctypes
import gc

#: From malloc.h of glibc.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
#: Above what batches need at once, so that their memory is reused; below what would be a worry.
_KEPT_BYTES = 64 << 20

#: Above what batches hold at once of objects that can be in cycles (views of lines, tuples).
_GARBAGE_OBJECTS = 100_000


def keep_memory() -> None:
    """Let glibc reuse freed buffers of megabytes instead of returning them to the kernel.

    A batch needs a few buffers of some MiB. By default each is mapped, zeroed page by page at
    first touch, and unmapped: at 500,000 events that was 0.8 of 1.9 CPU-seconds; with this, 0.2.
    Elsewhere than on glibc nothing happens. For the process of the shipper only: it is nobody's
    business in an application.

    None of a batch's objects is ever in a cycle, but at the usual threshold of 700 the collector
    went through them several times a batch, and through all that was imported every now and then.
    Called before the imports, it spares them the same.
    """
    gc.set_threshold(_GARBAGE_OBJECTS)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
    mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
