"""Honest traffic: paid installs, organic installs, clicks that lead nowhere, a push campaign."""

import numpy as np
import polars as pl

from simulator.ctit import APP_STRETCH, begin_between, download_ms, honest_ctit_ms
from simulator.frames import (
    ID_MATCHING,
    MISSING,
    PROBABILISTIC,
    REFERRER,
    install_frame,
    touch_frame,
)
from simulator.people import is_ios
from simulator.randomness import Bools, Floats, Ints, Keys, draw, stream
from simulator.scenario import HOUR_MS
from simulator.world import APP_CONVERSION, APP_PLATFORM, APP_VOLUME, World

SAME_CONNECTION = 0.85  # of installs come from the address that clicked
NO_PLAY_TIMES = 0.10  # of Android installs: other stores, old store versions
ASSIST_SHARES = (0.16, 0.05, 0.015)  # of paid installs with at least 1, 2, 3 earlier touches
PUSH_BURST_MS = 2 * HOUR_MS


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


def paid_installs(world: World, count: int, push_count: int) -> pl.DataFrame:
    """Plan honest attributed installs; the last `push_count` belong to one push campaign."""
    rng = stream(world.seed, "paid")
    publishers = world.publishers
    sub_weights = publishers.volume * publishers.conversion
    app = draw(rng, APP_VOLUME * APP_CONVERSION, count)
    sub = draw(rng, sub_weights, count)
    click_ms = world.moments(rng, draw(rng, world.weekly, count))
    pushed = np.arange(count) >= count - push_count
    sub[pushed] = publishers.push_sub
    click_ms[pushed] = push_moments(world, rng, push_count)
    device = world.population.clickers(rng, APP_PLATFORM[app])
    ctit = honest_ctit_ms(rng, APP_STRETCH[app] * publishers.stretch[sub])
    install_ms = click_ms + ctit
    clicked = world.population.connect(rng, device, click_ms)
    moved = rng.random(count) >= SAME_CONNECTION
    later = world.population.connect(rng, device, install_ms)
    known = play_times_known(rng, device)
    match = match_types(rng, device, 0.75)
    begin = begin_between(rng, click_ms, install_ms)
    plan = install_frame(
        install_ms=install_ms,
        app=app,
        sub=sub,
        device=device,
        **world.population.traits(device)._asdict(),
        wifi=np.where(moved, later.wifi, clicked.wifi),
        ip=np.where(moved, later.ip, clicked.ip),
        click_ms=click_ms,
        click_wifi=clicked.wifi,
        click_ip=clicked.ip,
        gp_click_ms=np.where(
            known & (match == REFERRER), click_ms + redirect_ms(rng, ctit), MISSING
        ),
        begin_ms=np.where(known, begin, MISSING),
        match=match,
        engagement=engagement(rng, count) * publishers.retention[sub],
    )
    return add_assists(world, plan, rng)


def redirect_ms(rng: np.random.Generator, ctit_ms: Ints) -> Ints:
    """From the click to the store's page, ms."""
    return np.minimum(rng.integers(150, 1_500, len(ctit_ms)), ctit_ms // 4)


def organic_installs(world: World, count: int) -> pl.DataFrame:
    """Plan installs nobody advertised: what flooding and injection steal."""
    rng = stream(world.seed, "organic")
    return organic_plan(world, rng, draw(rng, world.weekly, count), android_only=False)


def organic_plan(
    world: World, rng: np.random.Generator, days: Ints, android_only: bool
) -> pl.DataFrame:
    """Plan one organic install in each of the given days of the span."""
    count = len(days)
    app = world.advertised_apps(rng, count, android_only)
    device = world.population.seekers(rng, APP_PLATFORM[app])
    install_ms = world.moments(rng, days)
    connection = world.population.connect(rng, device, install_ms)
    begin = install_ms - download_ms(rng, app)
    return install_frame(
        install_ms=install_ms,
        app=app,
        sub=np.full(count, -1),
        device=device,
        **world.population.traits(device)._asdict(),
        **connection._asdict(),
        begin_ms=np.where(play_times_known(rng, device), begin, MISSING),
        engagement=engagement(rng, count) * 1.25,
    )


def add_assists(world: World, plan: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Give some installs earlier touches by other sub-publishers, latest first."""
    count = len(plan)
    luck = rng.random(count)
    before = plan["click_ms"].to_numpy()
    columns = {}
    for number, share in enumerate(ASSIST_SHARES, start=1):
        gap = (1_000 * np.exp(rng.normal(8.6, 1.6, count))).astype(np.int64)
        moment = before - gap
        there = (luck < share) & (moment >= world.start_ms) & (before != MISSING)
        before = np.where(there, moment, MISSING)
        sub = draw(rng, world.publishers.volume, count)
        columns[f"assist{number}_ms"] = pl.Series(before)
        columns[f"assist{number}_sub"] = pl.Series(np.where(there, sub, -1))
    return plan.with_columns(**columns)


def push_moments(world: World, rng: np.random.Generator, count: int) -> Ints:
    """Moments of one push campaign: a surge of two hours in the middle of the span."""
    noon_utc = world.start_ms + (world.days // 2) * 24 * HOUR_MS + 11 * HOUR_MS
    share = rng.beta(1.2, 4.0, count)  # most people react soon after the notification
    return np.asarray(noon_utc + (share * PUSH_BURST_MS).astype(np.int64))


def idle_clicks(world: World, day: int, count: int, push_count: int) -> pl.DataFrame:
    """Draw a day's honest clicks that install nothing; the last ones answer the push campaign."""
    rng = stream(world.seed, "idle", day)
    total = count + push_count
    app = world.advertised_apps(rng, total, android_only=False)
    sub = draw(rng, world.publishers.volume, total)
    click_ms = world.moments(rng, np.full(total, day))
    if push_count:
        sub[count:] = world.publishers.push_sub
        click_ms[count:] = push_moments(world, rng, push_count)
    device = world.population.clickers(rng, APP_PLATFORM[app])
    return touch_frame(
        click_ms=click_ms,
        app=app,
        sub=sub,
        device=device,
        **world.population.traits(device)._asdict(),
        **world.population.connect(rng, device, click_ms)._asdict(),
    )
