"""Click flooding: masses of clicks in real people's names claim installs they did not cause.

The installs are organic; the click that wins them happened to be there, so its age is nearly
uniform over the actor's window (6 h to 7 days, by sub-publisher), not log-normal. Disguised
installs were won by a click fired minutes before, on traffic the actor saw coming.
"""

import numpy as np
import polars as pl

from simulator.attacks.base import Attack
from simulator.clock import times_in_days
from simulator.ctit import APP_STRETCH, honest_ctit_ms
from simulator.frames import MISSING, REFERRER, touch_frame
from simulator.honest import match_types, organic_plan
from simulator.people import Connection
from simulator.randomness import Ints, Keys, below, unit
from simulator.scenario import DAY_MS, HOUR_MS, LOOKBACK_DAYS
from simulator.world import APP_PLATFORM

SERVER_SHARE = 0.25  # of clicks come from the actor's machines, the rest from infected handsets
SERVER_BASE = (45 << 24) | (76 << 16)
SERVER_ADDRESSES = 90
ASSISTED_HONEST = 0.05  # of honest paid installs carry a flooder's earlier click


class ClickFlooding(Attack):
    """See the module."""

    def installs(self, count: int) -> pl.DataFrame:
        """Take organic installs, each with an old click."""
        rng = self.stream("installs")
        plan = organic_plan(self.world, rng, self.draw_days(rng, count), android_only=False)
        install_ms = plan["install_ms"].to_numpy()
        device = plan["device"].to_numpy()
        sub = self.draw_subs(rng, count)
        disguised = self.disguised(rng, count)
        ordinary = honest_ctit_ms(rng, APP_STRETCH[plan["app"].to_numpy()])
        age = (rng.random(count) * self.window_ms(sub)).astype(np.int64)
        age = np.where(disguised, ordinary, np.maximum(age, 3_000))
        # The actor was not there before its first day: a click cannot be older than that.
        oldest = np.maximum(install_ms - self.world.actor_start_ms(self.actor), 3_000)
        age = np.where(age > oldest, (rng.random(count) * oldest).astype(np.int64) + 1, age)
        click_ms = install_ms - age
        clicked = self.connect(rng, device, click_ms)
        match = match_types(rng, device, 0.15)
        redirected = (match == REFERRER) & (plan["begin_ms"].to_numpy() != MISSING)
        return plan.with_columns(
            sub=pl.Series(sub),
            click_ms=pl.Series(click_ms),
            click_wifi=pl.Series(clicked.wifi),
            click_ip=pl.Series(clicked.ip),
            gp_click_ms=pl.Series(np.where(redirected, click_ms + 400, MISSING)),
            match=pl.Series(match),
            actor=pl.lit(self.actor, pl.Int64),
            disguised=pl.Series(disguised),
        )

    def idle_clicks(self, day: int, count: int) -> pl.DataFrame:
        """Click day and night, half along the phone's use and half by a timer."""
        rng = self.stream("idle", day)
        app = self.world.advertised_apps(rng, count, android_only=False)
        device = self.world.population.seekers(rng, APP_PLATFORM[app])
        days = np.full(count, day)
        timer = times_in_days(rng, self.world.start_ms, days, np.ones(24))
        in_use = self.world.moments(rng, days)
        click_ms = np.where(rng.random(count) < 0.5, timer, in_use)
        return touch_frame(
            click_ms=click_ms,
            app=app,
            sub=self.draw_subs(rng, count),
            device=device,
            **self.world.population.traits(device)._asdict(),
            **self.connect(rng, device, click_ms)._asdict(),
        )

    def window_ms(self, sub: Ints) -> np.ndarray:
        """How far back a sub-publisher's clicks reach, log-uniform over 6 h … 7 days."""
        longest = LOOKBACK_DAYS * DAY_MS
        place = unit(sub, self.world.seed, self.actor, 31)
        return np.asarray(6 * HOUR_MS * (longest / (6 * HOUR_MS)) ** place)

    def connect(self, rng: np.random.Generator, device: Keys, times_ms: Ints) -> Connection:
        """Handsets use their own network; the actor's machines a hosting network."""
        own = self.world.population.connect(rng, device, times_ms)
        server = rng.random(len(device)) < SERVER_SHARE
        exits = SERVER_BASE + below(SERVER_ADDRESSES, device, times_ms // HOUR_MS, 32)
        return Connection(own.wifi | server, np.where(server, exits.astype(np.uint64), own.ip))

    def assist(self, paid: pl.DataFrame) -> pl.DataFrame:
        """Leave the actor's older click on some honest paid installs."""
        rng = self.stream("assist")
        click_ms = paid["click_ms"].to_numpy()
        moment = click_ms - rng.integers(60_000, DAY_MS, len(paid))
        share = ASSISTED_HONEST * self.settings.install_share / self.world.scenario.fraud_share
        chosen = (
            (rng.random(len(paid)) < share)
            & (moment >= self.world.actor_start_ms(self.actor))
            & (paid["assist1_ms"].to_numpy() == MISSING)
        )
        subs = self.draw_subs(rng, len(paid))
        return paid.with_columns(
            assist1_ms=pl.Series(np.where(chosen, moment, paid["assist1_ms"].to_numpy())),
            assist1_sub=pl.Series(np.where(chosen, subs, paid["assist1_sub"].to_numpy())),
        )
