"""What validation found, fold by fold, and recall on attacks that training never saw."""

from typing import Any

import polars as pl

from clickward.analysis.explorer.scope import Scope
from clickward.models_ml.evaluation.measurement import UNSEEN

SHOWN = (
    "average_precision", "roc_auc", "recall_at_fpr_0.1pct", "recall_at_fpr_0.5pct",
    "recall_at_balanced", "fpr_reached_fpr_0.5pct", "net_saved_at_balanced", "calibration_error",
)  # fmt: skip
SEGMENTS = ("known", "matured", "true")
UNSEEN_METRIC = "recall_at_balanced"
COLUMNS = (
    "toString(model) as model, toString(variant) as variant,"
    " toString(train_labels) as train_labels, fold, test_from, test_to,"
    " toString(segment) as segment, toString(labels) as labels, toString(metric) as metric,"
    " value, low, high, n"
)


def read_folds(scope: Scope) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """`folds` and `unseen` of the latest committed validation of the feature set.

    `unseen` is the recall on attacks that the training window lacked (variant as_is) or that were
    held out on purpose, over all folds; `variant` says which.
    """
    warehouse = scope.warehouse
    run = warehouse.scalar(
        f"select run_id from {warehouse.table('ml', 'runs')} where kind = 'validate'"
        " and feature_set = {name:String} order by committed_at desc, run_id limit 1",
        name=scope.feature_set,
    )
    if run is None:
        return [], []
    rows = warehouse.query(
        f"select {COLUMNS} from {warehouse.table('ml', 'evaluations')}"
        " where feature_set = {name:String} and run_id = {run:String}"
        " order by model, variant, train_labels, fold, segment, metric",
        name=scope.feature_set,
        run=run,
    ).with_columns(pl.col("test_from", "test_to").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    folds = rows.filter(pl.col("segment").is_in(SEGMENTS), pl.col("metric").is_in(SHOWN))
    return folds.to_dicts(), _unseen(rows)


def _unseen(rows: pl.DataFrame) -> list[dict[str, Any]]:
    # All folds together where there are several, else the only one.
    told = pl.col("fold") == pl.col("fold").min().over("model", "variant", "train_labels")
    found = []
    for row in rows.filter(told).filter(metric=UNSEEN_METRIC).iter_rows(named=True):
        kind, _, attack = row["segment"].partition(":")
        if kind != UNSEEN or not attack:
            continue
        found.append(
            {
                "attack": attack, "model": row["model"], "variant": row["variant"],
                "train_labels": row["train_labels"], "recall": row["value"], "low": row["low"],
                "high": row["high"], "n": row["n"],
            }
        )  # fmt: skip
    return found


def read_attacks(scope: Scope) -> list[dict[str, Any]]:
    """The first day and the number of installs of each attack, where the truth is loaded."""
    if not scope.has_truth:
        return []
    warehouse = scope.warehouse
    return warehouse.query(
        "select toString(attack) as attack, toString(min(event_date)) as began, count() as n"
        f" from {warehouse.table('core', 'installs')} as installs"
        f" inner join {warehouse.table('marts', 'install_truth')} as truth"
        " on truth.install_id = installs.install_id group by attack order by began, attack"
    ).to_dicts()
