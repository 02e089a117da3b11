"""Click injection: an app on an Android phone sees an install begin and fires a click.

The click falls after `gp_install_begin` and some seconds before the first open. Two in five
installs were another sub-publisher's, who keeps a contributor's place. Disguised installs carry
a click time moved back to an honest distance.
"""

import numpy as np
import polars as pl

from simulator.attacks.base import Attack
from simulator.ctit import APP_STRETCH, honest_ctit_ms
from simulator.frames import ID_MATCHING, MISSING, REFERRER, touch_frame
from simulator.honest import organic_plan, redirect_ms
from simulator.randomness import Ints, draw
from simulator.world import APP_PLATFORM

MEDIAN_CTIT_SECONDS = 6.5
CTIT_SIGMA = 0.75
STOLEN_FROM_OTHERS = 0.40
UNTOLD_SHARE = 0.20  # installs chosen because Google Play tells the vendor nothing about them
SLOW_OPEN_SHARE = 0.15  # the person opens the app only later, so CTIT looks ordinary


class ClickInjection(Attack):
    """See the module."""

    def installs(self, count: int) -> pl.DataFrame:
        """Take installs that are already under way."""
        rng = self.stream("installs")
        plan = organic_plan(self.world, rng, self.draw_days(rng, count), android_only=True)
        install_ms = plan["install_ms"].to_numpy()
        disguised = self.disguised(rng, count)
        ctit = self._ctit_ms(rng, count)
        begin = install_ms - ctit - self._reaction_ms(rng, count)
        told = honest_ctit_ms(rng, APP_STRETCH[plan["app"].to_numpy()])
        click_ms = install_ms - np.where(disguised, told, ctit)
        click_ms = np.maximum(click_ms, self.world.actor_start_ms(self.actor) + 1)
        # An install in the actor's first moments can leave no room before it.
        click_ms = np.minimum(click_ms, install_ms - 1_000)
        clicked = self.world.population.connect(rng, plan["device"].to_numpy(), click_ms)
        same = rng.random(count) < 0.9
        known = (plan["begin_ms"].to_numpy() != MISSING) & (rng.random(count) >= UNTOLD_SHARE)
        by_referrer = rng.random(count) < 0.45  # a forged referrer broadcast
        victim_ms = np.minimum(begin, click_ms) - honest_ctit_ms(rng, np.full(count, 0.5))
        victim = (rng.random(count) < STOLEN_FROM_OTHERS) & (victim_ms >= self.world.start_ms)
        losing = draw(rng, self.world.publishers.volume, count)
        return plan.with_columns(
            sub=pl.Series(self.draw_subs(rng, count)),
            click_ms=pl.Series(click_ms),
            click_wifi=pl.Series(np.where(same, plan["wifi"].to_numpy(), clicked.wifi)),
            click_ip=pl.Series(np.where(same, plan["ip"].to_numpy(), clicked.ip)),
            gp_click_ms=pl.Series(
                np.where(known & by_referrer, click_ms + redirect_ms(rng, ctit), MISSING)
            ),
            begin_ms=pl.Series(np.where(known, begin, MISSING)),
            match=pl.Series(np.where(by_referrer, REFERRER, ID_MATCHING)),
            assist1_sub=pl.Series(np.where(victim, losing, -1)),
            assist1_ms=pl.Series(np.where(victim, victim_ms, MISSING)),
            actor=pl.lit(self.actor, pl.Int64),
            disguised=pl.Series(disguised),
        )

    def idle_clicks(self, day: int, count: int) -> pl.DataFrame:
        """Fire at installs whose first open never came, or that another click won."""
        rng = self.stream("idle", day)
        app = self.world.advertised_apps(rng, count, android_only=True)
        device = self.world.population.seekers(rng, APP_PLATFORM[app])
        click_ms = self.world.moments(rng, np.full(count, day))
        return touch_frame(
            click_ms=click_ms,
            app=app,
            sub=self.draw_subs(rng, count),
            device=device,
            **self.world.population.traits(device)._asdict(),
            **self.world.population.connect(rng, device, click_ms)._asdict(),
        )

    def _ctit_ms(self, rng: np.random.Generator, count: int) -> Ints:
        quick = rng.normal(np.log(MEDIAN_CTIT_SECONDS), CTIT_SIGMA, count)
        slow = rng.normal(np.log(90.0), 0.9, count)
        seconds = np.exp(np.where(rng.random(count) < SLOW_OPEN_SHARE, slow, quick))
        return np.asarray(np.maximum(1_000 * seconds, 1_200), dtype=np.int64)

    def _reaction_ms(self, rng: np.random.Generator, count: int) -> Ints:
        """From the install's begin to the injected click: the broadcast comes at the end."""
        return (1_000 * np.exp(rng.normal(2.9, 0.8, count))).astype(np.int64)
