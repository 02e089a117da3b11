"""When things happen: the daily and weekly cycle, and an attack's ramp."""

import numpy as np

from simulator.randomness import Floats, Ints, draw
from simulator.scenario import DAY_MS, HOUR_MS

LOCAL_TROUGH_HOUR = 4
LOCAL_PEAK_HOUR = 20
WEEKDAY_WEIGHTS = np.array([1.0, 0.98, 0.98, 1.0, 1.06, 1.18, 1.2])  # Monday first


def hourly_weights(peak_to_trough: float, hours_ahead: int) -> Floats:
    """Traffic of the 24 UTC hours; the busiest local hour is `peak_to_trough` times the idlest."""
    local = (np.arange(24) + hours_ahead) % 24
    since_trough = (local - LOCAL_TROUGH_HOUR) % 24
    rise = LOCAL_PEAK_HOUR - LOCAL_TROUGH_HOUR
    phase = np.where(
        since_trough <= rise,
        np.pi * since_trough / rise,
        np.pi + np.pi * (since_trough - rise) / (24 - rise),
    )
    weights = np.exp(-np.log(peak_to_trough) / 2 * np.cos(phase))
    return np.asarray(weights / weights.sum())


def weekly_weights(first_weekday: int, days: int) -> Floats:
    """Traffic of each day of the span; `first_weekday` counts from Monday = 0."""
    return np.asarray(WEEKDAY_WEIGHTS[(first_weekday + np.arange(days)) % 7])


def ramp_weights(days: int, start_share: float, ramp_share: float) -> Floats:
    """An actor's activity by day: nothing before its start, then a straight ramp up to one."""
    begin = min(start_share * days, days - 1.0)
    ramp_days = max(ramp_share * days, 1.0)
    middle = np.arange(days) + 1.0 - begin
    return np.clip(middle / ramp_days, 0.0, 1.0)


def times_in_days(rng: np.random.Generator, start_ms: int, days: Ints, hourly: Floats) -> Ints:
    """A moment (ms since 1970) in each of the given days of the span, following the cycle."""
    hours = draw(rng, hourly, len(days))
    within = rng.integers(0, HOUR_MS, len(days))
    return np.asarray(start_ms + days * DAY_MS + hours * HOUR_MS + within, dtype=np.int64)
