"""Click flooding: masses of clicks that claim whoever installs by himself within a week.

Each sub-publisher reaches back its own time, 6 hours to 7 days, so that CTIT is nearly flat in
log-time. Clicks come from infected handsets and the actor's machines, day and night.
"""

import numpy as np
import polars as pl

from clickward.simulator.attacks.base import INFECTED, Attack
from clickward.simulator.randomness import Floats, Ints, Keys, unit
from clickward.simulator.scenario import DAY_MS, HOUR_MS, LOOKBACK_DAYS
from clickward.simulator.world.ctit import honest_ctit_ms
from clickward.simulator.world.frames import MISSING, touch_frame
from clickward.simulator.world.honest import organic_installs
from clickward.simulator.world.people import Connection

SERVER_SHARE = 0.25  # of clicks; the rest come from infected handsets
SERVER_ADDRESSES = 90
ASSISTED_HONEST = 0.03  # of honest paid installs carry a flooder's earlier click


class ClickFlooding(Attack):
    """See the module."""

    takes = "organic"
    reason = ("click_flooding", "long_ctit")

    def installs(self, day: int, count: int) -> pl.DataFrame:
        """Take organic installs, each with an old click."""
        rng = self.stream("installs", day)
        plan = organic_installs(self.world, rng, day, count)
        mimic = self.mimics(rng, count)
        ordinary = honest_ctit_ms(rng, self.world.apps.stretch[plan["app"].to_numpy()])
        age = np.maximum(rng.random(count) * self.reach_ms(self.draw_subs(rng, count)), 3_000)
        return self.claimed(rng, plan, np.where(mimic, ordinary, age), mimic, 0.15)

    def clicks(self, day: int, count: int) -> pl.DataFrame:
        """Click half along the phone's use and half by a timer."""
        rng = self.stream("clicks", day)
        app = self.world.apps.draw(rng, count)
        sub = self.draw_subs(rng, count)
        device = self.world.people(rng, app, sub, INFECTED)
        timer = self.world.day_start(day) + rng.integers(0, DAY_MS, count)
        in_use = self.world.moments(rng, day, np.zeros(count, dtype=np.int64))
        click_ms = np.where(rng.random(count) < 0.5, timer, in_use)
        return touch_frame(
            click_ms=click_ms,
            app=app,
            sub=sub,
            device=device,
            **self.world.population.traits(device, click_ms)._asdict(),
            **self.connect(rng, device, click_ms)._asdict(),
        )

    def touch_paid(self, day: int, paid: pl.DataFrame) -> pl.DataFrame:
        """Leave an older click of the actor on some honest paid installs."""
        rng = self.stream("assist", day)
        count = len(paid)
        moment = paid["click_ms"].to_numpy() - rng.integers(60_000, DAY_MS, count)
        chosen = (rng.random(count) < ASSISTED_HONEST) & (moment >= self.world.first_ms(self.actor))
        chosen &= moment > paid["install_ms"].to_numpy() - LOOKBACK_DAYS * DAY_MS
        chosen &= paid["assist1_ms"].to_numpy() == MISSING
        subs = self.draw_subs(rng, count)
        return paid.with_columns(
            assist1_ms=pl.Series(np.where(chosen, moment, paid["assist1_ms"].to_numpy())),
            assist1_sub=pl.Series(np.where(chosen, subs, paid["assist1_sub"].to_numpy())),
        )

    def reach_ms(self, sub: Ints) -> Floats:
        """How far back a sub-publisher's clicks reach, log-uniform over 6 h … 7 days."""
        longest = LOOKBACK_DAYS * DAY_MS
        place = unit(sub, self.world.seed, self.actor, 31)
        return np.asarray(6 * HOUR_MS * (longest / (6 * HOUR_MS)) ** place)

    def connect(self, rng: np.random.Generator, device: Keys, times_ms: Ints) -> Connection:
        """Handsets use their own network; the actor's machines a hosting network."""
        own = self.world.population.connect(rng, device, times_ms)
        server = rng.random(len(device)) < SERVER_SHARE
        exits = self.hosting(device + (times_ms // HOUR_MS).astype(np.uint64), SERVER_ADDRESSES)
        return Connection(own.wifi | server, np.where(server, exits, own.ip))
