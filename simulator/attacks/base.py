"""What an attack is: installs it takes or fakes, and clicks it fires for nothing."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import polars as pl

from clickward.simulator.randomness import (
    Bools,
    Floats,
    Ints,
    Keys,
    draw,
    stream,
    unit,
    zipf_weights,
)
from clickward.simulator.scenario import Actor
from clickward.simulator.world.frames import MISSING, REFERRER
from clickward.simulator.world.honest import clicks_of, match_types, organic_installs
from clickward.simulator.world.people import OWNER_SHIFT, Connection
from clickward.simulator.world.world import World

HOSTING_BASE = (45 << 24) | (76 << 16)
INFECTED = (0.0, 0.6, 0.4)  # habits of the people whose phones an actor uses


@dataclass(frozen=True)
class State:
    """What an actor does today; its reactions change it.

    `subs` are the sub-publishers it sells through, `mimicry` the share of its installs that copy
    honest traffic, `dilution` the share of the world's honest paid installs it buys as cover.
    """

    attack: str
    subs: Ints
    mimicry: float
    dilution: float = 0.0


@dataclass(frozen=True)
class Attack(ABC):
    """One actor at work in a world; `actor` indexes the scenario's actors.

    `takes` says whose installs it claims: those of organic people, those other sources brought,
    or nobody's, which is to say that it makes them up. `reason` is the vendor's reason and
    sub-reason in blocks and verdicts.
    """

    world: World
    actor: int
    state: State

    takes: ClassVar[Literal["organic", "paid", "nothing"]] = "nothing"
    reason: ClassVar[tuple[str, str]]

    @abstractmethod
    def installs(self, day: int, count: int) -> pl.DataFrame:
        """Plan `count` installs around a day (`simulator.world.frames.INSTALL_SCHEMA`)."""

    def clicks(self, day: int, count: int) -> pl.DataFrame:
        """Fire a day's clicks that win nothing; by default as ordinary people would."""
        rng = self.stream("clicks", day)
        app = self.world.apps.draw(rng, count)
        sub = self.draw_subs(rng, count)
        return clicks_of(self.world, rng, day, app, sub, self.world.people(rng, app, sub))

    def touch_paid(self, day: int, paid: pl.DataFrame) -> pl.DataFrame:
        """Leave traces on the day's honest paid installs; by default none."""
        return paid

    @property
    def settings(self) -> Actor:
        """The actor's parameters."""
        return self.world.scenario.actors[self.actor]

    def stream(self, purpose: str, day: int) -> np.random.Generator:
        """The actor's own random stream for one purpose and day."""
        return stream(self.world.seed, self.settings.name, purpose, day)

    def draw_subs(self, rng: np.random.Generator, count: int) -> Ints:
        """Spread work over the actor's sub-publishers, unevenly."""
        return self.state.subs[draw(rng, zipf_weights(len(self.state.subs), 0.6), count)]

    def mimics(self, rng: np.random.Generator, count: int) -> Bools:
        """Choose the installs that copy honest traffic."""
        return rng.random(count) < self.state.mimicry

    def fresh_devices(self, day: int, numbers: Ints, country: Ints) -> Keys:
        """Android identifiers that nobody else has and that were never seen before."""
        owner = np.uint64(self.actor + 1) << OWNER_SHIFT
        number = (np.uint64(day) << np.uint64(22)) | numbers.astype(np.uint64)
        return number | (country.astype(np.uint64) << np.uint64(38)) | owner

    def hosting(self, keys: Keys, addresses: int) -> Keys:
        """Addresses of the actor's rented machines."""
        first = HOSTING_BASE + 4096 * self.actor
        return (first + np.floor(unit(keys, self.world.seed, 32) * addresses)).astype(np.uint64)

    def stolen(
        self,
        rng: np.random.Generator,
        day: int,
        count: int,
        age_ms: Ints | Floats,
        mimic: Bools,
        referrer_share: float,
        android_only: bool = False,
    ) -> pl.DataFrame:
        """Organic installs of a day, each claimed by a click `age_ms` before its first open."""
        plan = organic_installs(self.world, rng, day, count, android_only)
        return self.claimed(rng, plan, age_ms, mimic, referrer_share)

    def claimed(
        self,
        rng: np.random.Generator,
        plan: pl.DataFrame,
        age_ms: Ints | Floats,
        mimic: Bools,
        referrer_share: float,
    ) -> pl.DataFrame:
        """Give planned installs to the actor by a click `age_ms` before each."""
        count = len(plan)
        install_ms, device = plan["install_ms"].to_numpy(), plan["device"].to_numpy()
        # The actor was not there before its first day: a click cannot be older than that.
        oldest = np.maximum(install_ms - self.world.first_ms(self.actor), 2_000)
        age = np.asarray(age_ms, dtype=np.int64)
        age = np.where(
            age >= oldest, (rng.random(count) * (oldest - 1_000)).astype(np.int64) + 1_000, age
        )
        click_ms = install_ms - age
        clicked = self.connect(rng, device, click_ms)
        match = match_types(rng, device, referrer_share)
        redirected = (match == REFERRER) & (plan["begin_ms"].to_numpy() != MISSING)
        return plan.with_columns(
            sub=pl.Series(self.draw_subs(rng, count)),
            click_ms=pl.Series(click_ms),
            click_wifi=pl.Series(clicked.wifi),
            click_ip=pl.Series(clicked.ip),
            gp_click_ms=pl.Series(np.where(redirected, click_ms + 400, MISSING)),
            match=pl.Series(match),
            mimic=pl.Series(mimic),
        )

    def connect(self, rng: np.random.Generator, device: Keys, times_ms: Ints) -> Connection:
        """How the actor's clicks reach the network; by default from people's own devices."""
        return self.world.population.connect(rng, device, times_ms)
