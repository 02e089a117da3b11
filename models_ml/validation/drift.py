"""How far test rows differ from training rows, and whether folds agree about publishers."""

import numpy as np
import polars as pl

from clickward.models_ml.evaluation.bootstrap import Weightings, interval, weightings
from clickward.models_ml.evaluation.measurement import Measurement
from clickward.models_ml.evaluation.metrics.ranking import Ranking, cumulated, ranked
from clickward.models_ml.evaluation.metrics.shift import codes_of, stability_index
from clickward.models_ml.evaluation.metrics.stability import kendall_tau, mean_scores, most_frequent
from clickward.models_ml.validation.fold import FoldData, Outcome
from clickward.models_ml.validation.history import History

SCORES, SHIFT = "scores", "train_vs_test"
# Small trees suffice to tell two weeks apart, and cost little beside the models.
ADVERSARY = {"n_estimators": 60, "max_depth": 3, "learning_rate": 0.1}
ADVERSARY_ROWS = 20_000
ADVERSARY_FOLDS = 3


def feature_shift(history: History, data: FoldData, resamples: int, seed: int) -> list[Measurement]:
    """The population-stability index of every feature, train against test, and its limit.

    Sequences are left out.
    """
    blocks = history.rows.blocks[data.train], history.rows.blocks[data.test]
    weights = weightings(np.concatenate(blocks), resamples, seed)
    found: list[Measurement] = []
    for name in data.columns:
        column = history.frame.X[name]
        if column.dtype == pl.List:  # a sequence has no bins
            continue
        found += _shift(
            f"feature:{name}", column[data.train], column[data.test], weights, blocks, seed
        )
    return found


def score_shift(
    history: History, data: FoldData, outcome: Outcome, resamples: int, seed: int
) -> list[Measurement]:
    """The same of a model's scores, on a sample of the training rows and all test rows."""
    if outcome.scores is None or outcome.train_scores is None:
        return []
    blocks = history.rows.blocks[data.train_sample], history.rows.blocks[data.test]
    weights = weightings(np.concatenate(blocks), resamples, seed)
    before, after = pl.Series(outcome.train_scores), pl.Series(outcome.scores)
    return _shift(SCORES, before, after, weights, blocks, seed)


def _shift(
    segment: str,
    before: pl.Series,
    after: pl.Series,
    weights: Weightings,
    blocks: tuple[np.ndarray, np.ndarray],
    seed: int,
) -> list[Measurement]:
    old, new, bins = codes_of(before, after)
    shift = stability_index(old, new, bins, weights, blocks, seed)
    ends = interval(shift.draws, weights.has_intervals, basic=True)
    n = len(old) + len(new)
    limit = None if np.isnan(shift.limit) else shift.limit
    return [
        Measurement(segment, "psi", ends.value, ends.low, ends.high, n),
        Measurement(segment, "psi_limit", limit, None, None, n),
    ]


def publisher_stability(
    first: tuple[FoldData, Outcome], second: tuple[FoldData, Outcome], resamples: int, seed: int
) -> list[Measurement]:
    """Kendall's tau between the publishers' mean scores in two folds' test windows."""
    parts: list[tuple[FoldData, np.ndarray, np.ndarray]] = []
    for data, outcome in (first, second):
        publishers = data.rows.entities.get("publishers")
        if outcome.scores is None or publishers is None:
            return []
        parts.append((data, outcome.scores, publishers))
    blocks = np.concatenate([data.rows.blocks for data, _, _ in parts])
    weights = weightings(blocks, resamples, seed)
    codes = np.concatenate([codes for _, _, codes in parts])
    chosen = most_frequent(codes)
    renamed = np.append(np.full(int(codes.max(initial=0)) + 1, -1), -1)
    renamed[chosen] = np.arange(len(chosen))
    cut = len(parts[0][0].test)
    means = []
    for part, (_, scores, entities) in zip((slice(cut), slice(cut, None)), parts, strict=True):
        here = Weightings(weights.places[part], weights.blocks)
        known = np.where(entities >= 0, renamed[entities], -1)
        table = np.full((len(weights.blocks), len(chosen)), np.nan)
        found = mean_scores(scores, known, here)
        table[:, : found.shape[1]] = found
        means.append(table)
    ends = interval(kendall_tau(*means), weights.has_intervals)
    n = int((~np.isnan(means[0][0]) & ~np.isnan(means[1][0])).sum())
    return [Measurement(SCORES, "publisher_kendall_tau", ends.value, ends.low, ends.high, n)]


def adversary_scores(history: History, data: FoldData, seed: int) -> Outcome:
    """Scores of a model that tells test rows from training rows, each out of its own fold.

    Folds keep whole days together: days seen in training would be recognised for themselves.
    The rows are `adversary_rows`.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    from clickward.models_ml.training.run import build_estimator

    rows, is_test = adversary_rows(data)
    X = history.frame.X[rows].select(data.columns)
    days = history.rows.days[rows]
    counts = [len(np.unique(days[is_test == side])) for side in (0, 1)]
    folds = min(ADVERSARY_FOLDS, *counts)
    if folds < 2:
        return Outcome(None, note="fewer than two days on one side: no adversarial validation")
    scores = np.zeros(len(rows))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for fitted, held in splitter.split(rows, is_test, days):
        if len(np.unique(is_test[fitted])) < 2:
            return Outcome(None, note="days of one side only: no adversarial validation")
        model = build_estimator("xgboost", ADVERSARY, seed)
        scores[held] = model.fit(X[fitted], is_test[fitted]).predict_score(X[held])
    return Outcome(scores)


def adversary_rows(data: FoldData) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the rows to tell apart, at most 20,000, and 1 where a row is of the test."""
    rows = np.concatenate([data.train, data.test])
    is_test = np.repeat([0, 1], [len(data.train), len(data.test)]).astype(np.uint8)
    if len(rows) > ADVERSARY_ROWS:
        rng = np.random.default_rng(data.fold.number)
        chosen = np.sort(rng.choice(len(rows), ADVERSARY_ROWS, replace=False))
        rows, is_test = rows[chosen], is_test[chosen]
    return rows, is_test


def adversarial_auc(
    history: History, data: FoldData, outcome: Outcome, resamples: int, seed: int
) -> list[Measurement]:
    """How well test rows can be told from training rows: ROC AUC, one half where they cannot."""
    rows, is_test = adversary_rows(data)
    if outcome.scores is None:
        return [Measurement(SHIFT, "roc_auc", None, None, None, len(rows))]
    weights = weightings(history.rows.blocks[rows], resamples, seed)
    ranking = Ranking(outcome.scores)
    drawn = weights.blocks[:, weights.places[ranking.order]]
    _, draws = ranked(ranking, ranking.positions(is_test == 1), drawn, cumulated(drawn))
    auc = interval(draws, weights.has_intervals)
    return [Measurement(SHIFT, "roc_auc", auc.value, auc.low, auc.high, len(rows))]
