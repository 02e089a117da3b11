"""One thread where a library's sums would depend on how many there are."""

from contextlib import AbstractContextManager


def one_thread() -> AbstractContextManager[object]:
    """Inside, OpenMP and BLAS use one thread: results are then the same on every machine."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)
