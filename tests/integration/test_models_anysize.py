"""Training beyond memory and on devices, from the engine to the artifact."""

from dataclasses import replace

import models_world as world
import numpy as np
import pytest

from clickward.models_ml.dataset import batches
from clickward.models_ml.dataset.frames import read_frame
from clickward.models_ml.dataset.snapshot import pull_snapshot
from clickward.models_ml.evaluation.thresholds import Holdout
from clickward.models_ml.training.learners import Limits, Means
from clickward.models_ml.training.registry import load_model, read_model
from clickward.models_ml.training.run import train
from clickward.models_ml.tuning.run import tune
from clickward.models_ml.validation import Protocol, validate
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError

FAST = {"n_estimators": 20}


def test_a_snapshot_beyond_memory_gives_the_same_model(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 400)
    fs = world.make_world(warehouse, n=1500, days=10)
    frame = read_frame(pull_snapshot(warehouse, fs).path)
    ways = {"": Limits(), "in batches": Limits(0), "with bins on disk": Limits(0, 0)}
    found = []
    for told, limits in ways.items():
        for table in ("models", "thresholds", "runs"):
            warehouse.command(f"truncate table {warehouse.table('ml', table)}")
        said.clear()
        trained = train(warehouse, fs, "xgboost", parameters=FAST, means=Means(limits=limits))
        assert any("1,500 rows of 6 features" in line for line in said) == bool(told)
        assert not told or any(told in line for line in said)
        artifact = load_model(warehouse, read_model(warehouse, trained.model_version))
        scores = artifact.estimator.predict_score(frame.X)
        holdout = Holdout.load(artifact.folder)
        trees = (artifact.folder / "booster.ubj").read_bytes()
        found.append((trained, scores, holdout, trees))
    first = found[0]
    for trained, scores, holdout, trees in found[1:]:
        assert trained.is_new
        assert trained.model_version == first[0].model_version
        assert trained.thresholds == first[0].thresholds
        assert trees == first[3]
        assert np.array_equal(scores, first[1])
        assert np.array_equal(holdout.scores, first[2].scores)
        assert np.array_equal(holdout.times, first[2].times)
    assert list((warehouse.project.home / "cache").iterdir()) == []


def test_a_device_that_is_not_there_is_said_before_data_are_pulled(warehouse: Warehouse) -> None:
    fs = replace(world.feature_set(warehouse), relation="nowhere.fs_install")
    absent = "cuda:99"
    with pytest.raises(UserError, match="no such CUDA device"):
        train(warehouse, fs, "xgboost", means=Means(device=absent))
    with pytest.raises(UserError, match="no such CUDA device"):
        validate(warehouse, fs, "xgboost", protocol=Protocol(device=absent))
    with pytest.raises(UserError, match="no such CUDA device"):
        tune(warehouse, fs, "xgboost", 1, device=absent)
