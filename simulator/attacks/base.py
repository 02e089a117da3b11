"""What an attack is: installs it takes or fakes, and clicks it fires for nothing."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator.randomness import Ints, draw, stream, zipf_weights
from simulator.scenario import AttackSettings
from simulator.world import World


@dataclass(frozen=True)
class Attack(ABC):
    """One actor's attack on a world; `actor` indexes the scenario's attacks."""

    world: World
    actor: int

    @property
    def settings(self) -> AttackSettings:
        """The actor's parameters."""
        return self.world.scenario.attacks[self.actor]

    @property
    def subs(self) -> Ints:
        """Sub-publishers the actor sells through."""
        return self.world.actor_subs[self.actor]

    def stream(self, purpose: str, day: int = 0) -> np.random.Generator:
        """The actor's own random stream for one purpose and day."""
        return stream(self.world.seed, self.settings.actor, purpose, day)

    def draw_subs(self, rng: np.random.Generator, count: int) -> Ints:
        """Spread work over the actor's sub-publishers, unevenly."""
        return self.subs[draw(rng, zipf_weights(len(self.subs), 0.6), count)]

    def draw_days(self, rng: np.random.Generator, count: int) -> Ints:
        """Spread work over the span along the actor's ramp."""
        return draw(rng, self.world.actor_weights(self.actor), count)

    def disguised(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Choose the installs that copy honest traffic."""
        return rng.random(count) < self.settings.disguised_share

    @abstractmethod
    def installs(self, count: int) -> pl.DataFrame:
        """Plan the actor's installs over the span (`simulator.frames.INSTALL_SCHEMA`)."""

    @abstractmethod
    def idle_clicks(self, day: int, count: int) -> pl.DataFrame:
        """Fire a day's clicks that win nothing (`simulator.frames.TOUCH_SCHEMA`)."""
