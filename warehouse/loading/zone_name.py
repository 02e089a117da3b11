"""The time zone that the name of a file ends in, as `…_2026-01-06_Asia_Singapore.csv` does."""

import re
from functools import cache
from zoneinfo import available_timezones

from clickward.warehouse.errors import UserError

MONTH_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
DAY = rf"\d{{4}}-\d\d-\d\d|(?<![a-z0-9])(?:19|20)\d\d{MONTH_DAY}"
# A day, and a dash after it that joins it to a word.
DATED = re.compile(rf"(?<!\d)({DAY})(?:-(?=[a-z])|(?![-\d]))", re.IGNORECASE)
PART = re.compile(r"(part[-\d]*|\d+)", re.IGNORECASE)
PLAIN = ("UTC", "GMT")
LONGEST = 8
OFFSET = re.compile(r"(utc|gmt)?[+-]\d\d?(:?\d\d)?|(utc|gmt)\d.*", re.IGNORECASE)
SIGNED = re.compile(r"(utc|gmt)(plus|minus|[+-]).*", re.IGNORECASE)
REGIONS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)
JOINED_REGION = re.compile(f"({'|'.join(REGIONS)})[A-Z].*")
# What several zones are called, or one without its summer time. Those that are words, too, only in
# capitals.
ABBREVIATIONS = frozenset(
    [
        *["acdt", "acst", "adt", "aedt", "aest", "akdt", "akst", "awst", "brt", "bst", "cdt"],
        *["cest", "cst", "edt", "eest", "gst", "hdt", "hkt", "jst", "kst", "mdt", "msk", "ndt"],
        *["npt", "nst", "nzdt", "nzst", "pdt", "pht", "pkt", "pst", "sast", "sgt", "trt", "wib"],
    ]
)
CAPITALS = frozenset(["ART", "AST", "CAT", "EAT", "ICT", "IST", "WAT", "WEST", "WIT", "WITA"])


def zone_of_name(name: str, stem: str) -> str | None:
    """The IANA name of the zone that ends `stem`, the name without its endings.

    Words are joined by `_`, `-` or nothing, in any case. A zone of one word, as `Japan`, counts
    right after a date only: elsewhere it may mean anything. Raises `UserError` for what stands in
    the place of a zone and is none: an offset, an abbreviation, a city that is not known.
    """
    words = _split(stem)
    days = [place for place, word in enumerate(words) if re.fullmatch(DAY, word)]
    rest = words[days[-1] + 1 :] if days else []
    for length in range(min(len(words), LONGEST), 0, -1):
        zone = _zone(words[-length:])
        if zone and (_is_clear(zone) or length == len(rest)):
            return zone
    ends = rest if days else words[-1:]
    if _is_none(ends, is_dated=bool(days)):
        raise UserError(
            f"{name}: its name ends in {'_'.join(ends)}, which is no time zone that is known",
            "rename the file: the zone is spelt as in Asia_Singapore or UTC",
        )
    return _before_words(rest)


def _split(stem: str) -> list[str]:
    """The words of a name, each day one, without the numbers of parts at its end."""
    spaced = DATED.sub(r"_\1_", stem)
    words = [word for word in re.split(r"_+|-+(?=[A-Za-z])", spaced) if word]
    while len(words) > 1 and PART.fullmatch(words[-1]):
        words.pop()
    return words


def _before_words(rest: list[str]) -> str | None:
    """The zone that stands right after the days and before other words, as in `UTC_raw`."""
    for length in range(len(rest) - 1, 0, -1):
        zone = _zone(rest[:length])
        if zone and _is_clear(zone):
            return zone
    return None


def _is_none(ends: list[str], is_dated: bool) -> bool:
    """Whether words in the place of a zone are meant as one that cannot be used."""
    if not ends:
        return False
    first, last = ends[0], ends[-1]
    if SIGNED.fullmatch("".join(ends[:2])):
        return True
    if not is_dated:
        return False
    is_region = (first.title() in REGIONS and len(ends) > 1) or JOINED_REGION.fullmatch(first)
    if is_region and _before_words(ends) is None:
        return True
    return any(
        OFFSET.fullmatch(word) or word.lower() in ABBREVIATIONS or word in CAPITALS
        for word in (first, last)
    )


def _is_clear(zone: str) -> bool:
    """False for a zone of one word, which may mean anything."""
    return "/" in zone or zone in PLAIN


def _zone(words: list[str]) -> str | None:
    return _zones().get(_joined("_".join(words)))


def _joined(text: str) -> str:
    """A name as compared: lower case, nothing between words; the sign of a number stays."""
    return re.sub(r"[-_/]+(?=[a-z])", "", text.lower())


@cache
def _zones() -> dict[str, str]:
    """IANA names by what is compared."""
    return {_joined(name): name for name in sorted(available_timezones())}
