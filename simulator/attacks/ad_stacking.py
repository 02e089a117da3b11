"""Ad stacking: advertisements lie on top of each other, and one tap clicks them all.

A device has clicks for several apps at one instant; whichever of the apps its owner installs by
himself within a day or two is claimed. Mimicking stacks spread their clicks over some seconds.
"""

import numpy as np
import polars as pl

from clickward.simulator.attacks.base import INFECTED, Attack
from clickward.simulator.scenario import DAY_MS
from clickward.simulator.world.ctit import honest_ctit_ms
from clickward.simulator.world.frames import touch_frame
from clickward.simulator.world.honest import organic_installs
from clickward.simulator.world.people import country_of

STACK = 5  # advertisements on top of each other
REACH_DAYS = 2


class AdStacking(Attack):
    """See the module."""

    takes = "organic"
    reason = ("click_flooding", "ad_stacking")

    def installs(self, day: int, count: int) -> pl.DataFrame:
        """Take organic installs by one of a stack's clicks."""
        rng = self.stream("installs", day)
        plan = organic_installs(self.world, rng, day, count)
        mimic = self.mimics(rng, count)
        ordinary = honest_ctit_ms(rng, self.world.apps.stretch[plan["app"].to_numpy()])
        age = 3_000 + rng.beta(0.5, 1.6, count) * REACH_DAYS * DAY_MS
        return self.claimed(rng, plan, np.where(mimic, ordinary, age), mimic, 0.2)

    def clicks(self, day: int, count: int) -> pl.DataFrame:
        """One tap, several apps."""
        rng = self.stream("clicks", day)
        taps = -(-count // STACK)
        each = np.repeat(np.arange(taps), STACK)[:count]
        app = self.world.apps.draw(rng, count, android_only=True)
        sub = self.draw_subs(rng, taps)
        device = self.world.people(rng, app[::STACK][:taps], sub, INFECTED)
        tapped = self.world.moments(rng, day, country_of(device))
        apart = np.where(self.mimics(rng, taps), 4_000, 1)
        click_ms = np.minimum(
            tapped[each] + (rng.random(count) * apart[each]).astype(np.int64),
            self.world.day_start(day) + DAY_MS - 1,
        )
        where = self.world.population.connect(rng, device, tapped)
        return touch_frame(
            click_ms=click_ms,
            app=app,
            sub=sub[each],
            device=device[each],
            **self.world.population.traits(device[each], click_ms)._asdict(),
            wifi=where.wifi[each],
            ip=where.ip[each],
        )
