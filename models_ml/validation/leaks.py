"""Leaks looked for before any result is shown: labels in features, the future, late labels."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from clickward.models_ml.dataset.labels import as_of_join
from clickward.models_ml.dataset.reading import Span
from clickward.models_ml.dataset.splits import to_datetime
from clickward.models_ml.evaluation.metrics.ranking import rank_metrics
from clickward.models_ml.validation.fold import FoldData
from clickward.models_ml.validation.future import future_leaks
from clickward.models_ml.validation.history import History
from clickward.models_ml.validation.leak import Leak
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.errors import UserError
from clickward.warehouse.log import log

# No honest feature alone separates as well as this; the best of simulated worlds reach 0.84.
SEPARATES = 0.995
# Of rows on which a feature is known, this share positive is no coincidence from so many rows on.
ONLY_POSITIVES, PRESENT_ROWS = 0.995, 20
# Fewer of either class can be separated by chance.
MIN_CLASS = 10
MAX_ROWS = 50_000
SHOWN = 10


def check_leaks(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    history: History,
    folds: list[FoldData],
    allow: bool = False,
) -> list[Leak]:
    """Every leak found. Raises `UserError` naming them, unless `allow`: then they are said."""
    found = [
        *label_leaks(history, folds),
        *late_label_leaks(warehouse, feature_set, folds, history),
    ]
    found += future_leaks(warehouse, feature_set, history, folds)
    if not found:
        return []
    lines = "".join(f"\n  {leak}" for leak in found[:SHOWN])
    more = f"\n  and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    message = f"{len(found)} leak(s) in {feature_set.name}:{lines}{more}"
    if not allow:
        raise UserError(
            message,
            "mend the feature's SQL and build again, or see results nonetheless with --allow-leaks",
        )
    log(f"warning: {message}\n  results are shown for --allow-leaks; do not believe them")
    return found


def label_leaks(history: History, folds: list[FoldData]) -> list[Leak]:
    """Features that are the label in another form, in any fold."""
    found: dict[tuple[str, str], tuple[str, list[int]]] = {}
    for data in folds:
        rows = _sample(np.concatenate([data.train, data.test]), data.fold.number)
        readings = {"label": history.labels(rows, None) == 1}
        if history.attacks is not None:
            readings["truth"] = history.attacks[rows].is_not_null().to_numpy()
        in_training = np.isin(rows, data.train)
        for reading, is_positive in readings.items():
            if min(is_positive.sum(), (~is_positive).sum()) < MIN_CLASS:
                continue
            for name in history.frame.X.columns:
                column = history.frame.X[name][rows]
                for kind, evidence in _suspicions(column, is_positive, in_training, reading):
                    found.setdefault((kind, name), (evidence, []))[1].append(data.fold.number)
    return [
        Leak(kind, name, evidence, _folds(numbers))
        for (kind, name), (evidence, numbers) in found.items()
    ]


def _suspicions(
    column: pl.Series, is_positive: np.ndarray, in_training: np.ndarray, reading: str
) -> Iterable[tuple[str, str]]:
    # A sequence has no order; whether it is there at all is asked below.
    auc = 0.5 if column.dtype == pl.List else separation(column, is_positive, in_training)
    if auc > SEPARATES:
        yield "label in a feature", f"alone it has ROC AUC {auc:.4f} on the {reading}"
    is_known = column.is_not_null().to_numpy()
    known = int(is_known.sum())
    if PRESENT_ROWS <= known < len(column):
        share = float(is_positive[is_known].mean())
        if share >= ONLY_POSITIVES and is_positive.mean() < ONLY_POSITIVES:
            yield (
                "label in a feature",
                f"of {known:,} rows on which it is known {share:.1%} are positive by the {reading},"
                f" of all rows {is_positive.mean():.1%}",
            )


def separation(column: pl.Series, is_positive: np.ndarray, in_training: np.ndarray) -> float:
    """ROC AUC of a feature alone, the better of its directions, `(n,)` each.

    Unknown values are tried at either end. A category stands for its rate of positives in the
    training rows and is measured on the others.
    """
    if column.dtype == pl.String:
        pairs = pl.DataFrame({"category": column, "is_positive": is_positive.astype(np.float64)})
        rates = (
            pairs.filter(pl.Series(in_training)).group_by("category").agg(pl.mean("is_positive"))
        )
        held = pairs.filter(pl.Series(~in_training)).select("category")
        joined = held.join(
            rates, on="category", how="left", nulls_equal=True, maintain_order="left"
        )["is_positive"]
        candidates = [joined.fill_null(float(is_positive[in_training].mean())).to_numpy()]
        truth = is_positive[~in_training]
    else:
        values = column.cast(pl.Float64).fill_nan(None)
        ends = (-np.inf, np.inf) if values.null_count() else (0.0,)
        candidates = [values.fill_null(end).to_numpy() for end in ends]
        truth = is_positive
    if min(truth.sum(), (~truth).sum()) < MIN_CLASS:
        return 0.5
    aucs = [rank_metrics(candidate, truth)["roc_auc"] for candidate in candidates]
    return max(max(auc, 1 - auc) for auc in aucs)


def late_label_leaks(
    warehouse: Warehouse, feature_set: FeatureSet, folds: list[FoldData], history: History
) -> list[Leak]:
    """Training labels that were not known when the test window opened, by the engine's own word.

    The labels used are compared with those of one query as of that instant. Where training
    takes matured labels on purpose there is nothing to compare.
    """
    found = []
    for data in folds:
        if data.variant.is_matured:
            continue
        fold = data.fold
        span = Span(to_datetime(fold.train_from), to_datetime(fold.train_to))
        known = warehouse.query(
            "select toString(v.subject_id) as subject_key, toUInt8(v.label_value) as label_value"
            f" from {as_of_join(warehouse, feature_set)} as v where v.label_value = 1",
            from_at=span.from_at,
            to_at=span.to_at,
            as_of=to_datetime(fold.test_from),
        )
        ids = history.frame.ids[data.train]
        is_known = ids.is_in(known["subject_key"].implode()).to_numpy()
        late = np.flatnonzero((data.y == 1) & ~is_known)
        if len(late):
            found.append(
                Leak(
                    "label known too late",
                    feature_set.target,
                    f"{len(late):,} of {len(ids):,} training rows are positive by verdicts not"
                    f" known at {fold.test_from}, the first {ids[int(late[0])]}",
                    _folds([fold.number]),
                )
            )
    return found


def _sample(rows: np.ndarray, seed: int) -> np.ndarray:
    if len(rows) <= MAX_ROWS:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, MAX_ROWS, replace=False))


def _folds(numbers: list[int]) -> str:
    listed = sorted(set(numbers))
    return f"fold{'s' if len(listed) > 1 else ''} {', '.join(map(str, listed))}"
