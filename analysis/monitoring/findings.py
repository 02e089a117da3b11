"""One judgement of `clickward monitor`, and what a scheduler is told of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """`unknown`: there is nothing to judge yet, which alarms nobody."""

    OK = "ok"
    ALARM = "alarm"
    UNKNOWN = "unknown"


# In the order in which one explains the next: late data halve volumes, and so on.
EXIT_CODES = {
    "freshness": 10,
    "volume": 11,
    "drift": 12,
    "score distribution": 13,
    "model quality": 14,
}


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was seen, the limit it was held against, and what to do."""

    check: str
    subject: str
    state: State
    value: float | None
    limit: float | None
    seen: str
    advice: str = ""


def exit_code(findings: Sequence[Finding]) -> int:
    """0 where nothing alarms, else the code of the first kind of check that does."""
    alarms = {finding.check for finding in findings if finding.state is State.ALARM}
    return next((code for check, code in EXIT_CODES.items() if check in alarms), 0)
