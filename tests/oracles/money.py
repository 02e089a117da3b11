"""Money in one currency, in plain Python: the rate in force on a day, and what has none."""

from dataclasses import dataclass
from datetime import date

NOTHING = {"", "NULL", "NONE", "N/A", "NAN", "UNKNOWN", "UNDEFINED", "-"}


def code(text: str | None) -> str:
    """A currency in capitals; empty where the text says nothing."""
    capitals = (text or "").strip().upper()
    return "" if capitals in NOTHING else capitals


@dataclass(frozen=True)
class Rates:
    """Rates into a currency: first day, currency, units of `into` for one of it."""

    into: str = "USD"
    table: tuple[tuple[date, str, float], ...] = ()
    unstated: str = ""

    def converted(self, amount: float | None, currency: str | None, day: date) -> float | None:
        """An amount in `into`, to millionths; None where nothing is stated or no rate is known."""
        stated = code(currency) or self.unstated
        if amount is None or not stated:
            return None
        if stated == self.into:
            return round(amount, 6)
        known = [(first, rate) for first, named, rate in self.table
                 if named == stated and first <= day]  # fmt: skip
        return round(amount * max(known)[1], 6) if known else None


def known_sum(amounts: list[float | None], is_unknown: list[bool]) -> float | None:
    """The sum of what is known; None where something is unknown and nothing known."""
    known = [amount for amount in amounts if amount is not None]
    return None if any(is_unknown) and not known else sum(known)
