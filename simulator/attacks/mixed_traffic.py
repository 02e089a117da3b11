"""Mixed traffic: paid people hidden in a clean source, sold as if nobody had paid them.

Real devices and homes; they install for a reward in bursts around the hour of the offer and leave.
Mimicking ones are spread over the day.
"""

import numpy as np
import polars as pl

from clickward.simulator.attacks.base import Attack
from clickward.simulator.randomness import below
from clickward.simulator.scenario import HOUR_MS
from clickward.simulator.world.frames import REWARDED
from clickward.simulator.world.honest import advertised
from clickward.simulator.world.people import LIGHT, country_of

LIGHT_ONLY = tuple(float(habit == LIGHT) for habit in range(3))
QUICKER = 0.6  # of the ordinary click-to-install time: they came to install


class MixedTraffic(Attack):
    """See the module."""

    reason = ("incentivized_traffic", "unapproved_incentive")

    def installs(self, day: int, count: int) -> pl.DataFrame:
        """Send rewarded people through ordinary sub-publishers."""
        rng = self.stream("installs", day)
        app = self.world.apps.draw(rng, count)
        sub = self.draw_subs(rng, count)
        device = self.world.people(rng, app, sub, LIGHT_ONLY)
        mimic = self.mimics(rng, count)
        offered = (
            self.world.day_start(day)
            + (9 + below(6, np.full(count, day), self.actor, 48)) * HOUR_MS
        )
        burst = offered + (rng.beta(1.2, 3.0, count) * 4 * HOUR_MS).astype(np.int64)
        click_ms = np.where(mimic, self.world.moments(rng, day, country_of(device)), burst)
        plan = advertised(self.world, rng, app, sub, device, click_ms)
        ctit = plan["install_ms"].to_numpy() - click_ms
        sooner = np.maximum(ctit * np.where(mimic, 1.0, QUICKER), 2_000).astype(np.int64)
        begin = plan["begin_ms"].to_numpy()
        fits = (begin >= click_ms) & (begin < click_ms + sooner)
        return plan.with_columns(
            install_ms=pl.Series(click_ms + sooner),
            begin_ms=pl.Series(np.where(fits | (begin < click_ms), begin, click_ms + sooner // 2)),
            behaviour=pl.lit(REWARDED, pl.Int64),
            mimic=pl.Series(mimic),
        ).with_columns(
            begin_ms=pl.when(plan["begin_ms"] < 0).then(plan["begin_ms"]).otherwise("begin_ms")
        )
