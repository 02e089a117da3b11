"""The world: one scenario, one seed, one span of days, and what every part of it shares."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cached_property

import numpy as np

from clickward.simulator.randomness import Bools, Floats, Ints, Keys, draw, pick
from clickward.simulator.scenario import DAY_MS, Scenario
from clickward.simulator.world.apps import Apps, make_apps
from clickward.simulator.world.catalogue import COUNTRIES, IOS
from clickward.simulator.world.clock import STEPS, activity, moments_table, spread, weekly_weights
from clickward.simulator.world.people import CLICK_SHARES, Population
from clickward.simulator.world.publishers import Publishers, make_publishers
from clickward.simulator.world.releases import adoption

LEAN = 0.5  # of a sub-publisher's traffic is from the country it leans to


@dataclass(frozen=True)
class World:
    """What honest people and attackers share. Times are ms since 1970, UTC."""

    scenario: Scenario

    @property
    def seed(self) -> int:
        """Seed of every stream."""
        return self.scenario.seed

    @property
    def days(self) -> int:
        """Days of the span."""
        return self.scenario.days

    @cached_property
    def start_ms(self) -> int:
        """First moment of the span."""
        return int(datetime.combine(self.scenario.start, time(), UTC).timestamp() * 1_000)

    @property
    def end_ms(self) -> int:
        """First moment after the span."""
        return self.start_ms + self.days * DAY_MS

    @cached_property
    def apps(self) -> Apps:
        """The advertised apps."""
        return make_apps(self.seed, self.scenario.traffic.apps, self.start_ms)

    @cached_property
    def publishers(self) -> Publishers:
        """Networks, sites and sub-publishers."""
        return make_publishers(
            self.seed, tuple(actor.sub_publishers for actor in self.scenario.actors)
        )

    @cached_property
    def population(self) -> Population:
        """The people."""
        return Population(
            self.seed,
            self.start_ms,
            self.scenario.clicks / self.days * 7,
            self.scenario.traffic,
            self.scenario.hard_negatives,
            adoption(self.days),
        )

    @cached_property
    def weekly(self) -> Floats:
        """Traffic of each day, mean one."""
        return weekly_weights(self.scenario.start.weekday(), self.days)

    @cached_property
    def clicks_by_day(self) -> Ints:
        """Clicks of each day, adding up to the scenario's."""
        return spread(self.scenario.clicks, self.weekly)

    @cached_property
    def honest_by_day(self) -> Floats:
        """Honest attributed installs to expect of each day's clicks."""
        return np.asarray(self.clicks_by_day * self.scenario.traffic.conversion, np.float64)

    @cached_property
    def _moments(self) -> Ints:
        return moments_table(
            self.scenario.traffic.peak_to_trough, [ahead for _, _, ahead, _ in COUNTRIES]
        )

    def day_start(self, day: int) -> int:
        """First moment of a day of the span."""
        return self.start_ms + day * DAY_MS

    def moments(self, rng: np.random.Generator, day: int, country: Ints) -> Ints:
        """Draw moments in a day of the span along the daily cycle of people's countries."""
        step = rng.integers(0, STEPS, len(country))
        low = self._moments[country, step]
        high = self._moments[country, np.minimum(step + 1, STEPS - 1)]
        inside = low + (rng.random(len(country)) * np.maximum(high - low, 1)).astype(np.int64)
        return self.day_start(day) + np.minimum(inside, DAY_MS - 1)

    def activity(self, actor: int) -> Floats:
        """Activity of an actor by day of the span, 0 to 1."""
        plan = self.scenario.actors[actor]
        return activity(self.days, plan.start, plan.ramp, plan.end)

    def first_ms(self, actor: int) -> int:
        """First moment an actor is there: no click of it is older."""
        return self.day_start(int(np.argmax(self.activity(actor) > 0)))

    def countries(self, rng: np.random.Generator, app: Ints, sub: Ints) -> Ints:
        """Draw the country of each person from the app's geography and the sub-publisher's."""
        luck = rng.random(len(app))
        country = np.zeros(len(app), dtype=np.int64)
        for index in np.unique(app):
            mine = app == index
            country[mine] = pick(self.apps.countries[index], luck[mine])
        leaning = (sub >= 0) & (rng.random(len(app)) < LEAN)
        return np.where(leaning, self.publishers.country[sub], country)

    def people(
        self,
        rng: np.random.Generator,
        app: Ints,
        sub: Ints,
        habits: tuple[float, ...] = CLICK_SHARES,
    ) -> Keys:
        """Draw who clicks an advertisement of an app at a sub-publisher, or finds the app."""
        ios: Bools = self.apps.platform[app] == IOS
        return self.population.draw(rng, ios, self.countries(rng, app, sub), habits)

    def honest_subs(self, rng: np.random.Generator, count: int, converting: bool) -> Ints:
        """Draw sub-publishers by volume, and by their conversion where people install."""
        weights = self.publishers.volume * (self.publishers.conversion if converting else 1.0)
        return draw(rng, weights, count)
