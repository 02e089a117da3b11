"""OS versions along their release curves: a device only ever moves to a newer one."""

from typing import NamedTuple

import numpy as np

from clickward.simulator.randomness import Floats, Ints
from clickward.simulator.scenario import DAY_MS
from clickward.simulator.world.catalogue import ANDROID, IOS


class Release(NamedTuple):
    """Version, platform, weight on the first day, and growth of its logarithm per day.

    A version with `day` set is released on that day of the span and adopted from then on.
    """

    version: str
    platform: int
    weight: float
    growth: float
    day: int = -1


# Oldest first on each platform.
SYSTEMS = (
    Release("9", ANDROID, 0.05, -0.003), Release("10", ANDROID, 0.10, -0.003),
    Release("11", ANDROID, 0.16, -0.002), Release("12", ANDROID, 0.18, -0.001),
    Release("13", ANDROID, 0.24, 0.0), Release("14", ANDROID, 0.20, 0.002),
    Release("15", ANDROID, 0.07, 0.010), Release("16", ANDROID, 0.004, 0.035, 18),
    Release("15.8.3", IOS, 0.06, -0.002), Release("16.7.10", IOS, 0.13, -0.003),
    Release("17.5.1", IOS, 0.21, -0.010), Release("17.6.1", IOS, 0.18, -0.004),
    Release("18.1.1", IOS, 0.30, -0.006), Release("18.3.2", IOS, 0.12, 0.012),
    Release("18.4", IOS, 0.04, 0.070, 9),
)  # fmt: skip
# The newest that exist before the span are all a rack or an emulator image ever has.
ANDROID_SYSTEMS = tuple(i for i, s in enumerate(SYSTEMS) if s.platform == ANDROID and s.day < 0)


def adoption(days: int) -> Floats:
    """Cumulative shares by platform and day, oldest version first: (2, days, versions)."""
    age = np.arange(days)[:, None]
    release = np.array([max(s.day, 0) for s in SYSTEMS])
    growth = np.array([s.growth for s in SYSTEMS]) * np.maximum(age - release, 0)
    weights = np.array([s.weight for s in SYSTEMS]) * np.exp(np.minimum(growth, 4.0))
    weights = weights * (age >= np.array([s.day for s in SYSTEMS]))
    tables = []
    for platform in (ANDROID, IOS):
        mine = weights * np.array([s.platform == platform for s in SYSTEMS])
        tables.append(np.cumsum(mine, axis=1) / mine.sum(axis=1, keepdims=True))
    # A cumulative share may only fall from day to day: nobody goes back.
    return np.minimum.accumulate(np.array(tables), axis=1)


def system_at(
    table: Floats, start_ms: int, place: Floats, ios: np.ndarray, moments_ms: Ints
) -> Ints:
    """System of devices at moments; `place` in [0, 1) is a device's eagerness to update."""
    days = np.clip((moments_ms - start_ms) // DAY_MS, 0, table.shape[1] - 1)
    system = np.zeros(len(place), dtype=np.int64)
    for day in np.unique(days):
        for platform in (ANDROID, IOS):
            here = (days == day) & (ios == (platform == IOS))
            system[here] = np.searchsorted(table[platform, day], place[here] * (1 - 1e-9), "right")
    return np.minimum(system, len(SYSTEMS) - 1)
