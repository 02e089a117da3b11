"""In-app events: people return along a power law, scripts do not.

On day k after the install a share day_one · k^-decay of an app's people is active, times the
install's engagement. Hijacked installs are real people and come back like organic ones; farmed
installs run a short script on day 0, a few once more on day 1.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator.catalogue import APPS
from simulator.randomness import Bools, Floats, Ints, draw, stream
from simulator.scenario import DAY_MS
from simulator.world import World

LOGIN, MIDDLE, PURCHASE = 0, 1, 2
FIRST_DAY_ACTIVE = 0.92
MIDDLE_EVENTS_PER_SESSION = 1.8
SCRIPT_RETURNS = 0.22  # of farmed installs log in once more on the next day
PRICES = (0.99, 1.99, 4.99, 9.99, 19.99)
PRICE_WEIGHTS = (0.42, 0.27, 0.19, 0.09, 0.03)

_DAY_ONE = np.array([app.day_one for app in APPS])
_DECAY = np.array([app.decay for app in APPS])
_PURCHASE = np.array([app.purchase for app in APPS])


@dataclass(frozen=True)
class Events:
    """A day's events: row of the install, kind, time in ms, price in USD (0 unless bought)."""

    install: Ints
    kind: Ints
    event_ms: Ints
    price: Floats


def events_of_day(world: World, installs: pl.DataFrame, day: int) -> Events:
    """Draw the events of one day of the span; `installs` are the not blocked ones, all days."""
    rng = stream(world.seed, "events", day)
    first = ((installs["install_ms"].to_numpy() - world.start_ms) // DAY_MS).astype(np.int64)
    present = np.flatnonzero(first <= day)
    age = day - first[present]
    app = installs["app"].to_numpy()[present]
    scripted = installs["scripted"].to_numpy()[present]
    engagement = installs["engagement"].to_numpy()[present]
    active = rng.random(len(present)) < active_chance(app, age, engagement, scripted)
    present, age, app, scripted = present[active], age[active], app[active], scripted[active]
    opened = world.moments(rng, np.full(len(present), day))
    since = np.where(scripted, rng.normal(40, 4, len(present)), rng.exponential(45, len(present)))
    install_ms = installs["install_ms"].to_numpy()[present]
    first_open = install_ms + (1_000 * np.maximum(since, 1)).astype(np.int64)
    opened = np.where(age == 0, first_open, opened)
    return _session_events(world, rng, present, app, opened, scripted)


def active_chance(app: Ints, age: Ints, engagement: Floats, scripted: Bools) -> Floats:
    """Chance that an install is active `age` days after it was made."""
    later = _DAY_ONE[app] * np.maximum(age, 1).astype(np.float64) ** -_DECAY[app] * engagement
    people = np.where(age == 0, FIRST_DAY_ACTIVE, np.minimum(later, 0.95))
    script = np.where(age == 0, 0.97, np.where(age == 1, SCRIPT_RETURNS, 0.0))
    return np.where(scripted, script, people)


def _session_events(
    world: World, rng: np.random.Generator, rows: Ints, app: Ints, opened: Ints, scripted: Bools
) -> Events:
    middles = np.where(scripted, 2, rng.poisson(MIDDLE_EVENTS_PER_SESSION, len(rows)))
    bought = ~scripted & (rng.random(len(rows)) < _PURCHASE[app])
    many = np.repeat(np.arange(len(rows)), middles)
    step = np.where(scripted[many], rng.normal(30, 3, len(many)), rng.exponential(180, len(many)))
    purchase_step = rng.exponential(400, int(bought.sum()))
    install = np.concatenate([rows, rows[many], rows[bought]])
    kind = np.repeat([LOGIN, MIDDLE, PURCHASE], [len(rows), len(many), len(purchase_step)])
    offsets = np.concatenate([np.zeros(len(rows)), step, purchase_step]) * 1_000
    event_ms = np.concatenate([opened, opened[many], opened[bought]])
    event_ms = event_ms + np.maximum(offsets, 0).astype(np.int64)
    price = np.zeros(len(kind))
    prices = np.array(PRICES)[draw(rng, PRICE_WEIGHTS, len(purchase_step))]
    price[kind == PURCHASE] = prices
    order = np.argsort(event_ms, kind="stable")
    order = order[event_ms[order] < world.end_ms]
    return Events(install[order], kind[order], event_ms[order], price[order])
