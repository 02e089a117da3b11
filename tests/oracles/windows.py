"""Windowed features by looping over every earlier event: slow, and plainly right."""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

Event = dict[str, Any]


@dataclass(frozen=True)
class Before:
    """The events of the subject's key with `t - window <= event_at < t`."""

    events: Sequence[Event]
    at: datetime

    def where(self, holds: Callable[[Event], bool | None]) -> "Before":
        """The same with only the events for which `holds` is true, not unknown."""
        return Before([event for event in self.events if holds(event)], self.at)

    def known(self, column: str) -> list[Any]:
        """Values of `column`, those unknown left out."""
        return [event[column] for event in self.events if event[column] is not None]

    def in_order(self, columns: Sequence[str]) -> "Before":
        """Events by time, those of one instant by `columns`, unknown values last."""

        def place(event: Event) -> tuple[Any, ...]:
            values = [event[column] for column in columns]
            return (
                event["event_at"],
                [(value is None, value or type(value)()) for value in values],
            )

        return Before(sorted(self.events, key=place), self.at)

    def count(self) -> int:
        return len(self.events)

    def is_first_seen(self) -> int:
        return int(not self.events)

    def distinct(self, column: str) -> int:
        return len(set(self.known(column)))

    def distinct_ratio(self, column: str) -> float | None:
        values = self.known(column)
        return len(set(values)) / len(values) if values else None

    def entropy(self, column: str) -> float | None:
        """Shannon's, in bits."""
        values = self.known(column)
        shares = [count / len(values) for count in Counter(values).values()]
        return -math.fsum(share * math.log2(share) for share in shares) if values else None

    def share(self, holds: Callable[[Event], bool | None]) -> float | None:
        answers = [holds(event) for event in self.events]
        known = [answer for answer in answers if answer is not None]
        return sum(known) / len(known) if known else None

    def sum(self, column: str) -> float | None:
        values = self.known(column)
        return math.fsum(values) if values else None

    def mean(self, column: str) -> float | None:
        values = self.known(column)
        return math.fsum(values) / len(values) if values else None

    def standard_deviation(self, column: str) -> float | None:
        values = self.known(column)
        return statistics.stdev(values) if len(values) > 1 else None

    def min(self, column: str) -> Any:
        return min(self.known(column), default=None)

    def max(self, column: str) -> Any:
        return max(self.known(column), default=None)

    def quantile(self, column: str, level: float) -> float | None:
        """Linear between the two nearest ranks."""
        values = sorted(self.known(column))
        if not values:
            return None
        place = level * (len(values) - 1)
        low, high = values[math.floor(place)], values[math.ceil(place)]
        return low + (high - low) * (place - math.floor(place))

    def first(self, column: str, order: Sequence[str]) -> Any:
        return next(iter(self.in_order(order).known(column)), None)

    def last(self, column: str, order: Sequence[str]) -> Any:
        return next(reversed(self.in_order(order).known(column)), None)

    def mode(self, column: str) -> Any:
        """The most frequent value; of equally frequent ones the least."""
        counts = Counter(self.known(column))
        return min(counts, key=lambda value: (-counts[value], value), default=None)

    def mode_share(self, column: str) -> float | None:
        values = self.known(column)
        return values.count(self.mode(column)) / len(values) if values else None

    def last_k(self, column: str, k: int, order: Sequence[str]) -> list[Any]:
        return [event[column] for event in self.in_order(order).events[-k:]]

    def seconds_before(self) -> list[float]:
        """From each event to the subject, the latest event last."""
        times = sorted(event["event_at"] for event in self.events)
        return [(self.at - time).total_seconds() for time in times]

    def seconds_since_last(self, n: int = 1) -> float | None:
        seconds = self.seconds_before()
        return seconds[-n] if len(seconds) >= n else None

    def gaps(self) -> list[int]:
        """Milliseconds between one event and the next."""
        times = sorted(event["event_at"] for event in self.events)
        return [(after - before) // timedelta(milliseconds=1) for before, after in pairwise(times)]

    def gap_mean(self) -> float | None:
        gaps = self.gaps()
        return sum(gaps) / len(gaps) / 1000 if gaps else None

    def gap_variation(self) -> float | None:
        """Sample standard deviation over mean."""
        gaps = self.gaps()
        if len(gaps) < 2 or not any(gaps):
            return None
        return statistics.stdev(gaps) / statistics.mean(gaps)

    def smoothed_rate(self, positives: str, n: str, prior: float, weight: float) -> float:
        return (math.fsum(self.known(positives)) + weight * prior) / (
            math.fsum(self.known(n)) + weight
        )


def before(
    subject: Event, events: Sequence[Event], keys: Sequence[str], window: timedelta
) -> Before | None:
    """What came before `subject`; None where its key is unknown."""
    if any(subject[key] is None for key in keys):
        return None
    at = subject["event_at"]
    return Before(
        [
            event
            for event in events
            if all(event[key] == subject[key] for key in keys)
            and at - window <= event["event_at"] < at
        ],
        at,
    )


def smoothed_rate(
    subject: Event,
    events: Sequence[Event],
    keys: Sequence[str],
    window: timedelta,
    maturity: timedelta,
    prior: float,
    weight: float,
) -> float:
    """Positives among the subjects whose outcome became known in `[t - window, t)`, shrunk.

    `events` carry `label_known_at`, the time of their positive verdict, or None.
    """
    at, n, positives = subject["event_at"], 0, 0
    for event in events:
        if any(event[key] != subject[key] for key in keys):
            continue
        matured = event["event_at"] + maturity
        verdict = event["label_known_at"]
        known = min(matured, verdict) if verdict is not None else matured
        n += at - window <= known < at
        positives += verdict is not None and at - window <= verdict < at
    return (positives + weight * prior) / (n + weight)
