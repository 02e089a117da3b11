"""Learning from batches: the same folds, rates and trees as from all rows at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from clickward.models_ml.dataset import batches
from clickward.models_ml.dataset.batches import SnapshotRows, snapshot_rows, split_time
from clickward.models_ml.dataset.frames import TrainingFrame
from clickward.models_ml.dataset.snapshot import manifest_path
from clickward.models_ml.estimators import devices, family
from clickward.models_ml.estimators.devices import check_device
from clickward.models_ml.estimators.preparation.preprocessing import FOLDS, TargetRates
from clickward.models_ml.estimators.preparation.rates import (
    CountedRates,
    count_rates,
    stratified_folds,
)
from clickward.models_ml.estimators.xgboost import XGBoost
from clickward.models_ml.training.learners import InMemory, scored, spill_folder
from clickward.models_ml.training.run import build_estimator
from clickward.warehouse.errors import UsageError, UserError

Data = tuple[pl.DataFrame, np.ndarray]
FEW = {"n_estimators": 30}


@pytest.fixture
def ordered(data: Data) -> Data:
    """The rows by category, so that whole batches lack the categories of others.

    Labels have noise: rates by other folds, or with the row itself, give other trees.
    """
    X, y = data
    y = y | (np.random.default_rng(2).random(len(y)) < 0.2)
    order = X["network"].arg_sort(nulls_last=True)
    return X[order], y[order]


@pytest.fixture
def rows(ordered: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SnapshotRows:
    """The same rows as a snapshot file of several row groups, read in batches across them."""
    monkeypatch.setattr(batches, "BATCH_ROWS", 300)
    return write(ordered, tmp_path / "snapshot.parquet")


def write(data: Data, path: Path) -> SnapshotRows:
    X, y = data
    seconds = np.arange(X.height) // 7
    times = pl.Series("event_at", seconds * 1000).cast(pl.Datetime("ms", "UTC"))
    lists = pl.Series("device__last_3_gap", [[1.0, 2.0]] * X.height)
    frame = X.with_columns(times, lists, is_fraud=pl.Series(y))
    frame.write_parquet(path, row_group_size=1000)
    manifest = {
        "rows": X.height,
        "target": "is_fraud",
        "contract": [{"name": name} for name in [*X.columns, "device__last_3_gap"]],
    }
    manifest_path(path).write_text(json.dumps(manifest))
    return snapshot_rows(path)


@pytest.mark.parametrize("share", [0.003, 0.4, 0.97])
@pytest.mark.parametrize("n", [23, 1004])
def test_folds_are_those_of_scikit_learn(n: int, share: float) -> None:
    rng = np.random.default_rng(n)
    y = (rng.random(n) < share).astype(np.uint8)
    y[-FOLDS:] = 1 - y[0]
    expected = np.empty(n, dtype=np.uint8)
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=3)
    for fold, (_, held) in enumerate(splitter.split(y, y)):
        expected[held] = fold
    assert np.array_equal(stratified_folds(y, 3), expected)
    assert not np.array_equal(stratified_folds(y, 4), expected)


def test_counted_rates_are_the_target_rates(ordered: Data, rows: SnapshotRows) -> None:
    X, y = ordered
    names = ["network", "install__app"]
    folds = stratified_folds(y, 0)
    counts = count_rates(rows, names, folds)
    assert (counts.rows, counts.positives) == (len(y), y.sum())
    whole = TargetRates(0)
    expected = whole.fit_transform(X.select(names), y)
    assert len(np.unique(expected)) > 20
    found = counts.out_of_fold().transform(X.select(names), folds)
    assert np.allclose(found, expected, rtol=1e-12, atol=0)
    new = pl.DataFrame({"network": [None, "new", "bad1"], "install__app": ["chess", None, ""]})
    for some in (X.select(names), new):
        rates = counts.rates().transform(some)
        assert np.allclose(rates, whole.transform(some), rtol=1e-12, atol=0)
    # Counts of two halves add up to the counts of all.
    halves = [rows.between(0, 1234), rows.between(1234, len(rows))]
    first, second = (count_rates(half, names, folds) for half in halves)
    both = (first + second).out_of_fold().transform(X.select(names), folds)
    assert np.array_equal(both, found)


@pytest.mark.parametrize("parameters", [FEW, FEW | {"subsample": 0.7, "scale_pos_weight": 4}])
@pytest.mark.parametrize("spills", [False, True])
def test_batches_give_the_same_trees_to_the_bit(
    ordered: Data, rows: SnapshotRows, tmp_path: Path, parameters: dict[str, float], spills: bool
) -> None:
    X, y = ordered
    whole = XGBoost(**parameters).fit(X, y)
    (tmp_path / "bins").mkdir()
    found = XGBoost(**parameters).fit_batches(
        rows, stratified_folds(y, 0), tmp_path / "bins" if spills else None
    )
    assert found.booster_.save_raw() == whole.booster_.save_raw()
    assert np.array_equal(found.predict_score(X), whole.predict_score(X))
    (tmp_path / "saved").mkdir()
    found.save(tmp_path / "saved")
    loaded = XGBoost.load(tmp_path / "saved")
    assert isinstance(loaded.rates_, CountedRates)
    assert np.array_equal(loaded.predict_score(X), whole.predict_score(X))
    assert np.array_equal(loaded.explain(X.head(50)), whole.explain(X.head(50)))


def test_the_comparison_sees_rates_that_are_not_out_of_fold(
    ordered: Data, rows: SnapshotRows
) -> None:
    X, y = ordered
    other = XGBoost(**FEW).fit_batches(rows, stratified_folds(y, 1))
    assert other.booster_.save_raw() != XGBoost(**FEW).fit(X, y).booster_.save_raw()


def test_the_holdout_is_the_same_rows(ordered: Data, rows: SnapshotRows) -> None:
    X, y = ordered
    times = np.concatenate(list(rows.times()))
    frame = TrainingFrame(X, y, pl.Series(["x"] * X.height), times, {})
    expected = InMemory(frame).holdout(XGBoost(**FEW))
    early, late = split_time(rows, 0.2)
    assert (len(early) + len(late), len(late)) == (len(rows), len(expected.y))
    twin = XGBoost(**FEW).fit_batches(early, stratified_folds(early.labels(), 0))
    found = scored(twin, late)
    for name in ("scores", "y", "times"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))


def test_labels_of_one_class_are_refused(data: Data, tmp_path: Path) -> None:
    rows = write((data[0], np.zeros(len(data[1]), dtype=np.uint8)), tmp_path / "s.parquet")
    with pytest.raises(UserError, match="needs both classes, found 0 positives among 3,000"):
        XGBoost().fit_batches(rows, stratified_folds(rows.labels(), 0))


def test_a_file_that_lacks_rows_is_refused(rows: SnapshotRows) -> None:
    manifest_path(rows.path).write_text(
        json.dumps({"rows": 9, "target": "is_fraud", "contract": []})
    )
    with pytest.raises(UserError, match="has 3,000 rows, its manifest says 9"):
        snapshot_rows(rows.path)


def test_only_able_families_learn_from_batches(rows: SnapshotRows) -> None:
    with pytest.raises(NotImplementedError, match="prior does not learn from batches"):
        family("prior")().fit_batches(rows, np.zeros(0))


def test_bins_of_dead_processes_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, mine = tmp_path / f"bins-{ended.pid}-x", tmp_path / f"bins-{os.getpid()}-x"
    left.mkdir()
    mine.mkdir()
    with spill_folder(tmp_path) as folder:
        assert folder.is_dir()
        assert not left.exists()
    assert list(tmp_path.iterdir()) == [mine]


def test_a_device_that_is_not_there_is_refused() -> None:
    check_device("cpu")
    with pytest.raises(UserError, match="finds no such CUDA device here") as caught:
        check_device("cuda:99")
    assert "leave --device out" in str(caught.value.hint)
    with pytest.raises(UsageError, match="no device 'tpu'"):
        check_device("tpu")
    with pytest.raises(UsageError, match="logistic_regression computes on the processor"):
        build_estimator("logistic_regression", {}, 0, "cuda")


def test_a_device_reaches_xgboost_and_its_version(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    import xgboost

    asked = []
    original = xgboost.train

    def spied(parameters, *rest, **named):
        asked.append(parameters.get("device"))
        return original(parameters | {"device": "cpu"}, *rest, **named)

    monkeypatch.setattr(xgboost, "train", spied)
    plain = build_estimator("xgboost", FEW, 0).fit(*data)
    placed = clone(build_estimator("xgboost", FEW, 0, "cuda")).fit(*data)
    assert asked == [None, "cuda"]
    assert "device" not in plain.get_params()
    assert placed.get_params() == plain.get_params() | {"device": "cuda"}


def test_the_check_on_devices_believes_xgboost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_device_taken", lambda device: "cuda:0")
    check_device("cuda")
    check_device("cuda:0")
    with pytest.raises(UserError, match="it would take the cuda:0"):
        check_device("cuda:1")
