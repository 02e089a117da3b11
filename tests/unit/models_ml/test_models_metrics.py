"""Metrics against scikit-learn, thresholds against counting, intervals against brute force."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from models_ml.bootstrap import bootstrap, resampled_counts
from models_ml.evaluation import Labels, Measurement, Scored, evaluate, flag, pool, unmeasured
from models_ml.metrics import (
    Ranking,
    balanced_threshold,
    measure,
    segment,
    threshold_at_fpr,
)


def measured(scores: np.ndarray, y: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    ranking = Ranking(scores)
    part = segment("known", ranking, y == 1)
    flags = {"t": (scores >= 0.5).astype(float)[ranking.order]}
    values = measure(ranking, [part], flags, weights[ranking.order])
    return dict(zip(part.metric_names(["t"]), values.tolist(), strict=True))


rows = st.lists(
    st.tuples(st.integers(0, 8), st.booleans(), st.integers(0, 3)), min_size=2, max_size=40
)


@given(rows)
def test_equals_scikit_learn_with_ties_and_weights(found: list[tuple[int, bool, int]]) -> None:
    scores = np.array([s / 8 for s, _, _ in found])
    y = np.array([int(p) for _, p, _ in found])
    weights = np.array([w for _, _, w in found], dtype=float)
    got = measured(scores, y, weights)
    # Weight 0 is a row left out, weight 2 a row twice.
    kept_scores, kept_y = np.repeat(scores, weights.astype(int)), np.repeat(y, weights.astype(int))
    assert got["positives"] == kept_y.sum()
    if 0 < kept_y.sum() < len(kept_y):
        assert got["average_precision"] == pytest.approx(
            average_precision_score(kept_y, kept_scores)
        )
        assert got["roc_auc"] == pytest.approx(roc_auc_score(kept_y, kept_scores))
        flagged = kept_scores >= 0.5
        assert got["recall_at_t"] == pytest.approx(flagged[kept_y == 1].mean())
        assert got["fpr_reached_t"] == pytest.approx(flagged[kept_y == 0].mean())
        if flagged.any():
            assert got["precision_at_t"] == pytest.approx(kept_y[flagged].mean())
        else:
            assert np.isnan(got["precision_at_t"])
    else:
        assert np.isnan(got["roc_auc"])
        assert np.isnan(got["average_precision"])


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.sampled_from([0.001, 0.1, 0.5, 1]))
def test_threshold_never_exceeds_its_rate_and_is_the_lowest(found: list[int], rate: float) -> None:
    negatives = np.array(found, dtype=float)
    threshold = threshold_at_fpr(negatives, rate)
    assert threshold is not None
    assert (negatives >= threshold).mean() <= rate
    below = negatives[negatives < threshold]
    if len(below):
        assert (negatives >= below.max()).mean() > rate


def test_no_negatives_no_threshold() -> None:
    assert threshold_at_fpr(np.array([]), 0.1) is None


def test_bootstrap_equals_brute_force() -> None:
    rng = np.random.default_rng(3)
    y = (rng.random(300) < 0.2).astype(np.uint8)
    scores = np.round(rng.normal(size=300) + y, 1)
    labels = Labels(y, y, None)
    found = evaluate(Scored(scores, labels), resamples=60, seed=5)
    draws = np.random.default_rng(5)
    values = []
    for _ in range(60):
        picked = draws.integers(0, 300, size=300)
        values.append(
            (average_precision_score(y[picked], scores[picked]),
             roc_auc_score(y[picked], scores[picked]))
        )  # fmt: skip
    low, high = np.quantile(np.array(values), [0.025, 0.975], axis=0)
    for i, metric in enumerate(("average_precision", "roc_auc")):
        got = one(found, "known", metric)
        assert got.low == pytest.approx(low[i])
        assert got.high == pytest.approx(high[i])
        assert got.low < got.value < got.high


def one(found: list[Measurement], name: str, metric: str) -> Measurement:
    [match] = [m for m in found if (m.segment, m.metric) == (name, metric)]
    return match


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        values = rng.random(400) < 0.3
        low, high = bootstrap(
            lambda counts, values=values: np.array([counts @ values / counts.sum()]), 400, 200, seed
        )
        covered += bool(low[0] <= 0.3 <= high[0])
    assert 0.88 <= covered / 200 <= 0.99


def test_resample_keeps_the_number_of_rows() -> None:
    counts = resampled_counts(1000, np.random.default_rng(0))
    assert counts.sum() == 1000
    assert 0.30 < (counts == 0).mean() < 0.44


def test_too_few_positives_give_a_value_without_interval() -> None:
    y = np.zeros(500, dtype=np.uint8)
    y[7] = 1
    got = one(evaluate(Scored(np.arange(500.0), Labels(y, y, None)), 200, 0), "known", "roc_auc")
    assert got.value is not None
    assert (got.low, got.high) == (None, None)


def test_no_positives_is_undefined_not_hidden() -> None:
    y = np.zeros(50, dtype=np.uint8)
    scores = np.arange(50.0)
    scored = Scored(scores, Labels(y, y, None), flag(scores, {"fpr_0.1pct": 40.0}))
    found = evaluate(scored, 50, 0)
    assert one(found, "known", "average_precision").value is None
    assert one(found, "known", "recall_at_fpr_0.1pct").value is None
    assert one(found, "known", "fpr_reached_fpr_0.1pct").value == pytest.approx(0.2)
    # A threshold that could not be set is undefined too.
    assert one(found, "known", "fpr_reached_fpr_0.5pct").value is None


def test_attacks_measure_recall_on_their_own_rows() -> None:
    attacks = pl.Series(["farm", None, "farm", "spoof", None])
    y = np.array([1, 0, 0, 1, 0], dtype=np.uint8)
    scores = np.array([0.9, 0.8, 0.1, 0.7, 0.2])
    flags = flag(scores, {"fpr_0.1pct": 0.5, "fpr_0.5pct": 0.5})
    found = evaluate(Scored(scores, Labels(y, y, attacks), flags), 50, 0)
    farm = one(found, "true:farm", "recall_at_fpr_0.1pct")
    assert (farm.value, farm.n) == (0.5, 2)
    assert one(found, "true:spoof", "recall_at_fpr_0.5pct").value == 1.0
    assert one(found, "true", "recall_at_fpr_0.5pct").value == pytest.approx(2 / 3)
    assert one(found, "known", "recall_at_fpr_0.5pct").value == 1.0
    assert not [m for m in found if m.segment == "true:farm" and m.metric == "roc_auc"]


def test_pool_keeps_each_folds_own_flags() -> None:
    y = np.array([1, 0], dtype=np.uint8)
    first = Scored(np.array([0.4, 0.1]), Labels(y, y, None), {"a": np.array([1.0, 0.0])})
    second = Scored(np.array([0.9, 0.8]), Labels(y, y, None), {"a": np.array([0.0, 0.0])})
    pooled = pool([first, second])
    assert pooled.flags["a"].tolist() == [1, 0, 0, 0]
    assert pooled.scores.tolist() == [0.4, 0.1, 0.9, 0.8]


def test_an_unfitted_model_has_the_same_rows_all_undefined() -> None:
    y = np.array([1, 0, 0], dtype=np.uint8)
    labels = Labels(y, y, pl.Series(["farm", None, None]))
    scores = np.array([3.0, 2.0, 1.0])
    usual = evaluate(Scored(scores, labels), 20, 0)
    undefined = unmeasured(labels)
    assert {(m.segment, m.metric, m.n) for m in usual} == {
        (m.segment, m.metric, m.n) for m in undefined
    }
    assert {m.value for m in undefined} == {None}


def test_balanced_threshold_bears_frauds_nobody_found() -> None:
    dice = np.random.default_rng(3)
    fraud = np.arange(4000) < 600
    scores = np.where(fraud, dice.normal(2.5, 1, 4000), dice.normal(0, 1, 4000))
    found = fraud & (dice.random(4000) < 0.5)
    full, partial = balanced_threshold(scores, fraud), balanced_threshold(scores, found)
    assert full is not None
    assert partial == pytest.approx(full, abs=0.4)
    # A rate measured on negatives is spoilt by the frauds among them.
    strict = threshold_at_fpr(scores[~found], 0.005)
    assert strict is not None
    assert (scores[fraud] >= strict).mean() < 0.1 < 0.7 < (scores[fraud] >= partial).mean()


def test_balanced_threshold_is_the_best_of_all_thresholds() -> None:
    dice = np.random.default_rng(5)
    scores, y = dice.integers(0, 12, 300).astype(float), dice.integers(0, 2, 300)

    def worth(threshold: float) -> float:
        flagged = scores >= threshold
        return float(y[flagged].sum() / y.sum()) ** 2 / float(flagged.mean())

    chosen = balanced_threshold(scores, y)
    assert chosen is not None
    assert worth(chosen) == pytest.approx(max(worth(value) for value in set(scores.tolist())))
    assert balanced_threshold(scores, np.zeros(300)) is None
