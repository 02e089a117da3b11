"""Hand-written rules and the table they stand in: thresholds per app, never in code."""

import csv
import operator
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clickward.warehouse.errors import UserError

TABLE = Path(__file__).with_name("rule_thresholds.csv")
COLUMNS = ["rule", "app", "feature", "comparison", "threshold", "points", "sign_of"]
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}


@dataclass(frozen=True)
class Rule:
    """`points` where `feature` compares with `threshold`; for one `app`, or for all where empty.

    `sign_of` says what the rule is a sign of: an attack, any attack, or a conversion.
    """

    rule: str
    app: str
    feature: str
    comparison: str
    threshold: float
    points: float
    sign_of: str

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Where the rule holds `(n,)`; never on NaN."""
        return COMPARISONS[self.comparison](values, self.threshold) & ~np.isnan(values)


def read_rules(table: str | None = None) -> list[Rule]:
    """The rules of a CSV table, by default the one of the package.

    Raises `UserError` naming the line where the table is no table of rules.
    """
    path = Path(table) if table else TABLE
    if not path.is_file():
        raise UserError(f"no table of rules {path}", f"start from a copy of {TABLE.name}")
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != COLUMNS:
            raise UserError(
                f"{path} has columns {', '.join(reader.fieldnames or [])}",
                f"expected {', '.join(COLUMNS)}",
            )
        rules = [_rule(path, reader.line_num, row) for row in reader]
    seen: set[tuple[str, str]] = set()
    for rule in rules:
        if (rule.rule, rule.app) in seen:
            raise UserError(
                f"{path} has rule {rule.rule!r} twice for {rule.app or 'all apps'}",
                "give each rule a name of its own",
            )
        seen.add((rule.rule, rule.app))
    return rules


def applicable(rules: list[Rule], app: str | None) -> list[Rule]:
    """The rules of one app: its own, and those for all apps that it does not override."""
    own = {rule.rule: rule for rule in rules if rule.app and rule.app == app}
    shared = [own.pop(rule.rule, rule) for rule in rules if not rule.app]
    return [*shared, *own.values()]


def _rule(path: Path, line: int, row: dict[str, str]) -> Rule:
    if row["comparison"] not in COMPARISONS:
        raise UserError(
            f"{path}, line {line}: no comparison {row['comparison']!r}",
            f"comparisons are {', '.join(COMPARISONS)}",
        )
    try:
        threshold, points = float(row["threshold"]), float(row["points"])
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{path}, line {line}: threshold and points are numbers,"
            f" found {row['threshold']!r} and {row['points']!r}",
            "correct the line",
        ) from error
    texts = {name: row[name] for name in ("rule", "app", "feature", "comparison", "sign_of")}
    return Rule(**texts, threshold=threshold, points=points)
