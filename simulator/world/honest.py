"""Honest traffic of a day: advertised installs with their journeys, organic ones, idle clicks."""

import numpy as np
import polars as pl

from clickward.simulator.randomness import Bools, Floats, Ints, Keys, draw, stream
from clickward.simulator.scenario import DAY_MS, LOOKBACK_DAYS
from clickward.simulator.world.ctit import begin_between, download_ms, honest_ctit_ms
from clickward.simulator.world.frames import (
    HUMAN,
    ID_MATCHING,
    MISSING,
    ORGANIC,
    PROBABILISTIC,
    REFERRER,
    install_frame,
    touch_frame,
)
from clickward.simulator.world.people import CONVERTING, SEEKING, country_of, is_ios
from clickward.simulator.world.world import World

INSTALLING_MOBILITY = 0.3  # people install where the network costs nothing
SAME_CONNECTION = 0.85  # of installs come from the address that clicked
NO_PLAY_TIMES = 0.10  # of Android installs: other stores, old store versions
ASSIST_SHARES = (0.16, 0.05, 0.015)  # of paid installs with at least 1, 2, 3 earlier touches
FIRST_TOUCH_DESERVES = 0.4  # of journeys: the first touch, not the last, brought the person
ORGANIC_LOYALTY = 1.25


def engagement(rng: np.random.Generator, count: int) -> Floats:
    """How much more or less than the app's average people come back."""
    return np.asarray(np.exp(rng.normal(-0.08, 0.4, count)))


def play_times_known(rng: np.random.Generator, devices: Keys) -> Bools:
    """Whether Google Play tells its times: Android only, and not always."""
    return ~is_ios(devices) & (rng.random(len(devices)) >= NO_PLAY_TIMES)


def match_types(rng: np.random.Generator, devices: Keys, referrer_share: float) -> Ints:
    """How clicks were matched to installs; only Android has the Play referrer."""
    ios = is_ios(devices)
    referrer = ~ios & (rng.random(len(devices)) < referrer_share)
    by_id = rng.random(len(devices)) < np.where(ios, 0.35, 0.85)
    return np.where(referrer, REFERRER, np.where(by_id, ID_MATCHING, PROBABILISTIC))


def redirect_ms(rng: np.random.Generator, ctit_ms: Ints) -> Ints:
    """From the click to the store's page, ms."""
    return np.minimum(rng.integers(150, 1_500, len(ctit_ms)), ctit_ms // 4)


def paid_installs(world: World, day: int, count: int) -> pl.DataFrame:
    """Plan installs of people who click on a day; they install then or up to 7 days later."""
    rng = stream(world.seed, "paid", day)
    app = draw(rng, world.apps.volume * world.apps.conversion, count)
    sub = world.honest_subs(rng, count, converting=True)
    device = world.people(rng, app, sub, CONVERTING)
    click_ms = world.moments(rng, day, country_of(device))
    return add_assists(world, advertised(world, rng, app, sub, device, click_ms), rng)


def advertised(
    world: World, rng: np.random.Generator, app: Ints, sub: Ints, device: Keys, click_ms: Ints
) -> pl.DataFrame:
    """Plan one honest install for each click given."""
    count = len(app)
    ctit = honest_ctit_ms(rng, world.apps.stretch[app] * world.publishers.stretch[sub])
    install_ms = click_ms + ctit
    clicked = world.population.connect(rng, device, click_ms, INSTALLING_MOBILITY)
    later = world.population.connect(rng, device, install_ms)
    moved = rng.random(count) >= SAME_CONNECTION
    known = play_times_known(rng, device)
    match = match_types(rng, device, 0.75)
    begin = begin_between(rng, click_ms, install_ms)
    redirected = known & (match == REFERRER)
    return install_frame(
        install_ms=install_ms,
        app=app,
        sub=sub,
        true_sub=sub,
        device=device,
        **world.population.traits(device, install_ms)._asdict(),
        wifi=np.where(moved, later.wifi, clicked.wifi),
        ip=np.where(moved, later.ip, clicked.ip),
        click_ms=click_ms,
        click_wifi=clicked.wifi,
        click_ip=clicked.ip,
        gp_click_ms=np.where(redirected, click_ms + redirect_ms(rng, ctit), MISSING),
        begin_ms=np.where(known, begin, MISSING),
        match=match,
        behaviour=HUMAN,
        engagement=engagement(rng, count) * world.publishers.retention[sub],
    )


def organic_installs(
    world: World, rng: np.random.Generator, day: int, count: int, android_only: bool = False
) -> pl.DataFrame:
    """Plan installs of a day that nobody advertised: what flooding and injection steal."""
    app = world.apps.draw(rng, count, android_only)
    device = world.people(rng, app, np.full(count, -1), SEEKING)
    install_ms = world.moments(rng, day, country_of(device))
    begin = install_ms - download_ms(rng, world.apps.stretch[app])
    return install_frame(
        install_ms=install_ms,
        app=app,
        sub=np.full(count, -1),
        true_sub=ORGANIC,
        device=device,
        **world.population.traits(device, install_ms)._asdict(),
        **world.population.connect(rng, device, install_ms)._asdict(),
        begin_ms=np.where(play_times_known(rng, device), begin, MISSING),
        behaviour=HUMAN,
        engagement=engagement(rng, count) * ORGANIC_LOYALTY,
    )


def add_assists(world: World, plan: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Give some installs earlier touches by other sub-publishers, latest first.

    The last click wins the install; the true source may be the first touch of the journey.
    """
    count = len(plan)
    luck = rng.random(count)
    before, first = plan["click_ms"].to_numpy(), plan["sub"].to_numpy()
    oldest = plan["install_ms"].to_numpy() - LOOKBACK_DAYS * DAY_MS
    columns = {}
    for number, share in enumerate(ASSIST_SHARES, start=1):
        gap = (1_000 * np.exp(rng.normal(8.6, 1.6, count))).astype(np.int64) + 1_000
        moment = before - gap
        there = (luck < share) & (moment >= world.start_ms) & (before != MISSING)
        there &= moment > oldest
        before = np.where(there, moment, MISSING)
        sub = world.honest_subs(rng, count, converting=False)
        first = np.where(there, sub, first)
        columns[f"assist{number}_ms"] = pl.Series(before)
        columns[f"assist{number}_sub"] = pl.Series(np.where(there, sub, -1))
    deserving = rng.random(count) < FIRST_TOUCH_DESERVES
    columns["true_sub"] = pl.Series(np.where(deserving, first, plan["true_sub"].to_numpy()))
    return plan.with_columns(**columns)


def idle_clicks(world: World, day: int, count: int) -> pl.DataFrame:
    """Draw a day's honest clicks that install nothing."""
    rng = stream(world.seed, "idle", day)
    app = world.apps.draw(rng, count)
    sub = world.honest_subs(rng, count, converting=False)
    device = world.people(rng, app, sub)
    return clicks_of(world, rng, day, app, sub, device)


def clicks_of(
    world: World, rng: np.random.Generator, day: int, app: Ints, sub: Ints, device: Keys
) -> pl.DataFrame:
    """Touches of people along their day."""
    click_ms = world.moments(rng, day, country_of(device))
    return touch_frame(
        click_ms=click_ms,
        app=app,
        sub=sub,
        device=device,
        **world.population.traits(device, click_ms)._asdict(),
        **world.population.connect(rng, device, click_ms)._asdict(),
    )
