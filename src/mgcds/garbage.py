"""Keeps Python's garbage collector away while a request is read and answered, and gives large blocks of memory back."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No collection inside; for work that makes many objects and no cycles worth mentioning. Not for nesting or threads.

    A large request is some hundred thousand objects, and the collector walks all that are there each time another 700 are
    made. None of them is garbage before the answer is out, and then nearly all are freed without it. Measured: orjson reads
    4.9 MB in 115 ms instead of 305, 500 kB in 2.1 instead of 3.0. A worker that answers one request at a time is the only
    one to be affected; what was put off is collected at the first allocation afterwards.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def for_good() -> Iterator[None]:
    """No collection inside, and what is there at its end is in none that follows: modules, and the library of a process.

    Of 224,000 objects of a start, 1,800 are garbage, a few kB. Measured: 0.2 s of a start of 1.5.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # this too keeps the pages of the library shared, which a collector in a forked process would write to
        gc.enable()


_M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
_LARGE_BYTES = 1 << 20


def give_large_blocks_back() -> None:
    """From now on, what the C library allocates for a large body goes back to the system when it is freed.

    glibc keeps blocks of a size that was freed once. Measured after requests of 4.9 MB: a worker of 146 MB instead of 160, and
    such a request, of which there are few, takes some 5 % longer. C libraries without this setting are left as they are.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
