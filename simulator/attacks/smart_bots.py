"""Smart bots: realistic times and devices, residential proxies, a month of events.

They sell through many sub-publishers at once, a few installs each, and return day after day along
one recorded path of events. What is left to see: no history before the first click, and cohorts of
different sub-publishers that resemble each other.
"""

import numpy as np
import polars as pl

from clickward.simulator.attacks.base import Attack
from clickward.simulator.world.frames import NOBODY, PATIENT_SCRIPT
from clickward.simulator.world.honest import advertised
from clickward.simulator.world.people import country_of


class SmartBots(Attack):
    """See the module."""

    reason = ("bots", "behavioral_anomalies")

    def installs(self, day: int, count: int) -> pl.DataFrame:
        """Install as advertised people do, on devices that were never seen."""
        rng = self.stream("installs", day)
        app = self.world.apps.draw(rng, count, android_only=True)
        sub = self.state.subs[rng.integers(0, len(self.state.subs), count)]
        country = country_of(self.world.people(rng, app, sub))
        device = self.fresh_devices(day, np.arange(count), country)
        click_ms = self.world.moments(rng, day, country)
        plan = advertised(self.world, rng, app, sub, device, click_ms)
        return plan.with_columns(
            true_sub=pl.lit(NOBODY, pl.Int64),
            behaviour=pl.lit(PATIENT_SCRIPT, pl.Int64),
            mimic=pl.Series(self.mimics(rng, count)),
        )
