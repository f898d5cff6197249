"""Does the same to many things, on every core, and gives the results in order."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

from mgcds.garbage import uncollected

Thing = TypeVar("Thing")
Made = TypeVar("Made")
_work: Callable[[Any], Any] | None = None


def _one(thing: Any) -> Any:
    assert _work is not None
    with uncollected():
        return _work(thing)


@contextmanager
def on_every_core(work: Callable[[Thing], Made], things: Sequence[Thing]) -> Iterator[Iterator[Made]]:
    """The results of `work`, in the order of the things, while they are made. Not for nesting.

    Processes are forked, so that each has what `work` holds (a loaded library) without loading it again; enter this before
    threads are started. A single thing, or a single core, needs no other process.
    """
    global _work
    cores = min(len(os.sched_getaffinity(0)), len(things))
    _work = work
    try:
        if cores < 2:
            yield map(_one, things)
            return
        gc.freeze()  # else the collector of each process would copy the pages of the library by touching them
        with get_context("fork").Pool(cores) as pool:
            yield pool.imap(_one, things, chunksize=max(1, min(16, len(things) // (4 * cores))))
    finally:
        _work = None
