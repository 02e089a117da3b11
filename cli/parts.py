"""Parts of a long run on a terminal: how many of how many, time left, and what came last."""

import time

from clickward.cli.output import Line


class Parts(Line):
    """Drawn with each part that ends."""

    def __init__(self) -> None:
        super().__init__()
        self._computed = 0

    def tell(self, done: int, total: int, is_old: bool, place: str) -> None:
        """Part `done` of `total` ended; `is_old` where it had been finished by an earlier run."""
        self._computed += not is_old
        text = f"{done} of {total} model and fold, {place}"
        if self._computed:
            seconds = (time.monotonic() - self._started) / self._computed
            text += f", {seconds * (total - done):,.0f} s left"
        self.draw(text)
