"""Processes that share the writing out, and leave Ctrl-C to the one that started them."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any


@contextmanager
def pool(
    workers: int, initializer: Callable[..., None] | None = None, arguments: tuple[Any, ...] = ()
) -> Iterator[Callable[..., "Future[Any]"]]:
    """A function that has a process do a call. Calls that wait when the body fails are dropped."""
    # Threads of the engine's libraries do not survive a fork.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, context, initializer, arguments)

    def submit(call: Callable[..., Any], *given: Any) -> "Future[Any]":
        # A submission may start a process, which takes over what is blocked here: on a terminal
        # Ctrl-C goes to all of them, and theirs would be so many tracebacks.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return executor.submit(call, *given)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        yield submit
    finally:
        executor.shutdown(cancel_futures=True)
