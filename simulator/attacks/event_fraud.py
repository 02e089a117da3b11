"""In-app event fraud: installs whose paid events come from a script (CPA campaigns).

The install looks ordinary; a purchase follows it after nearly the same time each, without the event
that must come before it, under order ids that repeat.
"""

import numpy as np
import polars as pl

from clickward.simulator.attacks.base import Attack
from clickward.simulator.randomness import unit
from clickward.simulator.world.frames import NOBODY, PAID_SCRIPT
from clickward.simulator.world.honest import advertised
from clickward.simulator.world.people import LIGHT, country_of

LIGHT_ONLY = tuple(float(habit == LIGHT) for habit in range(3))
RECYCLED = 0.5  # of installs run on real people's devices, the rest on new identifiers


class EventFraud(Attack):
    """See the module."""

    reason = ("in_app_event_fraud", "event_without_prerequisite")

    def installs(self, day: int, count: int) -> pl.DataFrame:
        """Install once for every event to be sold."""
        rng = self.stream("installs", day)
        app = self.world.apps.draw(rng, count, android_only=True)
        sub = self.draw_subs(rng, count)
        person = self.world.people(rng, app, sub, LIGHT_ONLY)
        fresh = self.fresh_devices(day, np.arange(count), country_of(person))
        device = np.where(unit(person, self.world.seed, 49) < RECYCLED, person, fresh)
        click_ms = self.world.moments(rng, day, country_of(device))
        plan = advertised(self.world, rng, app, sub, device, click_ms)
        return plan.with_columns(
            true_sub=pl.lit(NOBODY, pl.Int64),
            behaviour=pl.lit(PAID_SCRIPT, pl.Int64),
            mimic=pl.Series(self.mimics(rng, count)),
        )
