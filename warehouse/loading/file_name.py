"""What the name of a file says: words, dates, a time zone."""

import re
from dataclasses import dataclass

from clickward.warehouse.loading.zone_name import PART, zone_of_name

ENDINGS = re.compile(r"(\.csv|\.gz|\.zst|\.parquet|\.snappy)+$", re.IGNORECASE)
# What browsers add to a second download.
COPY = re.compile(r"( ?\(\d+\)| - copy)+$", re.IGNORECASE)
DATE = re.compile(r"\d{4}-\d\d-\d\d")
APP_ID = re.compile(r"[a-z]\w*(\.[a-z][\w-]*)+", re.IGNORECASE)


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
        """Take `name` apart. Raises `UserError` for a zone that cannot be used."""
        stem = COPY.sub("", ENDINGS.sub("", name)).replace(" ", "_")
        parts = [part for part in stem.split("_") if part]
        while len(parts) > 1 and PART.fullmatch(parts[-1]) and not DATE.fullmatch(parts[-1]):
            parts.pop()
        dates = [place for place, part in enumerate(parts) if DATE.fullmatch(part)]
        before = [part.lower() for part in parts[: dates[0]]] if dates else []
        words = [w for part in parts for w in _words(part)]
        return cls(name, before, words, zone_of_name(name, stem))


def _words(part: str) -> list[str]:
    """The words of one part; none where it is the id of an app, as `com.super.clicks`."""
    return [] if APP_ID.fullmatch(part) else re.findall(r"[a-z]+", part.lower())


def normal(name: str) -> str:
    """A report's name as compared: lower case, words joined by `_`."""
    return "_".join(re.findall(r"[a-z0-9]+", name.lower()))


def find_words(words: list[str], sought: list[str]) -> int | None:
    """Where `sought` stands in `words`, None where it does not."""
    for place in range(len(words) - len(sought) + 1):
        if words[place : place + len(sought)] == sought:
            return place
    return None
