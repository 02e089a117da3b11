"""The world: one scenario, one seed, one span of days, and what every part of it shares."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np

from simulator.catalogue import APPS
from simulator.clock import hourly_weights, ramp_weights, times_in_days, weekly_weights
from simulator.people import Population
from simulator.publishers import Publishers, allot_sub_publishers, make_publishers
from simulator.randomness import Floats, Ints, draw
from simulator.scenario import DAY_MS, Scenario

APP_PLATFORM = np.array([app.platform for app in APPS])
APP_VOLUME = np.array([app.volume for app in APPS])
APP_CONVERSION = np.array([app.conversion for app in APPS])


@dataclass(frozen=True)
class World:
    """What honest people and attackers share. Times are ms since 1970, UTC."""

    scenario: Scenario
    seed: int
    start: date
    days: int
    clicks: int
    publishers: Publishers
    population: Population
    actor_subs: tuple[Ints, ...]
    hourly: Floats
    weekly: Floats

    @property
    def start_ms(self) -> int:
        """First moment of the span."""
        return int(datetime.combine(self.start, time(), UTC).timestamp() * 1_000)

    @property
    def end_ms(self) -> int:
        """First moment after the span."""
        return self.start_ms + self.days * DAY_MS

    @property
    def installs(self) -> int:
        """Installs planned over the span, every kind together."""
        return round(self.clicks * self.scenario.installs_per_click)

    def moments(self, rng: np.random.Generator, days: Ints) -> Ints:
        """Draw a moment in each given day of the span along people's daily cycle."""
        return times_in_days(rng, self.start_ms, days, self.hourly)

    def actor_weights(self, actor: int) -> Floats:
        """Activity of an actor by day of the span."""
        settings = self.scenario.attacks[actor]
        return self.weekly * ramp_weights(self.days, settings.start_share, settings.ramp_share)

    def actor_start_ms(self, actor: int) -> int:
        """First day an actor works."""
        return self.start_ms + int(np.argmax(self.actor_weights(actor) > 0)) * DAY_MS

    def advertised_apps(self, rng: np.random.Generator, count: int, android_only: bool) -> Ints:
        """Draw advertised apps by their volume of clicks."""
        allowed = (APP_PLATFORM == 0) if android_only else np.ones(len(APPS), dtype=bool)
        return draw(rng, APP_VOLUME * allowed, count)


def make_world(scenario: Scenario, seed: int, start: date, days: int, clicks: int) -> World:
    """Draw everything that stays the same over the span."""
    publishers = make_publishers(seed)
    wanted = tuple(attack.sub_publishers for attack in scenario.attacks)
    return World(
        scenario=scenario,
        seed=seed,
        start=start,
        days=days,
        clicks=clicks,
        publishers=publishers,
        population=Population(seed, max(500, int(clicks * scenario.users_per_click))),
        actor_subs=allot_sub_publishers(publishers, seed, wanted),
        hourly=hourly_weights(scenario.hourly_peak_to_trough, scenario.local_hours_ahead_of_utc),
        weekly=weekly_weights(start.weekday(), days),
    )
