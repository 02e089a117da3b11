"""Install hijacking: an install another source brought, claimed by a forged referrer.

A forged broadcast names the actor after the true click. Google Play's own referrer still names the
victim, and its click time is the victim's click; the victim keeps the first contributor's place.
"""

import numpy as np
import polars as pl

from clickward.simulator.attacks.base import Attack
from clickward.simulator.world.frames import MISSING, REFERRER
from clickward.simulator.world.honest import paid_installs


class InstallHijacking(Attack):
    """See the module."""

    takes = "paid"
    reason = ("install_hijacking", "referrer_mismatch")

    def installs(self, day: int, count: int) -> pl.DataFrame:
        """Take other sub-publishers' installs, a while after their click."""
        rng = self.stream("installs", day)
        plan = paid_installs(self.world, day, 3 * count)
        # Only Android has a referrer to forge; every fake day draws its own victims.
        plan = plan.filter(pl.col("match") == REFERRER).sample(
            fraction=1.0, shuffle=True, seed=int(rng.integers(1 << 31))
        )[:count]
        got = len(plan)
        victim, true_click = plan["sub"].to_numpy(), plan["click_ms"].to_numpy()
        install_ms = plan["install_ms"].to_numpy()
        mimic = self.mimics(rng, got)
        # Somewhere between the true click and the first open; a mimic stays close to the click.
        place = np.where(mimic, rng.beta(1.0, 9.0, got), rng.beta(2.0, 1.2, got))
        age = np.maximum(((install_ms - true_click) * (1 - place)).astype(np.int64), 1_500)
        claimed = self.claimed(rng, plan, age, mimic, 1.0)
        return claimed.with_columns(
            gp_click_ms=plan["gp_click_ms"],
            referrer_sub=pl.Series(np.where(mimic, MISSING, victim)),
            true_sub=pl.Series(victim),
            assist1_sub=pl.Series(victim),
            assist1_ms=pl.Series(np.minimum(true_click, claimed["click_ms"].to_numpy() - 500)),
            assist2_ms=pl.lit(MISSING, pl.Int64),
            assist2_sub=pl.lit(-1, pl.Int64),
            assist3_ms=pl.lit(MISSING, pl.Int64),
            assist3_sub=pl.lit(-1, pl.Int64),
        )
