"""A day's clicks: those that installs name, the attackers' and people's idle ones."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from clickward.simulator.attacks import State
from clickward.simulator.planning import attacks_of
from clickward.simulator.randomness import stream
from clickward.simulator.reports.render import Renderer
from clickward.simulator.reports.writing import Written, lateness, write_day
from clickward.simulator.scenario import Scenario
from clickward.simulator.world.honest import idle_clicks
from clickward.simulator.world.surges import CLICKS_PER_INSTALL, plan_surges, surge_clicks
from clickward.simulator.world.world import World

MOST_ATTACKING = 0.8  # of a day's idle clicks, whatever the actors' ratios ask for


@dataclass(frozen=True)
class ClickDay:
    """What a day's clicks are made of: those told by installs, and the actors at work."""

    day: int
    told: pl.DataFrame
    states: tuple[State, ...]
    expected: tuple[float, ...]


class ClickWriter:
    """Draws and writes whole days of clicks; a process of its own can hold one."""

    def __init__(self, scenario: Scenario, out: Path) -> None:
        self._world = World(scenario)
        self._renderer = Renderer(self._world)
        self._out, self._start = out, scenario.start
        self._surges = plan_surges(self._world)

    def write(self, work: ClickDay) -> Written:
        """Write the day's clicks, exactly as many as the world has on it."""
        world, day = self._world, work.day
        touches = self.touches(work)
        rng = stream(world.seed, "click arrivals", day)
        late = lateness(rng, day, len(touches), world.scenario.hard_negatives.late_clicks)
        return write_day(
            self._out, self._start, "clicks", day, self._renderer.clicks(touches), late
        )

    def touches(self, work: ClickDay) -> pl.DataFrame:
        """All touches of the day in order of time."""
        world, day = self._world, work.day
        left = max(int(world.clicks_by_day[day]) - len(work.told), 0)
        parts = [work.told]
        for number, surge in enumerate(self._surges):
            if surge.day == day:
                count = min(surge.installs * CLICKS_PER_INSTALL, left // 10)
                parts.append(surge_clicks(world, number, surge, count))
                left -= count
        wanted = np.array(
            [
                installs * actor.click_ratio / world.scenario.traffic.conversion
                for installs, actor in zip(work.expected, world.scenario.actors, strict=True)
            ]
        )
        scale = min(1.0, MOST_ATTACKING * left / wanted.sum()) if wanted.sum() else 0.0
        for attack, count in zip(attacks_of(world, work.states), wanted * scale, strict=True):
            if int(count):
                parts.append(attack.clicks(day, int(count)))
                left -= int(count)
        parts.append(idle_clicks(world, day, left))
        return pl.concat(parts).sort("click_ms", maintain_order=True)


_writer: ClickWriter | None = None


def open_writer(scenario: Scenario, out: Path) -> None:
    """Make this process's writer."""
    global _writer
    _writer = ClickWriter(scenario, out)


def write_clicks(work: ClickDay) -> Written:
    """Write a day in this process, which `open_writer` has prepared."""
    if _writer is None:
        raise RuntimeError("open_writer() comes first")
    return _writer.write(work)
