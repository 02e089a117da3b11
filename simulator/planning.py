"""The installs of the world, day by day: who installs, who is blocked, who reacts.

A day's plan depends on the days before it, for actors react to what was blocked; its idle clicks do
not, and are drawn and written elsewhere (`simulator.clicks`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from clickward.simulator.attacks import ATTACKS, NAMES, Attack, State
from clickward.simulator.defender import Blocks, Defender
from clickward.simulator.policy import Policies
from clickward.simulator.randomness import Ints, Keys, draw, mix, stream, zipf_weights
from clickward.simulator.reports.render import serials
from clickward.simulator.world.frames import INSTALL_SCHEMA
from clickward.simulator.world.honest import organic_installs, paid_installs
from clickward.simulator.world.surges import plan_surges, surge_installs, tests
from clickward.simulator.world.world import World


@dataclass(frozen=True)
class DayPlan:
    """The installs of one day of the span in order of time, blocks among them, and what each actor
    did on it: its state, and the installs that stand for its activity."""

    day: int
    installs: pl.DataFrame
    blocks: Blocks
    states: tuple[State, ...]
    expected: tuple[float, ...]


class Planner:
    """Plans one day after another; `plan` must be called for every day in order."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._surges = plan_surges(world)
        self._policies = Policies(world)
        self._defender = Defender(world)
        self._activity = [world.activity(actor) for actor in range(len(world.scenario.actors))]
        self._pending: list[pl.DataFrame] = []
        self._known: Keys = np.array([], dtype=np.uint64)
        self._made = 0

    def plan(self, day: int) -> DayPlan:
        """Plan a day: draw, release, judge, and let the actors react."""
        states = tuple(self._policies.states)
        expected = tuple(
            actor.budget
            * float(self._world.honest_by_day[day])
            * float(self._activity[number][day])
            for number, actor in enumerate(self._world.scenario.actors)
        )
        self._pending.append(self._drawn(day, states, expected))
        installs = self._released(day)
        blocks = self._defender.judge(day, installs)
        self._policies.react(day, installs["actor"].to_numpy(), blocks.blocked)
        return DayPlan(day, installs, blocks, states, expected)

    def _drawn(
        self, day: int, states: tuple[State, ...], expected: tuple[float, ...]
    ) -> pl.DataFrame:
        """Installs of people who click on the day, and of those who install on it."""
        world, rng = self._world, stream(self._world.seed, "day", day)
        honest, share = float(world.honest_by_day[day]), world.scenario.traffic.organic_share
        paid, organic = rng.poisson(honest), rng.poisson(honest * share / (1 - share))
        attacks = attacks_of(world, states)
        counts: Ints = rng.poisson(np.array(expected))
        frames = []
        for attack, count in zip(attacks, counts, strict=True):
            if not count:
                continue
            fraud = attack.installs(day, int(count))
            named = (
                pl.lit(attack.actor, pl.Int64),
                pl.lit(NAMES.index(attack.state.attack), pl.Int64),
            )
            frames.append(
                fraud.with_columns(actor=named[0], attack=named[1]).select(*INSTALL_SCHEMA)
            )
            paid -= count if attack.takes == "paid" else 0
            organic -= count if attack.takes == "organic" else 0
        bought = paid_installs(world, day, max(int(paid), 0))
        for attack, activity in zip(attacks, expected, strict=True):
            if activity:
                bought = attack.touch_paid(day, diluted(world, day, attack, bought))
        frames += [
            bought,
            organic_installs(world, rng, day, max(int(organic), 0)),
            tests(world, day),
        ]
        frames += [
            surge_installs(world, number, surge)
            for number, surge in enumerate(self._surges)
            if surge.day == day
        ]
        return pl.concat([frame.select(*INSTALL_SCHEMA) for frame in frames])

    def _released(self, day: int) -> pl.DataFrame:
        """Installs of the day, complete: nobody who clicks later installs earlier."""
        end = self._world.day_start(day + 1)
        waiting = pl.concat(self._pending)
        self._pending = [waiting.filter(pl.col("install_ms") >= end)]
        due = waiting.filter(pl.col("install_ms") < end).sort("install_ms", "device", "app")
        # A device installs an app once; who installed it first keeps it.
        due = due.unique(["device", "app"], keep="first", maintain_order=True)
        keys = mix(due["device"].to_numpy(), due["app"].to_numpy(), 85)
        new = ~np.isin(keys, self._known)
        self._known = np.concatenate([self._known, keys[new]])
        due = due.filter(pl.Series(new))
        numbers = self._made + np.arange(len(due))
        self._made += len(due)
        return due.with_columns(serial=pl.Series(serials(self._world.seed, numbers)))


def attacks_of(world: World, states: tuple[State, ...]) -> list[Attack]:
    """Every actor at the attack of its state."""
    return [ATTACKS[state.attack](world, actor, state) for actor, state in enumerate(states)]


def diluted(world: World, day: int, attack: Attack, paid: pl.DataFrame) -> pl.DataFrame:
    """Sell some honest installs through the actor's sub-publishers, as cover."""
    if not attack.state.dilution:
        return paid
    rng = stream(world.seed, "dilution", attack.settings.name, day)
    chosen = rng.random(len(paid)) < attack.state.dilution
    subs: Ints = attack.state.subs[draw(rng, zipf_weights(len(attack.state.subs), 0.6), len(paid))]
    return paid.with_columns(sub=pl.Series(np.where(chosen, subs, paid["sub"].to_numpy())))
