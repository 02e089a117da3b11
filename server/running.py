"""A statement at work: its result on the way to the front, its end when the front goes away."""

import os
import selectors
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from clickward.server.errors import STD_EXCEPTION, EngineError, refusal
from clickward.server.frames import DATA, HEAD, PIECE, Disconnected, send, send_json

KILL_AGAIN_SECONDS = 0.2
GRACE_SECONDS = 5


@contextmanager
def ended_in(seconds: float, connection: socket.socket, kill: Callable[[], None]) -> Iterator[None]:
    """End what runs within by all means: the engine looks at its limit while it executes only.

    First the query is killed, then its client left, who may not be reading. An engine that is still
    at work then, on a query's analysis, cannot be stopped but with its process.
    """
    over = threading.Event()

    def watch() -> None:
        if over.wait(seconds):
            return
        # Apart, for an engine that hangs does not kill either.
        threading.Thread(target=kill, daemon=True).start()
        if over.wait(GRACE_SECONDS):
            return
        with suppress(OSError):  # it is gone already
            connection.shutdown(socket.SHUT_RDWR)
        if not over.wait(GRACE_SECONDS):
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


class Running:
    """Runs `work(file)` in a thread; what it writes to `file` is sent as it comes.

    The pipe between them is what keeps memory flat: the engine waits while nobody reads.
    `kill` stops the statement in the engine; it is called until the work has ended.
    """

    def __init__(
        self, connection: socket.socket, head: dict[str, Any], kill: Callable[[], None]
    ) -> None:
        self.connection = connection
        self.head = head
        self.kill = kill
        self._error: EngineError | None = None
        self._is_done = False

    def send(self, work: Callable[[int], None]) -> None:
        """Send head and result. Raises `EngineError`, or `Disconnected` once the work ended."""
        reading, writing = _pipe()
        thread = threading.Thread(target=self._work, args=(work, writing), daemon=True)
        thread.start()
        try:
            self._pump(reading)
        except Disconnected:
            # Nobody reads on: a statement that writes fails, and a silent one is killed below.
            os.close(reading)
            self._stop(thread)
            raise
        os.close(reading)
        thread.join()
        if self._error is not None:
            raise self._error
        if not self._is_done:
            raise refusal(STD_EXCEPTION, "the query ended without a result")
        self._send_head()

    def _work(self, work: Callable[[int], None], file: int) -> None:
        try:
            work(file)
            self._is_done = True
        except EngineError as error:
            self._error = error
        except BrokenPipeError:
            return  # `send` closed the other end: nobody waits for this result
        finally:
            os.close(file)

    def _pump(self, reading: int) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(reading, selectors.EVENT_READ)
            selector.register(self.connection, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if self.connection.fileno() in ready:
                    # After END the front says nothing more: this is its going away.
                    raise Disconnected
                piece = os.read(reading, PIECE)
                if not piece:
                    return
                self._send_head()
                send(self.connection, DATA, piece)

    def _stop(self, thread: threading.Thread) -> None:
        """Kill until it is dead; a query can only be killed once it has begun."""
        while thread.is_alive():
            self.kill()
            thread.join(KILL_AGAIN_SECONDS)

    def _send_head(self) -> None:
        if self.head:
            send_json(self.connection, HEAD, self.head)
            self.head = {}


def _pipe() -> tuple[int, int]:
    """Its two ends. A path under /proc opens it for writing only, root's own processes apart."""
    reading, writing = os.pipe()
    if sys.platform == "linux":
        os.fchmod(writing, stat.S_IWUSR)
    return reading, writing


def write_all(file: int, content: bytes) -> None:
    """Write everything; waits while the pipe is full."""
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
