"""Click injection: an app on an Android phone sees an install begin and fires a click.

The click falls after `gp_install_begin` and some seconds before the first open. Two in five
installs were another sub-publisher's, who keeps a contributor's place. Mimicking installs carry
a click time moved back to the app's ordinary distance.
"""

import numpy as np
import polars as pl

from clickward.simulator.attacks.base import Attack
from clickward.simulator.world.ctit import honest_ctit_ms
from clickward.simulator.world.frames import MISSING
from clickward.simulator.world.honest import organic_installs

MEDIAN_CTIT_SECONDS, CTIT_SIGMA = 7.0, 0.8
STOLEN_FROM_OTHERS = 0.40
UNTOLD_SHARE = 0.30  # installs chosen because Google Play tells the vendor nothing about them
SLOW_OPEN_SHARE = 0.25  # the person opens the app only later, so CTIT looks ordinary


class ClickInjection(Attack):
    """See the module."""

    takes = "organic"
    reason = ("install_hijacking", "short_ctit")

    def installs(self, day: int, count: int) -> pl.DataFrame:
        """Take installs that are already under way."""
        rng = self.stream("installs", day)
        plan = organic_installs(self.world, rng, day, count, android_only=True)
        quick = rng.normal(np.log(MEDIAN_CTIT_SECONDS), CTIT_SIGMA, count)
        slow = rng.normal(np.log(100.0), 1.0, count)
        seconds = np.exp(np.where(rng.random(count) < SLOW_OPEN_SHARE, slow, quick))
        ctit = np.maximum(1_000 * seconds, 1_200).astype(np.int64)
        mimic = self.mimics(rng, count)
        told = honest_ctit_ms(rng, self.world.apps.stretch[plan["app"].to_numpy()])
        plan = self.claimed(rng, plan, np.where(mimic, told, ctit), mimic, 0.45)
        install_ms, click_ms = plan["install_ms"].to_numpy(), plan["click_ms"].to_numpy()
        # The system's broadcast comes when the download ends, some seconds after its begin.
        begin = install_ms - ctit - (1_000 * np.exp(rng.normal(2.9, 0.8, count))).astype(np.int64)
        known = (plan["begin_ms"].to_numpy() != MISSING) & (rng.random(count) >= UNTOLD_SHARE)
        before = np.minimum(begin, click_ms) - honest_ctit_ms(rng, np.full(count, 0.5))
        there = (rng.random(count) < STOLEN_FROM_OTHERS) & (before >= self.world.start_ms)
        losing = self.world.honest_subs(rng, count, converting=True)
        there &= before > install_ms - 7 * 86_400_000
        return plan.with_columns(
            begin_ms=pl.Series(np.where(known, begin, MISSING)),
            gp_click_ms=pl.Series(np.where(known, plan["gp_click_ms"].to_numpy(), MISSING)),
            true_sub=pl.Series(np.where(there, losing, plan["true_sub"].to_numpy())),
            assist1_sub=pl.Series(np.where(there, losing, -1)),
            assist1_ms=pl.Series(np.where(there, before, MISSING)),
        )
