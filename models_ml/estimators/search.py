"""Search spaces: what a hyper-parameter may be, as data that tuning and documentation read."""

import numbers
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


# Above it no count and no number of a family makes sense, or a library overflows.
MOST = 2**31 - 1
LARGEST = 1e12


@dataclass(frozen=True)
class Parameter:
    """What a hyper-parameter may be, said once for checks, tuning and documentation.

    A number from `low` to `high`, the ends left out where `above` and `below` say so, or one of
    `values`, or any text where `text`, or beside a count a share of the rows. `tuned` is the part
    worth searching.
    """

    low: float | None = None
    high: float | None = None
    is_whole: bool = False
    above: bool = False
    below: bool = False
    values: tuple[str | int | float | None, ...] = ()
    text: bool = False
    or_share: bool = False
    tuned: Range | None = None

    def admits(self, value: object) -> bool:
        """Whether it makes sense; numbers that are not finite never do, nor True and False."""
        if any(value is one or (type(value) is type(one) and value == one) for one in self.values):
            return True
        if isinstance(value, str):
            return self.text
        if self.low is None or self.high is None or isinstance(value, bool):
            return False
        if not isinstance(value, numbers.Real):
            return False
        number = float(value)
        if self.is_whole and not isinstance(value, numbers.Integral):
            return self.or_share and 0 < number < 1
        over = number > self.low if self.above else number >= self.low
        return over and (number < self.high if self.below else number <= self.high)

    def words(self) -> str:
        """What may be given, in words."""
        parts = []
        if self.low is not None and self.high is not None:
            kind = "a whole number" if self.is_whole else "a number"
            begin = f"above {self.low:g}" if self.above else f"from {self.low:.10g}"
            most = {MOST: "", LARGEST: ""}.get(self.high, f" to {self.high:.10g}")
            end = f" and below {self.high:g}" if self.below else most
            parts.append(f"{kind} {begin}{end or ' on'}")
        parts += ["a share of the rows between 0 and 1"] if self.or_share else []
        parts += ["a text"] if self.text else []
        parts += ["null" if one is None else str(one) for one in self.values]
        return " or ".join(parts)


def whole(
    low: int, high: int = MOST, also: tuple[str | int | float | None, ...] = (),
    or_share: bool = False, tuned: Range | None = None,
) -> Parameter:  # fmt: skip
    """A whole number from `low` to `high`, or one of `also`."""
    return Parameter(low, high, is_whole=True, values=also, or_share=or_share, tuned=tuned)


def real(
    low: float, high: float = LARGEST, above: bool = False, below: bool = False,
    also: tuple[str | int | float | None, ...] = (), tuned: Range | None = None,
) -> Parameter:  # fmt: skip
    """A number from `low` to `high`, ends left out by `above` and `below`, or one of `also`."""
    return Parameter(low, high, above=above, below=below, values=also, tuned=tuned)


def one_of(*values: str | int | float | None, tuned: Range | None = None) -> Parameter:
    """One of `values`."""
    return Parameter(values=values, tuned=tuned)


def text_or_none() -> Parameter:
    """A text, such as a file's name, or nothing."""
    return Parameter(values=(None,), text=True)


def searched(parameters: dict[str, Parameter]) -> dict[str, Range]:
    """The part of each parameter that is worth searching; those without are left out."""
    return {name: one.tuned for name, one in parameters.items() if one.tuned is not None}
