"""What the name of a file says: words, dates, a time zone."""

import re
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from clickward.warehouse.errors import UserError

ENDINGS = re.compile(r"(\.csv|\.gz|\.zst|\.parquet|\.snappy)+$", re.IGNORECASE)
# What browsers add to a second download.
COPY = re.compile(r"( ?\(\d+\)| - copy)+$", re.IGNORECASE)
DATE = re.compile(r"\d{4}-\d\d-\d\d")
PART = re.compile(r"(part[-\d]*|\d+)", re.IGNORECASE)
APP_ID = re.compile(r"[a-z]\w*(\.[a-z][\w-]*)+", re.IGNORECASE)
LIKE_ZONE = re.compile(r"(utc|gmt)[+-]?\d.*", re.IGNORECASE)
PLAIN = ("utc", "gmt")
REGIONS = frozenset(
    [
        "africa",
        "america",
        "antarctica",
        "arctic",
        "asia",
        "atlantic",
        "australia",
        "europe",
        "indian",
        "pacific",
    ]
)


@dataclass(frozen=True)
class FileName:
    """A file's name, taken apart.

    `before_date` are its parts before the first date, lower case, empty without a date; `words`
    all its words but ids of apps; `zone` the IANA name of the time zone that ends it, if any.
    """

    name: str
    before_date: list[str]
    words: list[str]
    zone: str | None

    @classmethod
    def read(cls, name: str) -> "FileName":
        """Take `name` apart. Raises `UserError` for a zone that does not exist."""
        stem = COPY.sub("", ENDINGS.sub("", name)).replace(" ", "_")
        parts = [part for part in stem.split("_") if part]
        while len(parts) > 1 and PART.fullmatch(parts[-1]) and not DATE.fullmatch(parts[-1]):
            parts.pop()
        dates = [place for place, part in enumerate(parts) if DATE.fullmatch(part)]
        zone, length = _zone_at_end(name, parts, dates[-1] + 1 if dates else None)
        parts = parts[: len(parts) - length]
        before = [part.lower() for part in parts[: dates[0]]] if dates else []
        words = [w for part in parts for w in _words(part)]
        return cls(name, before, words, zone)


def _words(part: str) -> list[str]:
    """The words of one part; none where it is the id of an app, as `com.super.clicks`."""
    return [] if APP_ID.fullmatch(part) else re.findall(r"[a-z]+", part.lower())


def _zone_at_end(name: str, parts: list[str], after_dates: int | None) -> tuple[str | None, int]:
    """The zone that ends a name, and of how many parts it is.

    A zone of one word, as `Japan`, counts after a date only: elsewhere it may mean anything.
    """
    longest = 0 if after_dates is None else len(parts) - after_dates
    for length in range(min(len(parts), 6), 0, -1):
        text = "_".join(parts[-length:]).lower()
        if text in zones() and (length > 1 or length == longest or text in PLAIN):
            return zones()[text], length
    rest = parts[after_dates:] if after_dates is not None else []
    if rest and ((len(rest) > 1 and rest[0].lower() in REGIONS) or LIKE_ZONE.fullmatch(rest[0])):
        raise UserError(
            f"{name}: its name ends in {'_'.join(rest)}, which is no time zone that is known",
            "rename the file: the zone is spelt as in Asia_Singapore or UTC",
        )
    return None, 0


@cache
def zones() -> dict[str, str]:
    """IANA names by their spelling in file names, `asia_singapore`."""
    return {name.replace("/", "_").lower(): name for name in sorted(available_timezones())}


def normal(name: str) -> str:
    """A report's name as compared: lower case, words joined by `_`."""
    return "_".join(re.findall(r"[a-z0-9]+", name.lower()))


def find_words(words: list[str], sought: list[str]) -> int | None:
    """Where `sought` stands in `words`, None where it does not."""
    for place in range(len(words) - len(sought) + 1):
        if words[place : place + len(sought)] == sought:
            return place
    return None
