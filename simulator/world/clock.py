"""When things happen: the daily cycle in local time, the weekly one, and an attack's ramp."""

import numpy as np

from clickward.simulator.randomness import Floats, Ints
from clickward.simulator.scenario import DAY_MS

TROUGH_HOUR, PEAK_HOUR = 4, 20
WEEKDAY_WEIGHTS = np.array([1.0, 0.98, 0.98, 1.0, 1.06, 1.18, 1.2])  # Monday first
STEPS = 4_096  # of the inverse of a day's distribution


def local_weights(peak_to_trough: float) -> Floats:
    """Traffic of the 24 local hours; the busiest is `peak_to_trough` times the idlest."""
    since_trough = (np.arange(24) - TROUGH_HOUR) % 24
    rise = PEAK_HOUR - TROUGH_HOUR
    phase = np.where(
        since_trough <= rise,
        np.pi * since_trough / rise,
        np.pi + np.pi * (since_trough - rise) / (24 - rise),
    )
    weights = np.exp(-np.log(peak_to_trough) / 2 * np.cos(phase))
    return np.asarray(weights / weights.sum())


def moments_table(peak_to_trough: float, hours_ahead: list[float]) -> Ints:
    """Moments of a UTC day (ms) at equal steps of its traffic, a row per time zone."""
    local = local_weights(peak_to_trough)
    edges = np.concatenate([[0.0], np.cumsum(local)])
    places = (np.arange(STEPS) + 0.5) / STEPS
    hours = np.interp(places, edges, np.arange(25))
    rows = [np.sort((hours - ahead) % 24) for ahead in hours_ahead]
    return (np.array(rows) * DAY_MS / 24).astype(np.int64)


def weekly_weights(first_weekday: int, days: int) -> Floats:
    """Traffic of each day of the span, mean one; `first_weekday` counts from Monday = 0."""
    weights = WEEKDAY_WEIGHTS[(first_weekday + np.arange(days)) % 7]
    return np.asarray(weights / weights.mean())


def activity(days: int, start: float, ramp: float, end: float) -> Floats:
    """An actor's activity by day: nothing before its start and after its end, a ramp between."""
    first, last = min(start * days, days - 1.0), end * days
    since = np.arange(days) + 1.0 - first
    level = np.clip(since / max(ramp * days, 1.0), 0.0, 1.0)
    return np.where(np.arange(days) < last, level, 0.0)


def spread(total: int, weights: Floats) -> Ints:
    """Whole numbers that add up to `total` along the weights, by largest remainder."""
    exact = total * weights / weights.sum()
    counts = np.floor(exact).astype(np.int64)
    rest = total - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:rest]] += 1
    return counts
