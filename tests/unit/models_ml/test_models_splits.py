"""Prequential folds."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from clickward.models_ml.dataset.splits import PrequentialSplit, choose_windows
from clickward.warehouse.errors import UsageError, UserError

HOUR = timedelta(hours=1)
A = np.datetime64("2017-11-06T16:00:00", "ms")


def every_second(hours: float) -> np.ndarray:
    """An event each second of `hours`: the last one a second before the end."""
    return A + np.arange(int(hours * 3600)) * np.timedelta64(1000, "ms")


def test_one_fold_holds_all_of_72_hours_less_a_second() -> None:
    times = every_second(72)
    splitter = PrequentialSplit(54 * HOUR, 0 * HOUR, 18 * HOUR, 18 * HOUR)
    [(train, test)] = list(splitter.split(times))
    assert len(train) == 54 * 3600
    assert len(train) + len(test) == len(times)
    assert splitter.get_n_splits(times) == 1


def test_default_step_of_a_day_gives_the_same_single_fold() -> None:
    assert (
        PrequentialSplit(54 * HOUR, 0 * HOUR, 18 * HOUR, 24 * HOUR).get_n_splits(every_second(72))
        == 1
    )


def test_a_test_window_the_data_do_not_reach_is_no_fold() -> None:
    splitter = PrequentialSplit(54 * HOUR, 0 * HOUR, 18 * HOUR, 18 * HOUR)
    with pytest.raises(UserError, match=r"no fold fits: the events span 2d 22h.*needs 3d"):
        splitter.folds(every_second(71))


windows = st.integers(min_value=1, max_value=30)


@given(
    offsets=st.lists(st.integers(0, 200 * 3600), min_size=30, max_size=80),
    train=windows,
    delay=st.integers(0, 20),
    test=windows,
    step=windows,
)
def test_folds_keep_order_gap_and_anchor(
    offsets: list[int], train: int, delay: int, test: int, step: int
) -> None:
    times = A + np.array([0, 200 * 3600, *offsets]) * np.timedelta64(1000, "ms")
    splitter = PrequentialSplit(train * HOUR, delay * HOUR, test * HOUR, step * HOUR)
    folds = splitter.folds(times)
    for number, (fold, (early, late)) in enumerate(zip(folds, splitter.split(times), strict=True)):
        assert fold.train_from == A + np.timedelta64(number * step, "h")
        assert fold.test_from - fold.train_to == np.timedelta64(delay, "h")
        expected_train = [
            i for i, t in enumerate(times)
            if number * step <= (t - A) / np.timedelta64(1, "h") < number * step + train
        ]  # fmt: skip
        opened = number * step + train + delay
        expected_test = [
            i for i, t in enumerate(times)
            if opened <= (t - A) / np.timedelta64(1, "h") < opened + test
        ]  # fmt: skip
        assert early.tolist() == expected_train
        assert late.tolist() == expected_test
        if len(early) and len(late):
            assert times[late].min() - times[early].max() > np.timedelta64(delay, "h")
    # One more step would not fit.
    assert (200 - (len(folds) * step + train + delay)) / test < 0.99


def test_works_as_a_splitter_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    times = every_second(10)[::10]
    X = rng.normal(size=(len(times), 2))
    y = (X[:, 0] > 0).astype(int)
    splitter = PrequentialSplit(4 * HOUR, 1 * HOUR, 2 * HOUR, 1 * HOUR)
    scores = cross_val_score(LogisticRegression(), X, y, groups=times, cv=splitter)
    assert len(scores) == splitter.get_n_splits(groups=times) == 4
    assert scores.min() > 0.9


def test_times_must_be_times() -> None:
    with pytest.raises(ValueError, match="expected event times"):
        next(PrequentialSplit(HOUR, HOUR, HOUR, HOUR).split(np.zeros((5, 2))))


def test_empty_windows_are_refused() -> None:
    with pytest.raises(UsageError, match="--test must be longer"):
        PrequentialSplit(HOUR, HOUR, 0 * HOUR, HOUR)


@pytest.mark.parametrize("hours", [0.01, 0.5, 5, 72, 11 * 24, 12 * 24, 14 * 24, 90 * 24, 900 * 24])
def test_chosen_windows_fit_any_span(hours: float) -> None:
    span = timedelta(hours=hours)
    times = np.array([A, A + np.timedelta64(span // timedelta(milliseconds=1), "ms")])
    assert 1 <= choose_windows(span).get_n_splits(times) <= 12


def test_given_windows_are_kept() -> None:
    chosen = choose_windows(timedelta(hours=72), train=54 * HOUR, delay=0 * HOUR, test=18 * HOUR)
    assert (chosen.train, chosen.delay, chosen.test, chosen.step) == (
        54 * HOUR, 0 * HOUR, 18 * HOUR, 18 * HOUR
    )  # fmt: skip
