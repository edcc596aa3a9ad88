"""Reuse the memory of one batch for the next, and spare the garbage collector useless work."""

import ctypes
import gc

#: From malloc.h of glibc.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
#: More than batches need at a time, so that their memory is reused, and little enough to keep.
_KEPT_BYTES = 64 << 20
#: Larger buffers, for the rare line of megabytes, go back to the kernel: each thread has a heap of
#: its own, and would keep them.
_REUSED_BYTES = 8 << 20

#: More objects that could be in cycles (views of lines, tuples) than batches hold at a time.
_GARBAGE_OBJECTS = 100_000


def keep_memory() -> None:
    """Let glibc reuse freed buffers of megabytes instead of returning them to the kernel.

    A batch needs a few buffers of several MiB. By default glibc maps each of them, the kernel
    zeroes it page by page at first touch, and glibc unmaps it. For 500,000 events that took 0.8 of
    1.9 CPU-seconds; with this it takes 0.2. Without glibc, this part does nothing. Only the
    shipper's process may call this: a library must not change an application's allocator.

    The objects of a batch are never in a cycle. At the usual threshold of 700, the collector
    scanned them several times per batch, and from time to time all imported modules too. Call this
    before the imports, so that they are not scanned either.
    """
    gc.set_threshold(_GARBAGE_OBJECTS)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
    mallopt(_M_MMAP_THRESHOLD, _REUSED_BYTES)
