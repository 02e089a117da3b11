"""Durations and instants as people write them: `36h`, `7d`, `2017-11-06 16:00`."""

import re
from datetime import UTC, datetime, timedelta

from clickward.warehouse.errors import UsageError

UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
# A day inside what the engine's DateTime64 can hold, in any time zone.
FIRST_YEAR, LAST_YEAR = 1901, 2298
# Weeks are read but never written: `14d` compares more easily with `3d`.
WRITTEN = ("d", "h", "m", "s", "ms")
_PART = re.compile(r"(\d+)(ms|[wdhms])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration(text: str) -> timedelta:
    """`36h`, `7d`, `90m`, `1d12h` as a timedelta. Raises `UsageError` on anything else."""
    words = text.strip().lower()
    if not _WHOLE.fullmatch(words):
        raise UsageError(f"{text!r} is not a duration", "write it like 90m, 36h, 7d or 1d12h")
    try:
        return sum((int(n) * UNITS[unit] for n, unit in _PART.findall(words)), timedelta())
    except OverflowError as error:
        raise UsageError(f"{text!r} is longer than time itself") from error


def format_duration(duration: timedelta) -> str:
    """The shortest exact text of a duration of whole milliseconds: `90m`, `36h`, `7d`."""
    if duration < timedelta() or duration % UNITS["ms"]:
        raise ValueError(f"expected whole milliseconds from 0 up, found {duration!r}")
    if not duration:
        return "0h"
    unit = next(name for name in WRITTEN if not duration % UNITS[name])
    return f"{duration // UNITS[unit]}{unit}"


def about(duration: timedelta) -> str:
    """A duration for people to read, to two units: `2d 23h`, `45s`."""
    left = duration
    parts: list[str] = []
    for name in WRITTEN:
        count, left = divmod(left, UNITS[name])
        if count:
            parts.append(f"{count}{name}")
        if len(parts) == 2:
            break
    return " ".join(parts) or "0s"


def parse_instant(text: str) -> datetime:
    """A date or timestamp as an instant; UTC where it names no zone. Raises `UsageError`."""
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a date or time", "write it like 2017-11-06 or 2017-11-06T16:00:00"
        ) from error
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise UsageError(
            f"{text!r} is no time that tables can hold", f"they hold {FIRST_YEAR} to {LAST_YEAR}"
        )
    return as_utc(instant)


def parse_bound(text: str | None) -> datetime | None:
    """`parse_instant` of an option that may be left out."""
    return None if text is None else parse_instant(text)


def as_utc(instant: datetime) -> datetime:
    """The same instant in UTC, to the millisecond below; a naive one is UTC already."""
    aware = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000)


def format_instant(instant: datetime) -> str:
    """ISO text in UTC; milliseconds only where there are any."""
    utc = as_utc(instant)
    precision = "milliseconds" if utc.microsecond else "seconds"
    return utc.replace(tzinfo=None).isoformat(sep=" ", timespec=precision)


def utc_now() -> datetime:
    """The wall clock, for ledger rows only: it never decides what a model sees."""
    return as_utc(datetime.now(UTC))
