"""In-app events: people return along a power law, scripts do not.

On day k after the install a share day_one · k^-decay of an app's people is active, times the
install's engagement; whoever buys has done the app's middle event before. Rewarded people do what
the reward asks and leave. Farm scripts run on day 0, a few once more on day 1. Patient scripts come
back for a month, along one path. Paid scripts buy at once, without the event that must come
before, under order ids that repeat. Vendors are sent events for 30 days after the install.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from clickward.simulator.randomness import Bools, Floats, Ints, Keys, below, draw, mix, stream, unit
from clickward.simulator.scenario import DAY_MS
from clickward.simulator.world.frames import HUMAN, PAID_SCRIPT, PATIENT_SCRIPT, REWARDED, SCRIPT
from clickward.simulator.world.world import World

LOGIN, MIDDLE, PURCHASE = range(3)
LONGEST_DAYS = 30
FIRST_DAY_ACTIVE = 0.92
MIDDLE_EVENTS_PER_SESSION = 1.8
SCRIPT_RETURNS = 0.22  # of farmed installs log in once more on the next day
REWARDED_LOYALTY = 0.18
PATIENCE = 0.45  # of smart bots' installs are active on any day of the month
ORDERS = 40  # order ids an actor's paid scripts use again and again
PRICES = (0.99, 1.99, 4.99, 9.99, 19.99)
PRICE_WEIGHTS = (0.42, 0.27, 0.19, 0.09, 0.03)


@dataclass(frozen=True)
class Events:
    """A day's events: row of the install, kind, time in ms, price in USD (0 unless bought).

    `order` makes the order id of a purchase.
    """

    install: Ints
    kind: Ints
    event_ms: Ints
    price: Floats
    order: Keys


def events_of_day(world: World, installs: pl.DataFrame, day: int) -> Events:
    """Draw the events of one day of the span; `installs` are those not blocked, up to that day."""
    rng = stream(world.seed, "events", day)
    first = (installs["install_ms"].to_numpy() - world.start_ms) // DAY_MS
    age = day - first
    behaviour = installs["behaviour"].to_numpy()
    chance = active_chance(
        world, installs["app"].to_numpy(), age, installs["engagement"].to_numpy(), behaviour
    )
    rows = np.flatnonzero(rng.random(len(installs)) < chance)
    behaviour = behaviour[rows]
    scripted = (behaviour == SCRIPT) | (behaviour == PAID_SCRIPT)
    serial = installs["serial"].to_numpy()[rows]
    opened = world.moments(rng, day, installs["country"].to_numpy()[rows])
    # A patient script wakes at an hour of its own.
    hour = (unit(serial, 81) * DAY_MS).astype(np.int64)
    opened = np.where(behaviour == PATIENT_SCRIPT, world.day_start(day) + hour, opened)
    since = np.where(scripted, rng.normal(40, 4, len(rows)), rng.exponential(45, len(rows)))
    at_once = installs["install_ms"].to_numpy()[rows] + (1_000 * np.maximum(since, 1)).astype(
        np.int64
    )
    opened = np.where(age[rows] == 0, at_once, opened)
    app, actor = installs["app"].to_numpy()[rows], installs["actor"].to_numpy()[rows]
    events = _sessions(world, rng, rows, app, actor, opened, age[rows], behaviour, serial)
    keep = np.argsort(events.event_ms, kind="stable")
    keep = keep[events.event_ms[keep] < world.end_ms]
    return Events(
        events.install[keep],
        events.kind[keep],
        events.event_ms[keep],
        events.price[keep],
        events.order[keep],
    )


def active_chance(
    world: World, app: Ints, age: Ints, engagement: Floats, behaviour: Ints
) -> Floats:
    """Chance that an install is active `age` days after it was made."""
    loyalty = engagement * np.where(behaviour == REWARDED, REWARDED_LOYALTY, 1.0)
    apps = world.apps
    later = apps.day_one[app] * np.maximum(age, 1).astype(np.float64) ** -apps.decay[app] * loyalty
    people = np.where(age == 0, FIRST_DAY_ACTIVE, np.minimum(later, 0.95))
    script = np.where(age == 0, 0.97, np.where(age == 1, SCRIPT_RETURNS, 0.0))
    patient = np.where(age == 0, 0.97, PATIENCE)
    chance = np.select(
        [np.isin(behaviour, (SCRIPT, PAID_SCRIPT)), behaviour == PATIENT_SCRIPT],
        [script, patient],
        people,
    )
    return np.where((age >= 0) & (age <= LONGEST_DAYS), chance, 0.0)


def _sessions(
    world: World,
    rng: np.random.Generator,
    rows: Ints,
    app: Ints,
    actor: Ints,
    opened: Ints,
    age: Ints,
    behaviour: Ints,
    serial: Keys,
) -> Events:
    count = len(rows)
    people = np.isin(behaviour, (HUMAN, REWARDED))
    asked = np.where((behaviour == REWARDED) & (age == 0), 2, 0)
    path = np.where(behaviour == PATIENT_SCRIPT, 3, np.where(behaviour == PAID_SCRIPT, 0, 2))
    middles = np.where(people, rng.poisson(MIDDLE_EVENTS_PER_SESSION, count) + asked, path)
    paid = (behaviour == PAID_SCRIPT) & (age == 0)
    chance = world.apps.purchase[app] * np.where(middles > 0, 1.2, 0.0)
    chance = np.where(behaviour == PATIENT_SCRIPT, 0.4 * chance, np.where(people, chance, 0.0))
    bought = paid | (rng.random(count) < chance)
    many = np.repeat(np.arange(count), middles)
    step = np.where(people[many], rng.exponential(180, len(many)), rng.normal(30, 3, len(many)))
    # The same pause each time within one path.
    paced = 20 + 15 * (_place_in_run(many) + 1.0) + rng.normal(0, 0.5, len(many))
    step = np.where(behaviour[many] == PATIENT_SCRIPT, paced, step)
    checkout = rng.exponential(400, count) + 200
    checkout = np.where(paid, rng.normal(300, 6, count), checkout)
    buyers = np.flatnonzero(bought)
    install = np.concatenate([rows, rows[many], rows[buyers]])
    kind = np.repeat([LOGIN, MIDDLE, PURCHASE], [count, len(many), len(buyers)])
    offsets = np.concatenate([np.zeros(count), step, checkout[buyers]]) * 1_000
    event_ms = np.concatenate([opened, opened[many], opened[buyers]])
    event_ms = event_ms + np.maximum(offsets, 0).astype(np.int64)
    price = np.zeros(len(kind))
    prices = np.array(PRICES)[draw(rng, PRICE_WEIGHTS, len(buyers))]
    price[kind == PURCHASE] = np.where(paid[buyers], PRICES[2], prices)
    order = np.zeros(len(kind), dtype=np.uint64)
    own = mix(serial[buyers], age[buyers], 82)
    repeated = mix(actor[buyers] + 1, below(ORDERS, serial[buyers], 83), 84)
    order[kind == PURCHASE] = np.where(paid[buyers], repeated, own)
    return Events(install, kind, event_ms, price, order)


def _place_in_run(values: Ints) -> Ints:
    """Place of each element in its run of equal ones, from 0; `values` are sorted."""
    if len(values) == 0:
        return values
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    lengths = np.diff(np.concatenate([starts, [len(values)]]))
    return np.arange(len(values)) - np.repeat(starts, lengths)


def moving(behaviour: Ints) -> Bools:
    """Whose events come from wherever the person is; a rack stays where it is."""
    return ~np.isin(behaviour, (SCRIPT, PAID_SCRIPT))
