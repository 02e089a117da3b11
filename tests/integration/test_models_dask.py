"""Training on a Dask cluster of two real worker processes, compared with one machine."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import dask
import models_world as world
import numpy as np
import pytest
from dask_workers import dask_workers
from sklearn.metrics import average_precision_score, roc_auc_score

from clickward.models_ml.dataset.batches import SnapshotRows
from clickward.models_ml.dataset.frames import read_frame
from clickward.models_ml.dataset.snapshot import pull_snapshot
from clickward.models_ml.training.cluster import cluster_at, connecting, worker
from clickward.models_ml.training.cluster.learner import PulledDays, SharedFile
from clickward.models_ml.training.learners import Limits, Means
from clickward.models_ml.training.registry import load_model, read_model
from clickward.models_ml.training.run import train
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import ConnectionFailed, UsageError, UserError

FAST = {"n_estimators": 20}


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a cluster of two workers."""
    with dask_workers(tmp_path_factory.mktemp("dask"), workers=2) as address:
        yield address


def forget(warehouse: Warehouse) -> None:
    for table in ("models", "thresholds", "runs"):
        warehouse.command(f"truncate table {warehouse.table('ml', table)}")


@pytest.mark.full
def test_two_workers_grow_the_model_of_one_machine(
    warehouse: Warehouse, scheduler: str, said: list[str]
) -> None:
    fs = world.make_world(warehouse, n=2000, days=10)
    alone = train(warehouse, fs, "xgboost", parameters=FAST)
    said.clear()
    together = train(warehouse, fs, "xgboost", parameters=FAST, means=Means(dask=scheduler))
    assert any("2 Dask worker(s) read" in line for line in said)
    assert together.is_new
    assert together.model_version != alone.model_version
    frame = read_frame(pull_snapshot(warehouse, fs).path)
    scores, weights = {}, []
    for trained in (alone, together):
        # Read back from the artifact, in this process, without Dask.
        artifact = load_model(warehouse, read_model(warehouse, trained.model_version))
        scores[trained.model_version] = artifact.estimator.predict_score(frame.X)
        (first, *_) = artifact.estimator.booster_.get_dump(with_stats=True, dump_format="json")
        weights.append(json.loads(first)["cover"])
    one, two = scores.values()
    # The trees rest on the rows of both workers: those of one have half the weight.
    assert weights[1] == pytest.approx(weights[0], rel=0.001)
    # Bins come from summaries of two halves, so that trees may be cut elsewhere.
    for metric, near in ((roc_auc_score, 0.01), (average_precision_score, 0.02)):
        assert metric(frame.y, two) == pytest.approx(metric(frame.y, one), abs=near)
    assert np.median(np.abs(one - two)) < 0.01
    # The same cluster once more, its bins on disk: the same model to the bit.
    forget(warehouse)
    means = Means(dask=scheduler, limits=Limits(0, 0))
    again = train(warehouse, fs, "xgboost", parameters=FAST, means=means)
    assert again.is_new
    assert again.model_version == together.model_version
    loaded = load_model(warehouse, read_model(warehouse, again.model_version)).estimator
    assert np.array_equal(loaded.predict_score(frame.X), two)


def test_a_worker_without_early_days_is_left_out_and_no_other_takes_its_place() -> None:
    a, b, c = (SnapshotRows(Path(name), "is_fraud", 0, 50, ()) for name in "abc")
    pulled = PulledDays((((c, 100),), ((a, 0), (b, 50))))
    (early,) = pulled.shares(80)
    assert (early.worker, early.places) == (1, (0, 50))
    assert [len(part) for part in early.pieces.parts] == [50, 30]
    assert early.of(np.arange(80)).tolist() == list(range(80))
    assert [share.worker for share in pulled.shares(150)] == [0, 1]
    few = SharedFile(a, workers=3).shares(2)
    assert [(share.worker, share.places, len(share.pieces)) for share in few] == [
        (0, (0,), 1),
        (1, (1,), 1),
    ]


def test_what_a_worker_cannot_do_is_said(
    warehouse: Warehouse, scheduler: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fs = world.make_world(warehouse, n=600, days=6)
    with pytest.raises(UserError, match="no such CUDA device"):
        train(warehouse, fs, "xgboost", means=Means("cuda:99", scheduler))
    with pytest.raises(UsageError, match="isolation_forest does not learn on a cluster") as caught:
        train(warehouse, fs, "isolation_forest", means=Means(dask=scheduler))
    assert caught.value.hint == "--dask is for xgboost"
    with cluster_at(scheduler) as cluster:
        assert cluster.run(worker.sees, [(tmp_path, 1)] * 2) == [False, False]
        with pytest.raises(UserError, match="a Dask worker failed: AttributeError: 'str'"):
            cluster.run(worker.sees, [("text", 1)])
    monkeypatch.setattr(connecting, "version", lambda name: "0.0.1")
    with (
        pytest.raises(UserError, match=r"has clickward .*, here is 0\.0\.1"),
        cluster_at(scheduler),
    ):
        pytest.fail("connected")


def test_a_cluster_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "CONNECT", 1)
    with (
        pytest.raises(ConnectionFailed, match="no Dask scheduler answers at tcp"),
        cluster_at("tcp://127.0.0.1:9"),
    ):
        pytest.fail("connected")


def test_without_the_extra_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match="--dask needs the extra dask") as caught:
        cluster_at("tcp://127.0.0.1:9").__enter__()
    assert "pip install 'clickward[dask]'" in str(caught.value.hint)


@pytest.mark.full
def test_workers_are_seen_while_the_client_renews_what_it_keeps(scheduler: str) -> None:
    # Its loop replaces what it keeps of the cluster by an answer that names no workers.
    with dask.config.set({"distributed.client.scheduler-info-interval": "1ms"}):
        for _ in range(5):
            with cluster_at(scheduler) as cluster:
                for _ in range(100):
                    cluster.check_alive()


@pytest.mark.full
def test_a_lost_worker_ends_the_training(scheduler: str) -> None:
    # The last test of the module: one of its workers dies.
    with (
        cluster_at(scheduler) as cluster,
        pytest.raises(UserError, match=f"the Dask worker {cluster.workers[1]} is gone"),
    ):
        cluster.run(os._exit, [(1,)], on=[1])
