"""Data that once ruined training in silence: stray years, one class, few rows, flat features."""

from datetime import UTC, datetime, timedelta

import models_world as world
import polars as pl
import pytest

from clickward.models_ml.scoring.run import score
from clickward.models_ml.training.run import ModelFailure, train
from clickward.models_ml.tuning.run import tune
from clickward.models_ml.validation import Protocol, validate
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.errors import UsageError, UserError

DAY = timedelta(days=1)
FAST = {"n_estimators": 20}
QUICK = Protocol(resamples=10)
YEARS = [datetime(1970, 1, 1, tzinfo=UTC), datetime(2030, 6, 1, tzinfo=UTC)]


def count(warehouse: Warehouse, table: str) -> int:
    return int(warehouse.scalar(f"select count() from {warehouse.table('ml', table)}"))


def add_strays(warehouse: Warehouse, fs: FeatureSet, times: list[datetime]) -> None:
    """A row at each of the times, like the first one there is."""
    for place, at in enumerate(times):
        warehouse.command(
            f"insert into {fs.relation} select * replace("
            f"toUUID('00000000-0000-4000-8000-00000000000{place}') as install_id,"
            " {at:DateTime64(3, 'UTC')} as event_at) from"
            f" {fs.relation} order by event_at, install_id limit 1",
            at=at,
        )


def change(warehouse: Warehouse, fs: FeatureSet, assignments: str, where: str = "true") -> None:
    warehouse.command(
        f"alter table {fs.relation} update {assignments} where {where} settings mutations_sync = 2"
    )


def flatten(warehouse: Warehouse, fs: FeatureSet) -> None:
    """Every feature the same in every row."""
    change(
        warehouse, fs,
        "device__ctit_seconds = 60, ip__clicks_1h = 2, subnet__installs_1d = 1,"
        " publisher__share_1d = 0.5, install__network = 'a', install__os = 'ios'",
    )  # fmt: skip


def test_stray_years_change_no_model_and_are_said(warehouse: Warehouse, said: list[str]) -> None:
    fs = world.make_world(warehouse, n=800, days=14)
    plain = train(warehouse, fs, "xgboost", parameters=FAST)
    folds = validate(warehouse, fs, "prior", protocol=QUICK)
    study = tune(warehouse, fs, "decision_tree", trials=1)
    add_strays(warehouse, fs, YEARS)
    said.clear()
    again = train(warehouse, fs, "xgboost", parameters=FAST)
    assert not again.is_new
    assert again.model_version == plain.model_version
    assert said[0].startswith("2 row(s) far from all others in time are left out")
    said.clear()
    windows = [(one.model, one.fold, one.test_from, one.test_to) for one in folds]
    found = validate(warehouse, fs, "prior", protocol=QUICK)
    assert [(one.model, one.fold, one.test_from, one.test_to) for one in found] == windows
    assert any("2 row(s) far from all others" in line for line in said)
    assert tune(warehouse, fs, "decision_tree", trials=1).study.name == study.study.name
    # Asked for, they are in the snapshot, and move the holdout nowhere.
    wide = train(warehouse, fs, "xgboost", parameters=FAST,
                 from_at=YEARS[0], to_at=YEARS[1] + DAY)  # fmt: skip
    assert wide.row["rows"] == plain.row["rows"] + 2
    for name, threshold in plain.thresholds.items():
        assert wide.thresholds[name] == pytest.approx(threshold, abs=0.05)
    # Scoring leaves nobody out.
    assert score(warehouse, fs).rows == 802


def test_one_class_is_an_error_for_who_needs_labels(warehouse: Warehouse, said: list[str]) -> None:
    fs = world.make_world(warehouse, n=600, days=10)
    change(warehouse, fs, "is_fraud = 0")
    models = count(warehouse, "models")
    for model in ("xgboost", "logistic_regression", "naive_bayes", "prior"):
        with pytest.raises(UserError, match=r"needs both classes, found 0 positives among \d+"):
            train(warehouse, fs, model)
    assert count(warehouse, "models") == models == 0
    said.clear()
    forest = train(warehouse, fs, "isolation_forest", parameters=FAST)
    assert set(forest.thresholds) == {"fpr_0.1pct", "fpr_0.5pct"}
    assert any(
        line.startswith("cannot set balanced: the holdout has 0 positives among") for line in said
    )
    run = score(warehouse, fs)
    assert run.flagged == 0
    assert "nothing is flagged: the model has no balanced threshold" in said
    # Positives that all come before the last fifth leave the holdout with one class.
    change(warehouse, fs, "is_fraud = 1",
           f"event_at < toDateTime64('{world.START + DAY:%F %T}', 3, 'UTC')"
           " and subnet__installs_1d < 25")  # fmt: skip
    with pytest.raises(UserError, match=r"0 positives among \d+ rows in the holdout"):
        train(warehouse, fs, "xgboost", parameters=FAST)
    change(warehouse, fs, "is_fraud = 1")
    for model in ("linear_svm", "xgboost"):
        with pytest.raises(UserError, match=r"found (\d+) positives among \1 rows"):
            train(warehouse, fs, model)
    said.clear()
    every = train(warehouse, fs, "k_means")
    assert set(every.thresholds) == {"balanced"}
    assert any(line.startswith("cannot set fpr_0.1pct, fpr_0.5pct") for line in said)


@pytest.mark.parametrize("rows", [1, 6])
def test_few_rows_teach_nothing(warehouse: Warehouse, rows: int) -> None:
    fs = world.make_world(warehouse, n=rows, days=3)
    change(warehouse, fs, "is_fraud = cityHash64(install_id) % 2")
    said = f"cannot be trained on {rows} rows|needs both classes, found . positives among {rows} "
    for model in ("xgboost", "random_forest", "logistic_regression", "gaussian_mixture", "hdbscan"):
        with pytest.raises(UserError, match=said):
            train(warehouse, fs, model)
    with pytest.raises(UserError):
        validate(warehouse, fs, "xgboost", protocol=QUICK)
    with pytest.raises(UserError):
        tune(warehouse, fs, "xgboost", trials=1)
    assert (count(warehouse, "models"), count(warehouse, "thresholds")) == (0, 0)


def test_no_rows_at_all(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=50, days=3)
    warehouse.command(f"truncate table {fs.relation}")
    for attempt in (
        lambda: train(warehouse, fs, "xgboost"),
        lambda: validate(warehouse, fs, "xgboost", protocol=QUICK),
        lambda: tune(warehouse, fs, "xgboost", trials=1),
    ):
        with pytest.raises(UserError, match="has no rows"):
            attempt()
    assert count(warehouse, "models") == 0


def test_nonsense_registers_nothing(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=100, days=3)
    with pytest.raises(UsageError, match="n_estimators=-1 is not a whole number from 1"):
        train(warehouse, fs, "xgboost", parameters={"n_estimators": -1})
    assert count(warehouse, "models") == 0


def test_flat_scores_are_a_failure_of_the_model(warehouse: Warehouse, said: list[str]) -> None:
    fs = world.make_world(warehouse, n=800, days=14)
    trained = train(warehouse, fs, "logistic_regression")
    flatten(warehouse, fs)
    said.clear()
    run = score(warehouse, fs)
    assert run.failure is not None
    assert run.failure.startswith("the model failed: every one of 800 scores is")
    assert any(trained.model_version in line and run.failure in line for line in said)
    for model in ("logistic_regression", "xgboost", "k_means"):
        with pytest.raises(ModelFailure, match=r"every one of \d+ scores is .* not registered"):
            train(warehouse, fs, model)
    assert count(warehouse, "models") == 1
    said.clear()
    found = validate(warehouse, fs, "prior,linear_svm", protocol=QUICK, allow_leaks=True)
    failures = pl.DataFrame(
        [(one.model, one.fold, one.failure) for one in found if one.fold >= 0],
        schema=["model", "fold", "failure"], orient="row",
    )  # fmt: skip
    svm = failures.filter(pl.col("model") == "linear_svm")["failure"]
    assert svm.len() > 0
    assert svm.str.starts_with("the model failed: every one of").all()
    kept = warehouse.query(
        "select distinct toString(model) as model, value, toString(segment) as segment"
        f" from {warehouse.table('ml', 'evaluations')} where metric = 'failed'"
    )
    assert kept.rows() == [("linear_svm", 1.0, "scores")]
    assert failures.filter(pl.col("model") == "prior")["failure"].null_count() == svm.len()
    assert any("linear_svm, fold 0: the model failed" in line for line in said)
