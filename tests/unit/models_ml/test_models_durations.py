"""Durations and instants as people write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickward.warehouse.durations import (
    format_duration,
    format_instant,
    parse_duration,
    parse_instant,
)
from clickward.warehouse.errors import UsageError


@given(st.integers(min_value=0, max_value=10**12))
def test_duration_round_trip(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "hours"), [("36h", 36), ("7d", 168), ("90m", 1.5), ("1d12h", 36), ("2w", 336)]
)
def test_durations_read(text: str, hours: float) -> None:
    assert parse_duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize(("text", "written"), [("36h", "36h"), ("48h", "2d"), ("2w", "14d")])
def test_durations_written_in_the_largest_exact_unit(text: str, written: str) -> None:
    assert format_duration(parse_duration(text)) == written


@pytest.mark.parametrize("text", ["", "7", "d", "7 days", "-3d", "1.5h", "99999999999999w"])
def test_durations_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"duration|longer than time"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2017-11-06", 0), ("2017-11-06T16:00:00", 16), ("2017-11-06 16:00", 16),
     ("2017-11-06T16:00:00Z", 16), ("2017-11-06T18:00:00+02:00", 16)],
)  # fmt: skip
def test_instants_are_utc(text: str, hour: int) -> None:
    assert parse_instant(text) == datetime(2017, 11, 6, hour, tzinfo=UTC)


def test_instants_refused() -> None:
    with pytest.raises(UsageError, match="not a date"):
        parse_instant("yesterday")


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))
def test_instant_round_trip_to_the_millisecond(instant: datetime) -> None:
    kept = instant.replace(microsecond=instant.microsecond // 1000 * 1000, tzinfo=UTC)
    assert parse_instant(format_instant(instant)) == kept
