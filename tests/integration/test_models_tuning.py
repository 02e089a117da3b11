"""Tuning: what it may look at, that it repeats, and that a killed study goes on as if unkilled."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import models_world as world
import numpy as np
import polars as pl
import pytest

from clickward.models_ml.dataset.frames import read_frame
from clickward.models_ml.training.run import train
from clickward.models_ml.tuning import run as tuning
from clickward.models_ml.tuning.run import Tuned, measured, plan_folds, tune
from clickward.models_ml.tuning.studies import (
    Trial,
    best_of,
    best_parameters,
    read_study,
    study_names,
)
from clickward.models_ml.validation import Windows
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.profile import find_project

DAY = timedelta(days=1)
WINDOWS = Windows(4 * DAY, DAY, DAY)
CHILD = Path(__file__).with_name("models_tune_child.py")


def run(warehouse: Warehouse, fs: FeatureSet, trials: int = 3, **options: object) -> Tuned:
    return tune(warehouse, fs, "logistic_regression", trials, windows=WINDOWS, **options)  # type: ignore[arg-type]


def found(trials: list[Trial]) -> list[tuple[object, ...]]:
    return [(t.number, t.state, t.folds, t.parameters) for t in trials]


def test_inner_folds_end_before_the_last_and_wait_for_labels() -> None:
    plan = plan_folds(world.START, world.START + 20 * DAY, Windows(7 * DAY, 3 * DAY, 2 * DAY))
    # Test windows open on days 10, 12, 14, 16 and 18; training for the last ends on day 15.
    opened = [
        (fold.test_from - plan.inner[0].train_from) / np.timedelta64(1, "D") for fold in plan.inner
    ]
    assert opened == [10, 12]
    assert plan.stands_at == world.START + 18 * DAY
    assert plan.reads_to == world.START + 14 * DAY
    # Without a delay all of them are settled.
    plain = plan_folds(world.START, world.START + 20 * DAY, Windows(7 * DAY, 0 * DAY, 2 * DAY))
    assert len(plain.inner) == 5
    assert plain.reads_to == plain.stands_at
    # Overlapping test windows: none may reach into the last.
    dense = plan_folds(world.START, world.START + 20 * DAY, Windows(7 * DAY, 0 * DAY, 6 * DAY, DAY))
    assert dense.reads_to <= dense.stands_at
    with pytest.raises(UserError, match=r"gives 1 fold\(s\) and the last is held out"):
        plan_folds(world.START, world.START + 10 * DAY, Windows(7 * DAY, 0 * DAY, 3 * DAY))


def test_the_last_fold_is_not_looked_at(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=600, days=10, with_truth=False)
    first = run(warehouse, fs, 2)
    opens = first.study.facts["held_out_from"]
    snapshots = warehouse.table("ml", "snapshots")
    [path] = warehouse.query(f"select path from {snapshots}")["path"]
    frame = read_frame(warehouse.project.home / path)
    assert str(frame.times.max()).replace("T", " ") < opens
    # Plant nonsense in everything from the held-out window on, and verdicts known later.
    for statement in (
        f"alter table {fs.relation} update is_fraud = 1 - is_fraud, ip__clicks_1h = 1000000"
        f" where event_at >= '{opens}'",
        f"alter table {warehouse.table('core', 'labels')} update value = 1 - value"
        f" where subject_at >= '{opens}' or known_at > '{opens}'",
    ):
        warehouse.command(f"{statement} settings mutations_sync = 2")
    shutil.rmtree(warehouse.project.home / "studies")
    again = run(warehouse, fs, 2)
    assert again.study.name == first.study.name
    assert found(again.trials) == found(first.trials)
    # The same nonsense before it is seen: the check above can fail.
    warehouse.command(
        f"alter table {fs.relation} update ip__clicks_1h = 1000000"
        f" where event_at < '{opens}' settings mutations_sync = 2"
    )
    assert run(warehouse, fs, 1).study.name != first.study.name


def test_a_study_repeats_goes_on_and_trains(warehouse: Warehouse, said: list[str]) -> None:
    fs = world.make_world(warehouse, n=600, days=10, with_truth=False)
    said.clear()
    whole = run(warehouse, fs, 4)
    assert (len(whole.trials), whole.made) == (4, 4)
    assert any("is not looked at" in line for line in said)
    home = warehouse.project.home
    assert study_names(home) == [whole.study.name]
    assert whole.trials[0].parameters == {"C": 1.0, "class_weight": None}
    assert whole.best is not None
    assert whole.best.value == max(t.value for t in whole.trials if t.state == "complete")
    # Once more, stopped on the way: the same trials in the end.
    shutil.rmtree(home / "studies")
    part = run(warehouse, fs, 2)
    assert (len(part.trials), part.made) == (2, 2)
    rest = run(warehouse, fs, 4)
    assert rest.made == 2
    assert found(rest.trials) == found(whole.trials)
    assert run(warehouse, fs, 4).made == 0
    assert run(warehouse, fs, 50, timeout=timedelta()).made == 0
    other = run(warehouse, fs, 2, seed=1)
    assert other.study.name != whole.study.name
    assert found(other.trials)[1] != found(whole.trials)[1]
    # What BI reads: the latest run of the study holds all of it.
    stored = warehouse.query(
        f"select trial, state, value, parameters, is_best from {warehouse.table('ml', 'trials')}"
        " where run_id = (select run_id from"
        f" {warehouse.table('ml', 'runs')} where kind = 'tune' and"
        " JSONExtractString(parameters, 'study') = {study:String}"
        " order by committed_at desc limit 1) order by trial",
        study=whole.study.name,
    )
    assert stored["value"].to_list() == [t.value for t in whole.trials]
    assert [json.loads(p) for p in stored["parameters"]] == [t.parameters for t in whole.trials]
    assert stored.filter(pl.col("is_best") == 1)["trial"].to_list() == [whole.best.number]
    best = best_parameters(home, whole.study.name, "logistic_regression")
    trained = train(warehouse, fs, "logistic_regression", parameters=best)
    assert json.loads(trained.row["parameters"])["C"] == whole.best.parameters["C"]
    with pytest.raises(UserError, match="tunes logistic_regression, not xgboost"):
        best_parameters(home, whole.study.name, "xgboost")
    with pytest.raises(UserError, match="no study 'other'"):
        read_study(home, "other")


def test_values_are_the_metric_of_a_model_trained_by_hand(warehouse: Warehouse) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    fs = world.make_world(warehouse, n=600, days=10, with_truth=False)
    tuned = run(warehouse, fs, 1)
    path = warehouse.query(f"select path from {warehouse.table('ml', 'snapshots')}")["path"][0]
    frame = read_frame(warehouse.project.home / path)
    span = tuning.resolve_span(warehouse, fs)
    plan = plan_folds(span.from_at, span.to_at, WINDOWS)
    fold = plan.inner[0]
    train_rows, test_rows = fold.train_rows(frame.times), fold.test_rows(frame.times)
    history = tuning._history(warehouse, fs, warehouse.project.home / path, plan)
    y = history.labels(train_rows, tuning.to_datetime(fold.test_from))
    estimator = tuning.build_estimator("logistic_regression", {}, 0).fit(frame.X[train_rows], y)
    scores = estimator.predict_score(frame.X[test_rows])
    truth = frame.y[test_rows]  # the snapshot's labels are as of the opening of the last window
    assert tuned.trials[0].folds[0] == pytest.approx(average_precision_score(truth, scores))
    assert measured("roc_auc", scores, truth) == pytest.approx(roc_auc_score(truth, scores))


def test_bad_trials_are_pruned_and_refused_ones_fail(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = world.make_world(warehouse, n=600, days=10, with_truth=False)
    made: list[int] = []

    def rigged(self, parameters, report):
        made.append(len(made))
        if len(made) == 3:
            raise UserError("too deep")
        values: list[float] = []
        for step in range(3):
            values.append(0.1 if len(made) == 8 else 0.9)
            if report(step, float(np.mean(values))):
                break
        return values

    monkeypatch.setattr(tuning.Objective, "__call__", rigged)
    tuned = run(warehouse, fs, 8)
    states = [trial.state for trial in tuned.trials]
    assert states == ["complete"] * 2 + ["failed"] + ["complete"] * 4 + ["pruned"]
    assert [len(trial.folds) for trial in tuned.trials] == [3, 3, 0, 3, 3, 3, 3, 1]
    assert best_of(tuned.trials) == tuned.trials[0]  # of equals the first


def test_one_process_at_a_time_and_mistakes_are_named(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=600, days=10, with_truth=False)

    def inside(trial: Trial, best: Trial | None) -> None:
        with pytest.raises(UserError, match="another process is at work on the study"):
            run(warehouse, fs, 2)

    run(warehouse, fs, 1, finished=inside)
    with pytest.raises(UsageError, match="no metric 'luck'"):
        run(warehouse, fs, metric="luck")


@pytest.mark.group("kills")
@pytest.mark.full
def test_a_killed_study_goes_on_as_if_unkilled(tmp_path: Path) -> None:
    def child(folder: str) -> list[str]:
        home = tmp_path / folder
        profiles = shutil.copytree(find_project().profiles_dir, home / "profiles")
        return [sys.executable, str(CHILD), str(tmp_path / "store"), str(profiles)]

    def finish(arguments: list[str], verb: str) -> str:
        done = subprocess.run([*arguments, verb], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    whole, killed = child("whole"), child("killed")
    finish(whole, "make")
    assert finish(whole, "tune").count("trial") == 5
    # In the middle of the second or third trial, wherever that is.
    process = subprocess.Popen([*killed, "tune"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "trial\n"
    time.sleep(random.Random(3).random() * 0.2)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    after = finish(killed, "tune").count("trial")
    assert 0 < after <= 4
    assert json.loads(finish(killed, "show")) == json.loads(finish(whole, "show"))
