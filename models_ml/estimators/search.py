"""Search spaces: what a hyper-parameter may be, as data that tuning and documentation read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`, both included; on a logarithmic scale if `log`."""

    low: int
    high: int
    log: bool = False

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and self.low <= value <= self.high


@dataclass(frozen=True)
class Real:
    """A number from `low` to `high`; on a logarithmic scale if `log`."""

    low: float
    high: float
    log: bool = False

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of `values`."""

    values: tuple[str | int | float | bool | None, ...]

    def __contains__(self, value: object) -> bool:
        return value in self.values


Range = Whole | Real | Choice
