"""A committed validation as a table: models, variants and folds by metric."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from clickward.models_ml.evaluation.measurement import MATURED, OVERALL, TRUE, UNSEEN
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.run_log import ensure_ml_tables

METRICS = (
    "average_precision",
    "roc_auc",
    "recall_at_fpr_0.5pct",
    "fpr_reached_fpr_0.5pct",
    "recall_at_balanced",
    "net_saved_at_balanced",
)
UNSEEN_METRIC = "recall_at_balanced"
# Segments that hold a model's figures which take no labels.
UNLABELLED = ("scores", "train_vs_test", "training")


@dataclass(frozen=True)
class Comparison:
    """One run's figures: `rows` of `ml.evaluations`, the reading of labels, and what is shown."""

    run_id: str
    committed_at: datetime
    parameters: str
    labels: str
    metrics: tuple[str, ...]
    rows: pl.DataFrame

    def table(self, folds: bool = False) -> list[dict[str, Any]]:
        """One object per model, variant and fold, the best first by the first metric.

        `metrics` holds value, low, high and n of each metric by name, `unseen` those of the
        recall on attacks that training never saw; a figure that does not exist is left out.
        With one fold only, or with `folds`, single folds are shown, and what is no model too.
        """
        keys = ["model", "variant", "train_labels", "fold"]
        cells: dict[tuple[Any, ...], dict[str, Any]] = {}
        judged: set[tuple[Any, ...]] = set()
        wanted = {
            self.labels: self.metrics,
            **dict.fromkeys(UNLABELLED, self.metrics),
            UNSEEN: (UNSEEN_METRIC,),
        }
        for row in self.rows.iter_rows(named=True):
            # Where an attack is held out, what is unseen is that attack.
            segment = UNSEEN if row["segment"] == _held_out(row["variant"]) else row["segment"]
            if row["metric"] not in wanted.get(segment, ()):
                continue
            which = tuple(row[key] for key in keys)
            if segment == self.labels:
                judged.add(which[:3])
            entry = cells.setdefault(which, {**dict(zip(keys, which, strict=True)), "metrics": {}})
            figure = {name: row[name] for name in ("value", "low", "high", "n")}
            if segment == UNSEEN:
                entry["unseen"] = figure
            else:
                entry["metrics"][row["metric"]] = figure
        pooled = {which[:3] for which in cells if which[3] == OVERALL}
        shown = [
            entry
            for which, entry in cells.items()
            if folds or which[3] == OVERALL or which[:3] in judged - pooled
        ]
        return sorted(shown, key=self._rank)

    def _rank(self, entry: dict[str, Any]) -> tuple[Any, ...]:
        value = entry["metrics"].get(self.metrics[0], {}).get("value")
        best = float("inf") if value is None else -value
        return entry["variant"], entry["train_labels"], entry["fold"], best, entry["model"]


def _held_out(variant: str) -> str:
    """`unseen:ATTACK` of a variant that holds it out; empty for the others."""
    attack = next((p for p in variant.split("+") if p.startswith("held_out:")), "")
    return f"{UNSEEN}:{attack.removeprefix('held_out:')}" if attack else ""


def read_comparison(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    run_id: str | None = None,
    metrics: tuple[str, ...] = METRICS,
    labels: str | None = None,
) -> Comparison:
    """The latest committed validation of a feature set, or the run whose id begins so.

    `labels` is the reading shown: the truth where there is one, else matured labels. Raises
    `UserError` where there is no such run, `UsageError` for a metric it does not have.
    """
    ensure_ml_tables(warehouse)
    runs = warehouse.query(
        "select toString(run_id) as id, committed_at, parameters"
        f" from {warehouse.table('ml', 'runs')}"
        " where kind = 'validate' and feature_set = {feature_set:String}"
        " and startsWith(run_id, {prefix:String}) order by committed_at desc",
        feature_set=feature_set.name,
        prefix=run_id or "",
    )
    if runs.is_empty():
        named = f" whose id begins with {run_id}" if run_id else ""
        raise UserError(
            f"no validation of {feature_set.name}{named} is committed",
            f"run `clickward validate {feature_set.name}`",
        )
    run = runs.row(0, named=True)
    rows = warehouse.query(
        "select toString(model) as model, toString(variant) as variant,"
        " toString(train_labels) as train_labels, fold, toString(segment) as segment,"
        " toString(labels) as labels, toString(metric) as metric, value, low, high, n"
        f" from {warehouse.table('ml', 'evaluations')} where run_id = {{run_id:String}}"
        " order by model, variant, fold, segment, metric",
        run_id=run["id"],
    )
    found = set(rows["metric"])
    unknown = [metric for metric in metrics if metric not in found and metric not in METRICS]
    if unknown:
        raise UsageError(
            f"the run has no metric {', '.join(unknown)}", f"it has {', '.join(sorted(found))}"
        )
    readings = set(rows["labels"])
    reading = labels or (TRUE if TRUE in readings else MATURED)
    if reading not in readings:
        raise UsageError(
            f"the run has no results on {reading} labels",
            f"it has {', '.join(sorted(readings - {''}))}",
        )
    return Comparison(run["id"], run["committed_at"], run["parameters"], reading, metrics, rows)
