"""Progress of a build: nodes done, and of the model being built its days, rows and time left."""

import time

from clickward.cli.output import Progress
from clickward.warehouse.build import Step


class DaysProgress(Progress):
    """`building: 12 nodes, …, feat_click_by_ip 14 of 31 days, 1,200,000 rows, 40 s left`."""

    def __init__(self) -> None:
        super().__init__("building", unit="nodes")
        self._last_chunk = time.monotonic()
        self._begun: dict[str, float] = {}

    def step(self, step: Step) -> None:
        """Count a finished node, or show how far the days of a model are."""
        now = time.monotonic()
        if step.days_done is None:
            self._last_chunk = now
            self.advance(1, step.name)
            return
        # A model's first chunk began when the one before it ended: dbt does not tell.
        begun = self._begun.setdefault(step.name, self._last_chunk)
        self._last_chunk = now
        left = (now - begun) / max(step.days_done, 1) * (step.days - step.days_done)
        self.advance(
            0,
            f"{step.name} {step.days_done:,} of {step.days:,} days,"
            f" {step.rows:,} rows, {left:,.0f} s left",
        )
