"""Parts of a long run on a terminal: how many of how many, time left, and what came last."""

import sys
import time
from types import TracebackType


class Parts:
    """One line that is drawn anew with each part; silent in a pipe."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._started = time.monotonic()
        self._computed = 0
        self._drawn = False

    def __enter__(self) -> "Parts":
        return self

    def tell(self, done: int, total: int, is_old: bool, place: str) -> None:
        """Part `done` of `total` ended; `is_old` where it had been finished by an earlier run."""
        if not is_old:
            self._computed += 1
        if not self._live:
            return
        text = f"{done} of {total} model and fold, {place}"
        if self._computed:
            seconds = (time.monotonic() - self._started) / self._computed
            text += f", {seconds * (total - done):,.0f} s left"
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)
        self._drawn = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._drawn:
            print(file=sys.stderr)
