"""Scoring: contents, repetition, contracts, and runs killed at any moment."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import models_world as world
import numpy as np
import polars as pl
import pytest

from clickward.models_ml.dataset.frames import read_frame
from clickward.models_ml.dataset.snapshot import pull_snapshot
from clickward.models_ml.estimators.reasons import as_text
from clickward.models_ml.scoring.run import score
from clickward.models_ml.training.registry import load_model, read_model
from clickward.models_ml.training.run import train
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import find_project
from clickward.warehouse.run_log import drop_uncommitted

FAST = {"n_estimators": 20}
CHILD = Path(__file__).with_name("models_score_child.py")


def scores_of(warehouse: Warehouse, run_id: str) -> pl.DataFrame:
    return warehouse.query(
        "select *, toString(subject_id) as id"
        f" from {warehouse.table('ml', 'scores')} where run_id = {{run_id:String}}"
        " order by subject_at, id",
        run_id=run_id,
    )


@pytest.mark.parametrize("model", ["xgboost", "logistic_regression", "isolation_forest"])
def test_scores_are_the_models_with_its_reasons(warehouse: Warehouse, model: str) -> None:
    fs = world.make_world(warehouse, n=1000, days=8)
    trained = train(warehouse, fs, model)
    batches: list[int] = []
    run = score(warehouse, fs, batch_rows=300, advance=batches.append)
    assert batches == [300, 300, 300, 100]
    assert run.rows == 1000
    found = scores_of(warehouse, run.run_id)
    assert found["id"].n_unique() == found.height == 1000
    frame = read_frame(pull_snapshot(warehouse, fs).path)
    assert found["id"].to_list() == frame.ids.to_list()
    estimator = load_model(warehouse, read_model(warehouse, trained.model_version)).estimator
    assert np.array_equal(found["score"].to_numpy(), estimator.predict_score(frame.X))
    threshold = trained.thresholds["balanced"]
    assert found["threshold"].unique().to_list() == [threshold]
    assert found["is_flagged"].to_list() == [int(s >= threshold) for s in found["score"]]
    assert run.flagged == found["is_flagged"].sum() > 0
    text = {name: as_text(frame.X[name]).to_list() for name in frame.X.columns}
    contributions = estimator.explain(frame.X)
    for i, row in enumerate(found.iter_rows(named=True)):
        names = row["reason_features"]
        assert row["reason_values"] == [text[name][i] for name in names]
        own = dict(zip(frame.X.columns, contributions[i], strict=True))
        assert row["reason_contributions"] == pytest.approx([own[name] for name in names])
        strongest = sorted((v for v in own.values() if v > 0), reverse=True)[:3]
        assert row["reason_contributions"] == pytest.approx(strongest)
    facts = found.select("model_version", "snapshot_id", "contract_hash", "subject").unique()
    assert facts.rows() == [
        (trained.model_version, trained.row["snapshot_id"], fs.contract_hash, "install")
    ]


def test_scoring_twice_is_two_runs_with_equal_scores(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=600, days=8)
    train(warehouse, fs, "xgboost", parameters=FAST)
    first, second = score(warehouse, fs), score(warehouse, fs, batch_rows=77)
    assert first.run_id != second.run_id
    given = ["id", "score", "reason_features", "reason_values", "reason_contributions"]
    one, other = (scores_of(warehouse, run.run_id) for run in (first, second))
    assert one.select(given).equals(other.select(given))
    table = warehouse.table("ml", "scores")
    assert warehouse.scalar(f"select count() from {table}") == 1200
    per_run = warehouse.scalar(
        f"select max(c) from (select count() as c from {table} group by run_id, subject_id)"
    )
    assert per_run == 1


def test_only_fraud_flags(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=800, days=8)
    # The same table read as a conversion label: never a reason to flag anyone.
    name = fs.relation
    warehouse.command(f"alter table {name} add column is_attributed UInt8 default is_fraud")
    conversion = replace(fs, name="fs_conversion", target="is_attributed")
    train(warehouse, conversion, "xgboost", parameters=FAST)
    run = score(warehouse, conversion)
    assert run.flagged is None
    found = scores_of(warehouse, run.run_id)
    assert found["is_flagged"].null_count() == found.height
    assert found["threshold"].null_count() == 0


def test_refusals(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=600, days=8)
    with pytest.raises(UserError, match="no model is trained on fs_install"):
        score(warehouse, fs)
    train(warehouse, fs, "xgboost", parameters=FAST)
    with pytest.raises(UserError, match="expects contract"):
        score(warehouse, world.changed(fs))
    with pytest.raises(UserError, match="no rows in"):
        score(warehouse, fs, from_at=world.START.replace(year=2030))
    assert warehouse.scalar(f"select count() from {warehouse.table('ml', 'scores')}") == 0


def test_uncommitted_rows_are_removed_and_committed_ones_kept(
    warehouse: Warehouse, said: list[str]
) -> None:
    fs = world.make_world(warehouse, n=600, days=8)
    train(warehouse, fs, "xgboost", parameters=FAST)
    kept, lost = score(warehouse, fs), score(warehouse, fs)
    runs, table = warehouse.table("ml", "runs"), warehouse.table("ml", "scores")
    warehouse.command(
        f"alter table {runs} delete where run_id = '{lost.run_id}' settings mutations_sync = 2"
    )
    # On a server a young run may still be at work: it stays.
    server = replace(warehouse, target=replace(warehouse.target, type="clickhouse"))
    assert drop_uncommitted(server, "score", "scores", "scored_at") == 0
    said.clear()
    third = score(warehouse, fs)
    assert said[0] == "removed 600 scores of runs that never ended"
    found = warehouse.query(f"select distinct run_id from {table}")["run_id"].to_list()
    assert sorted(found) == sorted([kept.run_id, third.run_id])
    warehouse.command(f"truncate table {runs}")
    warehouse.command(
        f"alter table {table} update scored_at = scored_at - interval 2 day where 1"
        " settings mutations_sync = 2"
    )
    assert drop_uncommitted(server, "score", "scores", "scored_at") == 1200


class Child:
    """Runs the child program on one store."""

    def __init__(self, folder: Path) -> None:
        self.arguments = [sys.executable, str(CHILD), str(folder / "store")]
        self.arguments.append(
            str(shutil.copytree(find_project().profiles_dir, folder / "profiles"))
        )

    def run(self, verb: str) -> str:
        done = subprocess.run([*self.arguments, verb], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def show(self) -> dict:
        return json.loads(self.run("show"))

    def kill_after(self, lines: int, seconds: float) -> int:
        process = subprocess.Popen([*self.arguments, "score"], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        return process.wait()


@pytest.mark.group("kills")
@pytest.mark.full
def test_killed_runs_leave_nothing_and_the_next_equals_an_unkilled_one(tmp_path: Path) -> None:
    child = Child(tmp_path)
    child.run("make")
    child.run("score")
    [(reference, expected)] = child.show()["runs"].items()
    assert len(expected) == 1500
    rng = random.Random(7)
    # Before the first batch, among the batches, and after the last, before or about the commit.
    moments = [1, rng.randint(3, 14), 16]
    left_behind = 0
    for lines in moments:
        assert child.kill_after(lines, rng.random() * 0.02) == -signal.SIGKILL
        left = child.show()
        left_behind += left["stray"]
        for scores in left["runs"].values():
            assert scores == expected
    assert left_behind > 0  # or nothing was tested
    before = set(child.show()["runs"])
    child.run("score")
    after = child.show()
    assert after["stray"] == 0
    assert len(set(after["runs"]) - before) == 1
    assert reference in after["runs"]
    for scores in after["runs"].values():
        assert scores == expected
