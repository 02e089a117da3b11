"""Sessions: handles that outlive one request, each of one user."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from clickward.server.engine import Engine, Handle
from clickward.server.errors import SESSION_IS_LOCKED, SESSION_NOT_FOUND, refusal
from clickward.server.frames import Call

LONGEST_SECONDS = 3600
MOST_SESSIONS = 1000


@dataclass
class Session:
    """A handle kept for `(user, session id)` until nobody has used it for `timeout` seconds."""

    handle: Handle
    timeout: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    used_at: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        return not self.lock.locked() and time.monotonic() - self.used_at > self.timeout


class Sessions:
    """The sessions of one engine. One query at a time in each; another one is refused."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sessions: dict[tuple[str, str], Session] = {}
        self._lock = threading.Lock()

    @contextmanager
    def handle(self, call: Call) -> Iterator[Handle]:
        """The handle for a call: of its session, or one for this call alone."""
        self.sweep()
        if not call.session_id:
            handle = self.engine.handle()
            try:
                yield handle
            finally:
                handle.close()
            return
        session = self._take(call)
        try:
            yield session.handle
        finally:
            session.used_at = time.monotonic()
            session.lock.release()

    def sweep(self) -> None:
        """Close what nobody has used for its time, and the oldest where there are too many."""
        with self._lock:
            idle = sorted(
                (item for item in self._sessions.items() if not item[1].lock.locked()),
                key=lambda item: item[1].used_at,
            )
            excess = max(len(self._sessions) - MOST_SESSIONS, 0)
            gone = [item for n, item in enumerate(idle) if n < excess or item[1].is_over]
            for key, _ in gone:
                del self._sessions[key]
        for _, session in gone:
            session.handle.close()

    def _take(self, call: Call) -> Session:
        key = (call.user, call.session_id)
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                if call.session_check:
                    raise refusal(SESSION_NOT_FOUND, f"Session {call.session_id} not found")
                session = self._sessions[key] = Session(self.engine.handle(), 60)
            if not session.lock.acquire(blocking=False):
                raise refusal(SESSION_IS_LOCKED, f"Session {call.session_id} is locked")
            session.timeout = min(call.session_timeout, LONGEST_SECONDS)
            return session
