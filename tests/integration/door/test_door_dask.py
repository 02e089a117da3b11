"""Workers that pull their own days through a door, as they would from a ClickHouse server."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from doors import ROOT, Built, of_server

from models_ml.batches import snapshot_rows
from models_ml.cluster import learner
from models_ml.cluster.learner import days_of, deal
from models_ml.learners import Means
from models_ml.registry import load_model, read_model
from models_ml.snapshot import pull_snapshot
from models_ml.training import train
from warehouse.connection import Warehouse
from warehouse.contracts import read_feature_set
from warehouse.errors import UserError

sys.path.append(str(ROOT / "tests" / "integration"))
from dask_workers import dask_workers


def test_workers_pull_the_snapshots_days(
    built: Built, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = read_feature_set(warehouse.project, "fs_install")
    place = {
        "DBT_PROJECT_DIR": str(warehouse.project.project_dir),
        "DBT_PROFILES_DIR": str(warehouse.project.profiles_dir),
        "CLICKWARD_SCHEMA": "clickward",
    }
    said: list[str] = []
    few = {"n_estimators": 5}
    with dask_workers(tmp_path, 2, **place, **of_server(built.engineer)) as address:
        trained = train(warehouse, fs, "xgboost", parameters=few, means=Means(dask=address),
                        say=said.append)  # fmt: skip
        assert "2 Dask worker(s) pull 4 day(s) from server" in said
        assert list(tmp_path.rglob("*.parquet")) == []
        loaded = load_model(warehouse, read_model(warehouse, trained.model_version))
        assert loaded.estimator.booster_.num_boosted_rounds() == 5

        # A day that is no longer what the snapshot holds ends the training.
        def altered(rows, manifest):
            found = days_of(rows, manifest)
            day, at = found[1]
            return [found[0], (replace(day, content_hash="0" * 64), at), *found[2:]]

        monkeypatch.setattr(learner, "days_of", altered)
        with pytest.raises(UserError, match=r"has changed since the snapshot was pulled"):
            train(warehouse, fs, "xgboost", parameters=few, seed=1, means=Means(dask=address))


def test_days_are_dealt_by_their_rows(warehouse: Warehouse) -> None:
    fs = read_feature_set(warehouse.project, "fs_install")
    snapshot = pull_snapshot(warehouse, fs)
    days = days_of(snapshot_rows(snapshot.path), snapshot.manifest)
    assert sum(day.rows for day, _ in days) == snapshot.manifest["rows"]
    assert [place for _, place in days] == sorted({place for _, place in days})
    assert len({day.content_hash for day, _ in days}) == len(days) == 4
    owned = deal(days, 3)
    dealt = sorted((one for mine in owned for one in mine), key=lambda one: one[1])
    assert dealt == days
    assert max(len(mine) for mine in owned) == 2
    assert len(deal(days, 9)) == 4
