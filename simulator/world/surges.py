"""Hard negatives: honest traffic that looks like an attack until one looks closer.

Push campaigns and rewarded offers bring many people within two hours; rewarded people leave as
soon as they have the reward, and nobody was cheated. Testers install from one office on devices
they reset. Malls, carriers' NAT, large slow apps and wrong clocks are in the world itself.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from clickward.simulator.randomness import Ints, stream
from clickward.simulator.scenario import HOUR_MS
from clickward.simulator.world.catalogue import PUSH_NETWORK, REWARDED_NETWORK
from clickward.simulator.world.frames import HUMAN, REWARDED, TOUCH_SCHEMA, install_frame
from clickward.simulator.world.honest import advertised, organic_installs
from clickward.simulator.world.people import OFFICE_BASE, OWNER_SHIFT, country_of
from clickward.simulator.world.world import World

SURGE_MS = 2 * HOUR_MS
TESTS_A_DAY = 0.25  # a test device's
TESTERS = np.uint64((1 << 19) - 1) << OWNER_SHIFT
CLICKS_PER_INSTALL = 30  # of a surge: people were told to come


@dataclass(frozen=True)
class Surge:
    """One campaign: its day, first moment, sub-publisher, app, and how its people behave."""

    day: int
    from_ms: int
    sub: int
    app: int
    behaviour: int
    installs: int


def plan_surges(world: World) -> list[Surge]:
    """Draw every surge of the span."""
    rng = stream(world.seed, "surges")
    settings = world.scenario.hard_negatives
    kinds = (
        (settings.push_campaigns, PUSH_NETWORK, HUMAN),
        (settings.incentivised_surges, REWARDED_NETWORK, REWARDED),
    )
    surges = []
    for per_month, network, behaviour in kinds:
        for _ in range(int(np.ceil(per_month * world.days / 30))):
            day = int(rng.integers(0, world.days))
            surges.append(
                Surge(
                    day=day,
                    from_ms=world.day_start(day) + int(rng.integers(9, 14)) * HOUR_MS,
                    sub=int(rng.choice(world.publishers.of_network(network))),
                    app=int(world.apps.draw(rng, 1)[0]),
                    behaviour=behaviour,
                    installs=round(world.honest_by_day[day] * settings.surge_installs),
                )
            )
    return surges


def surge_installs(world: World, number: int, surge: Surge) -> pl.DataFrame:
    """Plan the installs of one surge."""
    rng = stream(world.seed, "surge", number)
    app, sub = np.full(surge.installs, surge.app), np.full(surge.installs, surge.sub)
    device = world.people(rng, app, sub)
    plan = advertised(world, rng, app, sub, device, _moments(rng, surge, surge.installs))
    return plan.with_columns(behaviour=pl.lit(surge.behaviour, pl.Int64))


def surge_clicks(world: World, number: int, surge: Surge, count: int) -> pl.DataFrame:
    """The clicks of a surge that install nothing."""
    rng = stream(world.seed, "surge clicks", number)
    app, sub = np.full(count, surge.app), np.full(count, surge.sub)
    device = world.people(rng, app, sub)
    click_ms = _moments(rng, surge, count)
    plan = advertised(world, rng, app, sub, device, click_ms)
    return plan.with_columns(wifi="click_wifi", ip="click_ip").select(*TOUCH_SCHEMA)


def _moments(rng: np.random.Generator, surge: Surge, count: int) -> Ints:
    """Most people react soon after the notification."""
    return np.asarray(surge.from_ms + (rng.beta(1.2, 4.0, count) * SURGE_MS).astype(np.int64))


def tests(world: World, day: int) -> pl.DataFrame:
    """Installs by testers: one office, devices reset again and again, and nobody's fraud."""
    rng = stream(world.seed, "tests", day)
    count = int(rng.poisson(world.scenario.hard_negatives.test_devices * TESTS_A_DAY))
    plan = organic_installs(world, rng, day, count)
    number = (day << 16) + np.arange(count, dtype=np.uint64)
    country = country_of(plan["device"].to_numpy()).astype(np.uint64)
    ios = plan["device"].to_numpy() & np.uint64(1 << 42)
    device = number | (country << np.uint64(38)) | ios | TESTERS
    address = (OFFICE_BASE + 2 + rng.integers(0, 12, count)).astype(np.uint64)
    return install_frame(
        **{name: plan[name].to_numpy() for name in plan.columns if name not in ("device", "ip")},
        device=device,
        ip=address,
    ).with_columns(behaviour=pl.lit(REWARDED, pl.Int64), wifi=pl.lit(True))
