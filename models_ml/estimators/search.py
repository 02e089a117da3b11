"""Search spaces: what a hyper-parameter may be, as data that tuning and documentation read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`, both included; on a logarithmic scale if `log`."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class Real:
    """A number from `low` to `high`; on a logarithmic scale if `log`."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Choice:
    """One of `values`."""

    values: tuple[str | int | float | bool | None, ...]


Range = Whole | Real | Choice
