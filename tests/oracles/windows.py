"""Windowed features by looping over every earlier event: slow, and plainly right."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Event = dict[str, Any]


@dataclass(frozen=True)
class Before:
    """The events of the subject's key with `t - window <= event_at < t`."""

    events: Sequence[Event]
    at: datetime

    def count(self) -> int:
        return len(self.events)

    def distinct(self, column: str) -> int:
        return len({event[column] for event in self.events if event[column] is not None})

    def share(self, holds: Callable[[Event], bool | None]) -> float | None:
        answers = [holds(event) for event in self.events]
        known = [answer for answer in answers if answer is not None]
        return sum(known) / len(known) if known else None

    def seconds_since_last(self) -> float | None:
        times = [event["event_at"] for event in self.events]
        return (self.at - max(times)).total_seconds() if times else None


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
