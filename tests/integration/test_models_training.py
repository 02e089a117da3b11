"""Training, artifacts, the registry and validation, on the real engine."""

import json
from datetime import timedelta

import models_world as world
import numpy as np
import polars as pl
import pytest

from clickward.models_ml.dataset.frames import read_frame
from clickward.models_ml.dataset.snapshot import pull_snapshot
from clickward.models_ml.evaluation.measurement import OVERALL
from clickward.models_ml.evaluation.metrics import THRESHOLDS
from clickward.models_ml.training.registry import (
    champion_of,
    choose_model,
    is_registered,
    list_models,
    load_model,
    promote,
    read_model,
)
from clickward.models_ml.training.run import train
from clickward.models_ml.validation import KEYS, Protocol, Windows, validate
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UsageError, UserError

DAY = timedelta(days=1)
FAST = {"n_estimators": 20}
QUICK = Protocol(resamples=10)


def count(warehouse: Warehouse, table: str) -> int:
    return int(warehouse.scalar(f"select count() from {warehouse.table('ml', table)}"))


@pytest.mark.parametrize("model", ["xgboost", "logistic_regression", "isolation_forest"])
def test_train_registers_once_and_repeats_to_the_bit(
    warehouse: Warehouse, model: str, said: list[str]
) -> None:
    fs = world.make_world(warehouse, n=1500, days=10)
    said.clear()
    first = train(warehouse, fs, model)
    assert said[0].startswith("labels as known now")
    again = train(warehouse, fs, model)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.model_version == first.model_version
    assert again.thresholds == first.thresholds
    assert "already trained" in said[-1]
    assert (count(warehouse, "models"), count(warehouse, "thresholds")) == (1, len(THRESHOLDS))
    assert first.thresholds["fpr_0.1pct"] >= first.thresholds["fpr_0.5pct"]
    frame = read_frame(pull_snapshot(warehouse, fs).path)
    scores = load_model(warehouse, read_model(warehouse, first.model_version)).estimator
    expected = scores.predict_score(frame.X)
    # Trained anew from nothing: the same version and the same scores, bit for bit.
    for table in ("models", "thresholds", "runs"):
        warehouse.command(f"truncate table {warehouse.table('ml', table)}")
    anew = train(warehouse, fs, model)
    assert anew.is_new
    assert anew.model_version == first.model_version
    assert anew.thresholds == first.thresholds
    loaded = load_model(warehouse, read_model(warehouse, anew.model_version)).estimator
    assert np.array_equal(loaded.predict_score(frame.X), expected)


def test_version_names_what_made_it(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=1000, days=10)
    base = train(warehouse, fs, "xgboost", parameters=FAST).model_version
    assert base.startswith("xgboost-fs_install-")
    others = [
        train(warehouse, fs, "xgboost", parameters=FAST, seed=1),
        train(warehouse, fs, "xgboost", parameters=FAST | {"max_depth": 2}),
        train(warehouse, fs, "xgboost", parameters=FAST, to_at=world.START + 8 * DAY),
    ]
    assert len({base, *(other.model_version for other in others)}) == 4


def test_label_cut_off_is_said_and_kept(warehouse: Warehouse, said: list[str]) -> None:
    fs = world.make_world(warehouse, n=1500, days=10)
    said.clear()
    to_at = world.START + 6 * DAY
    strict = train(warehouse, fs, "xgboost", to_at=to_at, parameters=FAST)
    assert said[0] == (
        "labels as known at 2026-03-07 05:30:00 (the end of training + --delay);"
        " subjects before 2026-03-07 05:30:00"
    )
    later = train(warehouse, fs, "xgboost", to_at=to_at, delay=3 * DAY, parameters=FAST)
    assert strict.row["rows"] == later.row["rows"]
    assert strict.row["positives"] < later.row["positives"]
    gap = train(warehouse, fs, "xgboost", as_of=to_at, delay=2 * DAY, parameters=FAST)
    assert gap.row["trained_to"] == to_at - 2 * DAY
    with pytest.raises(UserError, match="leaves nothing"):
        train(warehouse, fs, "xgboost", delay=30 * DAY)


def test_thresholds_hold_their_rate_on_later_negatives(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=4000, days=10)
    trained = train(warehouse, fs, "logistic_regression")
    frame = read_frame(pull_snapshot(warehouse, fs).path)
    # The twin again, by hand.
    cut = frame.times.min() + (frame.times.max() - frame.times.min()) * 0.8
    early = frame.times < cut
    from clickward.models_ml.estimators import family

    twin = family("logistic_regression")(random_state=0).fit(
        frame.X.filter(pl.Series(early)), frame.y[early]
    )
    late = twin.predict_score(frame.X.filter(pl.Series(~early)))[frame.y[~early] == 0]
    allowed = int(0.005 * len(late))
    assert (late >= trained.thresholds["fpr_0.5pct"]).sum() == allowed > 0


def test_nothing_to_learn_is_said(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=300, days=3)
    with pytest.raises(UserError, match="needs both classes, found 0 positives"):
        train(warehouse, fs, "xgboost", to_at=world.START + DAY / 8)
    with pytest.raises(UsageError, match="no parameter deep"):
        train(warehouse, fs, "xgboost", parameters={"deep": 1})
    assert count(warehouse, "models") == 0


def test_changed_artifact_is_refused(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=800, days=8)
    trained = train(warehouse, fs, "xgboost", parameters=FAST)
    registered = read_model(warehouse, trained.model_version)
    folder = warehouse.project.home / registered.row["artifact_path"]
    metadata = folder / "model.json"
    text = metadata.read_text()
    metadata.write_text(text.replace('"target": "is_fraud"', '"target": "is_attributed"'))
    with pytest.raises(UserError, match="was changed after training"):
        load_model(warehouse, registered)
    metadata.write_text(text)
    load_model(warehouse, registered)
    (folder / "extra").write_text("")
    with pytest.raises(UserError, match="was changed after training"):
        load_model(warehouse, registered)
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(UserError, match="no model artifact"):
        load_model(warehouse, registered)


def test_a_model_without_its_ledger_row_is_none(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=800, days=8)
    trained = train(warehouse, fs, "xgboost", parameters=FAST)
    warehouse.command(f"truncate table {warehouse.table('ml', 'runs')}")
    assert not is_registered(warehouse, trained.model_version)
    assert list_models(warehouse).is_empty()
    with pytest.raises(UserError, match="no model version"):
        read_model(warehouse, trained.model_version)
    again = train(warehouse, fs, "xgboost", parameters=FAST)
    assert again.is_new
    assert (count(warehouse, "models"), count(warehouse, "thresholds")) == (1, len(THRESHOLDS))


def test_champion_else_latest(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=800, days=8)
    with pytest.raises(UserError, match="no model is trained on fs_install"):
        choose_model(warehouse, fs)
    first = train(warehouse, fs, "xgboost", parameters=FAST).model_version
    second = train(warehouse, fs, "logistic_regression").model_version
    chosen, why = choose_model(warehouse, fs)
    assert chosen.model_version == second
    assert why.startswith("the latest trained")
    promote(warehouse, first, "steadier")
    assert champion_of(warehouse, "fs_install") == first
    chosen, why = choose_model(warehouse, fs)
    assert (chosen.model_version, why) == (first, "the champion")
    listed = dict(list_models(warehouse).select("model_version", "is_champion").iter_rows())
    assert listed == {first: True, second: False}
    assert choose_model(warehouse, fs, second)[0].model_version == second
    with pytest.raises(UserError, match="no model version"):
        promote(warehouse, "xgboost-fs_install-00000000", "typo")


def test_another_contract_is_refused(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=800, days=8)
    train(warehouse, fs, "xgboost", parameters=FAST)
    with pytest.raises(UserError, match=r"expects contract.*gone subpublisher__last_3") as caught:
        choose_model(warehouse, world.changed(fs))
    assert "clickward train fs_install --model xgboost" in str(caught.value.hint)


def test_validation_writes_what_it_says(warehouse: Warehouse, said: list[str]) -> None:
    fs = world.make_world(warehouse, n=3000, days=14)
    said.clear()
    windows = Windows(6 * DAY, 2 * DAY, 2 * DAY, 2 * DAY)
    found = validate(warehouse, fs, "logistic_regression,isolation_forest", windows,
                     protocol=Protocol(resamples=30))  # fmt: skip
    rows = pl.DataFrame([row for evaluation in found for row in evaluation.rows()])
    assert rows.columns == list(KEYS)
    assert rows["fold"].unique().sort().to_list() == [OVERALL, 0, 1, 2]
    attacks = {"true:click_injection", "true:device_farm"}
    numbers = [name for name, kind in world.TYPES.items() if not kind.startswith("Array")]
    features = {f"feature:{name}" for name in numbers}
    others = {"scores", "training", "train_vs_test"} | features
    assert set(rows["segment"]) == {"known", "matured", "true"} | attacks | others
    stored = warehouse.query(
        "select toString(model) as model, toString(variant) as variant,"
        " toString(train_labels) as train_labels, fold, toString(segment) as segment,"
        " toString(labels) as labels, toString(metric) as metric, value, low, high, n"
        f" from {warehouse.table('ml', 'evaluations')}"
    )
    order = ["model", "fold", "segment", "metric"]
    assert stored.sort(order).to_dicts() == rows.sort(order).to_dicts()
    run = warehouse.query(f"select * from {warehouse.table('ml', 'runs')} where kind = 'validate'")
    assert run["rows"].to_list() == [rows.height]
    assert json.loads(run["parameters"][0])["windows"] == "train 6d, delay 2d, test 2d, step 2d"
    assert "train 6d, delay 2d, test 2d, step 2d" in said[1]
    assert "3 fold(s)" in said[1]
    value = dict(zip(rows.select(order).iter_rows(), rows["value"], strict=True))
    logistic = ("logistic_regression", OVERALL, "matured")
    assert value[(*logistic, "roc_auc")] > 0.75
    # Verdicts come a day or more late: few are known when a test window ends.
    assert (
        value[("logistic_regression", 0, "known", "positives")]
        < (value[("logistic_regression", 0, "matured", "positives")])
    )
    folds = [value[("logistic_regression", k, "true", "positives")] for k in (0, 1, 2)]
    assert sum(folds) == value[("logistic_regression", OVERALL, "true", "positives")]


def test_validation_repeats_and_labels_are_as_of_the_test_start(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = world.make_world(warehouse, n=1500, days=12, with_truth=False)
    windows = Windows(5 * DAY, 1 * DAY, 3 * DAY, 3 * DAY)
    seen: list[tuple[int, int]] = []
    from clickward.models_ml.validation import fold

    original = fold.fit

    def counted(estimator, frame, rows, y):
        if estimator.name == "logistic_regression":
            seen.append((len(rows), int(y.sum())))
        return original(estimator, frame, rows, y)

    monkeypatch.setattr(fold, "fit", counted)
    first = validate(warehouse, fs, "logistic_regression", windows, protocol=QUICK)
    second = validate(
        warehouse, fs, "logistic_regression", windows, protocol=Protocol(resamples=10)
    )
    assert [list(e.rows()) for e in first] == [list(e.rows()) for e in second]
    judged = {m.segment for e in first for m in e.measurements if m.metric == "roc_auc"}
    assert judged == {"known", "matured", "train_vs_test"}
    first_at = warehouse.scalar(f"select min(event_at) from {fs.relation}")
    for number, (rows, positives) in enumerate(seen[: len(seen) // 2]):
        start = first_at + 3 * DAY * number
        # The SQL as-of of a snapshot of the training window, at the start of the test.
        pulled = pull_snapshot(warehouse, fs, start, start + 5 * DAY, as_of=start + 6 * DAY)
        assert (pulled.manifest["rows"], pulled.manifest["positives"]) == (rows, positives)


def test_stale_labels_of_the_feature_set_are_said(warehouse: Warehouse, said: list[str]) -> None:
    fs = world.make_world(warehouse, n=1000, days=12, with_truth=False)
    warehouse.command(
        f"alter table {fs.relation} update is_fraud = 0 where 1 settings mutations_sync = 2"
    )
    said.clear()
    found = validate(warehouse, fs, "logistic_regression", Windows(test=3 * DAY, delay=DAY),
                     protocol=Protocol(resamples=10))  # fmt: skip
    assert "labels of" in said[1]
    assert "differ from the verdicts" in said[1]
    assert any(m.value for e in found for m in e.measurements if m.segment == "matured")


def test_a_fold_without_frauds_is_undefined(warehouse: Warehouse, said: list[str]) -> None:
    fs = world.make_world(warehouse, n=400, days=6, with_truth=False)
    warehouse.command(f"truncate table {warehouse.table('core', 'labels')}")
    said.clear()
    found = validate(warehouse, fs, "xgboost,isolation_forest", protocol=QUICK)
    assert any("one class only" in line for line in said)
    xgboost = [m for e in found if e.model == "xgboost" for m in e.measurements]
    assert xgboost
    assert {m.value for m in xgboost} == {None}
    forest = {m.metric: m.value for e in found if e.model == "isolation_forest"
              for m in e.measurements}  # fmt: skip
    assert forest["roc_auc"] is None
    assert forest["fpr_reached_fpr_0.5pct"] is not None


def test_windows_that_do_not_fit(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=200, days=5)
    with pytest.raises(UserError, match=r"no fold fits: the events span 4d"):
        validate(warehouse, fs, "all", Windows(7 * DAY, 3 * DAY, DAY, DAY))
