"""How hard a simulated world is, measured on its hidden truth through the project's own features.

A world that one cut separates teaches nothing, and one that a model masters shows nothing: the
figures here say whether a world lies between. All of them take the truth, for training too, so
that they bound what any verdict source could teach.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score, roc_auc_score

from clickward.models_ml.dataset.frames import TrainingFrame, read_frame
from clickward.models_ml.dataset.labels import read_truth_rows
from clickward.models_ml.dataset.snapshot import pull_snapshot
from clickward.models_ml.dataset.splits import Fold, PrequentialSplit
from clickward.models_ml.training.fitting import fit
from clickward.models_ml.training.run import build_estimator
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.errors import UserError

RESAMPLES = 400
SHUFFLES = 3


@dataclass(frozen=True)
class Interval:
    """A value with the 95 % interval of its bootstrap."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Week:
    """One test window: its installs, frauds, and those of attacks that training never saw."""

    number: int
    installs: int
    frauds: int
    unseen: int
    retrained: float
    frozen: float


@dataclass(frozen=True)
class Difficulty:
    """The figures of one world; `single` holds the features by falling ROC AUC.

    `boosting` and `rules` are the average precision over all test windows; `before` and `after`
    that of the model last trained before the new attacks, on the weeks before and with them.
    """

    single: pl.DataFrame
    boosting: Interval
    rules: Interval
    before: Interval
    after: Interval
    shuffled: Interval
    weeks: list[Week]


@dataclass(frozen=True)
class History:
    """Installs with the attack behind each, null where honest."""

    frame: TrainingFrame
    attacks: pl.Series

    @property
    def is_fraud(self) -> np.ndarray:
        return self.attacks.is_not_null().to_numpy().astype(np.uint8)


def read_history(warehouse: Warehouse, feature_set: FeatureSet) -> History:
    """Every install of the store with its features and truth."""
    snapshot = pull_snapshot(warehouse, feature_set)
    frame = read_frame(snapshot.path)
    truth = read_truth_rows(warehouse, feature_set, frame.ids)
    attacks = None if truth is None else truth["attack_name"]
    if attacks is None:
        raise UserError("the store holds no truth", "run `clickward load truth FILE`")
    return History(frame, attacks)


def measure(history: History, split: PrequentialSplit, seed: int = 0) -> Difficulty:
    """The difficulty of the world over the test windows of `split`."""
    frame, is_fraud = history.frame, history.is_fraud
    folds = split.folds(frame.times)
    retrained = {fold.number: _scores(history, fold, fold, is_fraud, seed) for fold in folds}
    last_known = _last_before_new_attacks(history, folds)
    frozen = {
        fold.number: retrained[fold.number]
        if fold.number <= last_known.number
        else _scores(history, last_known, fold, is_fraud, seed)
        for fold in folds
    }
    rows = {fold.number: fold.test_rows(frame.times) for fold in folds}
    tested = np.concatenate(list(rows.values()))
    early = [fold.number for fold in folds if fold.number <= last_known.number]
    late = [fold.number for fold in folds if fold.number > last_known.number]
    return Difficulty(
        single=single_features(frame.X[tested], is_fraud[tested]),
        boosting=_precision(is_fraud[tested], np.concatenate(list(retrained.values())), seed),
        rules=_precision(is_fraud[tested], rule_scores(frame.X[tested]), seed),
        before=_pooled(is_fraud, rows, frozen, early, seed),
        after=_pooled(is_fraud, rows, frozen, late, seed),
        shuffled=_shuffled(history, folds, seed),
        weeks=[
            _week(history, fold, rows[fold.number], last_known, retrained, frozen) for fold in folds
        ],
    )


def single_features(X: pl.DataFrame, is_fraud: np.ndarray) -> pl.DataFrame:
    """ROC AUC of each feature alone, the better of its two directions: feature, roc_auc.

    A missing value is tried at either end; a category stands for its own rate of fraud, which
    flatters it.
    """
    rates = []
    for name in X.columns:
        column = X[name]
        if column.dtype == pl.String:
            pairs = pl.DataFrame({"category": column, "is_fraud": is_fraud})
            rate = pairs.select(pl.col("is_fraud").mean().over("category"))["is_fraud"]
            candidates = [rate.to_numpy()]
        else:
            values = column.cast(pl.Float64)
            candidates = [values.fill_null(end).to_numpy() for end in (-1e18, 1e18)]
        found = [roc_auc_score(is_fraud, candidate) for candidate in candidates]
        rates.append((name, max(max(auc, 1 - auc) for auc in found)))
    schema = {"feature": pl.String, "roc_auc": pl.Float64}
    return pl.DataFrame(rates, schema, orient="row").sort("roc_auc", descending=True)


def rule_scores(X: pl.DataFrame) -> np.ndarray:
    """Points `(n,)` an analyst's rules give each install: the sum over the rules that hold."""
    return build_estimator("rules", {}, 0).fit(X).predict_score(X)


def _scores(
    history: History, trained_on: Fold, tested_on: Fold, labels: np.ndarray, seed: int
) -> np.ndarray:
    frame = history.frame
    rows = trained_on.train_rows(frame.times)
    model = fit(build_estimator("xgboost", {}, seed), frame, rows, labels[rows])
    return model.predict_score(frame.X[tested_on.test_rows(frame.times)])


def _last_before_new_attacks(history: History, folds: list[Fold]) -> Fold:
    """The last fold before the first whose test window holds an attack new to its training."""
    new = [fold.number for fold in folds if _unseen(history, fold, fold).any()]
    if not new or new[0] == 0:
        raise UserError("this world has no weeks of new attacks after weeks without any")
    return folds[new[0] - 1]


def _unseen(history: History, trained_on: Fold, tested_on: Fold) -> np.ndarray:
    """Which test rows belong to an attack that training never saw."""
    times = history.frame.times
    seen = history.attacks[trained_on.train_rows(times)].drop_nulls().unique()
    tested = history.attacks[tested_on.test_rows(times)]
    return (tested.is_not_null() & ~tested.is_in(seen.implode())).fill_null(False).to_numpy()


def _week(
    history: History,
    fold: Fold,
    rows: np.ndarray,
    last_known: Fold,
    retrained: dict[int, np.ndarray],
    frozen: dict[int, np.ndarray],
) -> Week:
    truth = history.is_fraud[rows]
    trained_on = fold if fold.number <= last_known.number else last_known
    return Week(
        number=fold.number,
        installs=len(rows),
        frauds=int(truth.sum()),
        unseen=int(_unseen(history, trained_on, fold).sum()),
        retrained=average_precision_score(truth, retrained[fold.number]),
        frozen=average_precision_score(truth, frozen[fold.number]),
    )


def _pooled(
    is_fraud: np.ndarray,
    rows: dict[int, np.ndarray],
    scores: dict[int, np.ndarray],
    numbers: list[int],
    seed: int,
) -> Interval:
    truth = np.concatenate([is_fraud[rows[number]] for number in numbers])
    return _precision(truth, np.concatenate([scores[number] for number in numbers]), seed)


def _precision(truth: np.ndarray, scores: np.ndarray, seed: int) -> Interval:
    """Average precision with a percentile bootstrap over installs."""
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(RESAMPLES):
        rows = rng.integers(0, len(truth), len(truth))
        draws.append(average_precision_score(truth[rows], scores[rows]))
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(average_precision_score(truth, scores), low, high)


def _shuffled(history: History, folds: list[Fold], seed: int) -> Interval:
    """ROC AUC where labels mean nothing: mean and range over several shuffles."""
    found = []
    for number in range(SHUFFLES):
        labels = np.random.default_rng([seed, number]).permutation(history.is_fraud)
        scores = np.concatenate([_scores(history, fold, fold, labels, seed) for fold in folds])
        rows = np.concatenate([fold.test_rows(history.frame.times) for fold in folds])
        found.append(roc_auc_score(labels[rows], scores))
    return Interval(float(np.mean(found)), min(found), max(found))


def weekly(train: int = 14, delay: int = 3, test: int = 7) -> PrequentialSplit:
    """The protocol in days, a step being a test window."""
    days = [timedelta(days=count) for count in (train, delay, test, test)]
    return PrequentialSplit(*days)
