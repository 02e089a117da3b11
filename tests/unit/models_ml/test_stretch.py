"""Where the rows are: strays at either end of time change no window."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from clickward.models_ml.dataset.frames import TrainingFrame
from clickward.models_ml.dataset.splits import PrequentialSplit
from clickward.models_ml.dataset.stretch import stretch_of
from clickward.models_ml.estimators import family
from clickward.models_ml.evaluation.thresholds import Holdout, by_capacity
from clickward.models_ml.training.fitting import score_holdout
from clickward.models_ml.validation.run import _ends
from clickward.warehouse.errors import UserError

HOUR, DAY = np.timedelta64(1, "h"), np.timedelta64(1, "D")
START = np.datetime64("2026-01-01T05:30:00", "ms")


def month(rows: int = 600, days: int = 28, seed: int = 0) -> np.ndarray:
    """Times over `days` days, the first and the last of them at the ends."""
    spread = np.random.default_rng(seed).integers(1, days * 86_400_000 - 1, rows - 2)
    ends = np.array([0, days * 86_400_000])
    return np.sort(START + np.concatenate([spread, ends]).astype("timedelta64[ms]"))


STRAYS = {
    "1970": ["1970-01-01T00:00:00"],
    "2030": ["2030-06-01T12:00:00"],
    "both": ["1970-01-01T00:00:00", "2099-12-31T23:59:59.999"],
    "several years": ["1970-01-01", "1999-05-05", "2012-01-01", "2030-01-01", "2038-01-19"],
    "a month before": ["2025-12-01T10:00:00"],
    "four days after": ["2026-02-02T06:00:00"],
    "one of 20 rows": ["2030-01-01"],
}


@pytest.mark.parametrize("case", STRAYS)
def test_strays_move_neither_end(case: str) -> None:
    times = month(20 if case.startswith("one") else 600)
    strays = np.array(STRAYS[case], "datetime64[ms]")
    found = stretch_of(np.concatenate([strays, times])[::-1])
    assert (found.first, found.last, found.strays) == (times[0], times[-1], len(strays))


def test_what_is_no_stray_stays() -> None:
    times = month()
    # A quiet week within; days of few rows before; a tenth of all long before; a missing day.
    within = times[(times < START + 10 * DAY) | (times > START + 17 * DAY)]
    few = np.concatenate([START - np.arange(30, 0, -1) * DAY, times])
    early = np.concatenate([month(60, 2) - 400 * DAY, times])
    daily = START + np.array([0, *range(2, 28)]) * DAY
    for kept in (times, within, few, early, daily, times[:1], times[[0, -1]]):
        found = stretch_of(kept)
        assert (found.first, found.last, found.strays) == (kept.min(), kept.max(), 0)


def frame_of(times: np.ndarray) -> TrainingFrame:
    rng = np.random.default_rng(1)
    y = (rng.random(len(times)) < 0.2).astype(np.uint8)
    X = pl.DataFrame({"a": rng.normal(y, 1), "b": rng.normal(0, 1, len(times))})
    ids = pl.Series([str(i) for i in range(len(times))])
    return TrainingFrame(X, y, ids, times, {})


@pytest.mark.parametrize("stray", ["1970-01-01", "2030-01-01"])
def test_the_holdout_is_the_last_fifth_of_where_the_rows_are(stray: str) -> None:
    times = month()
    everything = np.sort(np.append(times, np.datetime64(stray, "ms")))
    frame = frame_of(everything)
    rows = np.arange(len(everything))
    holdout = score_holdout(family("decision_tree")(), frame, rows, frame.y)
    cut = START + 4 * 28 * DAY.astype("timedelta64[ms]") // 5
    assert len(holdout.y) == int((everything >= cut).sum()) > 100
    assert holdout.days == pytest.approx(28 * 0.2, abs=0.3)
    # So many a day, on its own days and not on those up to the stray's.
    choice = by_capacity(holdout, "2/day")
    assert 8 <= choice.basis["flagged"] <= 12


def test_folds_are_laid_where_the_rows_are() -> None:
    times = month()
    windows = (timedelta(days=7), timedelta(days=3), timedelta(days=3), timedelta(days=3))
    plain = PrequentialSplit(*windows).folds(times)
    assert len(plain) == 6
    for strays in STRAYS.values():
        if len(strays) <= 0.05 * len(times):
            everything = np.concatenate([times, np.array(strays, "datetime64[ms]")])
            assert PrequentialSplit(*windows).folds(_ends(everything)) == plain


@pytest.mark.parametrize(("late", "words"), [(0, "0 positives among"), (1, "positives among")])
def test_a_holdout_of_one_class_trains_no_supervised_family(late: int, words: str) -> None:
    times = month()
    frame = frame_of(times)
    cut = START + 4 * 28 * DAY.astype("timedelta64[ms]") // 5
    y = np.where(times >= cut, late, frame.y).astype(np.uint8)
    n = int((times >= cut).sum())
    with pytest.raises(UserError, match=f"{words} {n} rows in the holdout") as caught:
        score_holdout(family("xgboost")(), frame, np.arange(len(times)), y)
    assert "--from" in (caught.value.hint or "")
    unlabelled = score_holdout(family("k_means")(), frame, np.arange(len(times)), y)
    assert isinstance(unlabelled, Holdout)
    assert len(unlabelled.scores) == n
