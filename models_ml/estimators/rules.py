"""An analyst's rules as a model: the baseline that needs no training."""

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl

from clickward.models_ml.estimators.base import Estimator
from clickward.models_ml.estimators.rule_table import Rule, applicable, read_rules
from clickward.models_ml.estimators.search import Parameter, text_or_none
from clickward.warehouse.content import sha256_text
from clickward.warehouse.errors import UserError

RULES = "rules.json"
APP = "__app"


class Rules(Estimator):
    """Points for each hand-written rule that holds; labels are never seen.

    The rules stand in a table (`models_ml/estimators/rule_thresholds.csv`, or
    `--param table=FILE`), where a row with an app overrides the rule of its name for that
    app. Rules whose feature is not given are left out. A rule on an unknown value does not hold.
    Explanations are the points of each feature's rules and sum to the score.
    """

    name = "rules"
    is_supervised = False
    library = "clickward"
    kind: ClassVar[str] = "baseline"
    hyper_parameters: ClassVar[dict[str, Parameter]] = {"table": text_or_none()}

    def __init__(self, table: str | None = None, random_state: int = 0) -> None:
        self.table = table
        self.random_state = random_state

    def inputs(self) -> dict[str, str]:
        """The table's content: another table is another model."""
        rules = read_rules(self.table)
        return {"rules": sha256_text(json.dumps([vars(rule) for rule in rules]))}

    def _fit(self, X: pl.DataFrame, y: Any) -> None:
        rules = read_rules(self.table)
        self.rules_ = [rule for rule in rules if rule.feature in self.numeric_]
        if not self.rules_:
            raise UserError(
                f"no rule reads a feature of these {len(self.static_)} columns",
                "write rules for them in a table of your own: --param table=FILE",
            )
        if any(rule.app for rule in self.rules_) and self._app_column() is None:
            raise UserError(
                "rules for single apps need a feature that names the app, ending in __app",
                "remove the rows with an app from the table, or add the feature",
            )

    def _score(self, X: pl.DataFrame) -> np.ndarray:
        return self._explain(X).sum(axis=1)

    def _explain(self, X: pl.DataFrame) -> np.ndarray:
        name = self._app_column()
        apps = pl.Series([None] * X.height, dtype=pl.String) if name is None else X[name]
        values = self._numbers(X)
        points = np.zeros((X.height, len(self.static_)))
        for app in apps.unique():
            rows = np.flatnonzero(apps.eq_missing(app).to_numpy())
            for rule in applicable(self.rules_, app):
                holds = rule.holds(values[rows, self.numeric_.index(rule.feature)])
                points[rows, self.static_.index(rule.feature)] += rule.points * holds
        return points

    def _app_column(self) -> str | None:
        """The category that names the app, where there is one."""
        return next((name for name in self.categorical_ if name.endswith(APP)), None)

    def _save(self, folder: Path) -> None:
        rules = [vars(rule) for rule in self.rules_]
        (folder / RULES).write_text(json.dumps(rules, indent=2) + "\n")

    def _load(self, folder: Path) -> None:
        self.rules_ = [Rule(**rule) for rule in json.loads((folder / RULES).read_text())]
