"""Threads: as many as the rows are worth, and one where sums would depend on the number."""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

# Values (rows x columns) up to which one thread computes. Measured with 60 trees of XGBoost, on
# two cores beside other work: up to here a second thread hardly shortens the wait, since it is
# woken some 35 times a tree and has a few milliseconds of work in it (benchmarks/RESULTS.md).
SMALL = 2_000_000
# Variables by which a user chooses the number of OpenMP's threads: they are left to it.
CHOSEN = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT")
_asked: ContextVar[int | None] = ContextVar("asked", default=None)


@contextmanager
def on_threads(count: int | None) -> Iterator[None]:
    """Inside, estimators compute on `count` threads at most; None leaves it to `threads_for`."""
    token = _asked.set(count)
    try:
        yield
    finally:
        _asked.reset(token)


def threads_for(values: int) -> int | None:
    """Threads for a table of so many values; None where OpenMP's own number holds."""
    asked = _asked.get()
    if asked is not None:
        return asked
    if any(os.environ.get(name) for name in CHOSEN):
        return None
    return 1 if values <= SMALL else None


def fitted_to(values: int) -> AbstractContextManager[Any]:
    """Inside, OpenMP takes `threads_for(values)` and BLAS one, since its sums depend on it."""
    count = threads_for(values)
    return _limited({"blas": 1} if count is None else {"blas": 1, "openmp": count})


def one_thread() -> AbstractContextManager[Any]:
    """Inside, OpenMP and BLAS use one thread: results are then the same on every machine."""
    return _limited({"blas": 1, "openmp": 1})


def _limited(limits: dict[str, int]) -> AbstractContextManager[Any]:
    return _libraries(len(sys.modules)).limit(limits=limits)


@lru_cache(maxsize=1)
def _libraries(modules: int) -> Any:
    """The libraries loaded: looking for them takes milliseconds, and they come with `modules`."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
