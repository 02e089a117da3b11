"""Ctrl-C, also while the main thread is within the engine, where Python hears nothing."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

# So long may the main thread take to hear it: code of the engine's runs on to its end else.
HEARD_SECONDS = 1.0


def listen(tell: Callable[[], None]) -> Callable[[], bool]:
    """Raise the first SIGINT in the main thread as `KeyboardInterrupt`; else end with 130.

    Where the main thread does not hear it in a second, and from the third second on at the next
    one, `tell` is called and the process ends. Whoever sets a handler of its own keeps it. What
    comes back says whether one was raised: libraries make errors of their own of it.
    """
    heard_at: list[float] = []

    def hear(_number: int, _frame: FrameType | None) -> None:
        if not heard_at:
            heard_at.append(time.monotonic())
            raise KeyboardInterrupt
        if time.monotonic() - heard_at[0] > 3 * HEARD_SECONDS:
            _end(tell)

    def watch() -> None:
        while received := reading.recv(1):
            if received[0] != signal.SIGINT or signal.getsignal(signal.SIGINT) is not hear:
                continue
            time.sleep(HEARD_SECONDS)
            if not heard_at:
                _end(tell)

    # The process that takes away dbt's locks after an end without farewell needs not tell of it.
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    signal.signal(signal.SIGINT, hear)
    signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)
    threading.Thread(target=watch, daemon=True).start()
    return lambda: bool(heard_at)


def _end(tell: Callable[[], None]) -> None:
    tell()
    # Without the engine's farewell, which waits for running queries: what counts is on disk.
    os._exit(130)
