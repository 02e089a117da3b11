"""Workers that pull their own days through a door, as they would from a ClickHouse server."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from doors import ROOT, Place, of_server, serving
from integration import models_world as world
from integration.dask_workers import dask_workers

from clickward.models_ml.dataset.batches import snapshot_rows
from clickward.models_ml.dataset.snapshot import pull_snapshot
from clickward.models_ml.training.cluster import learner
from clickward.models_ml.training.cluster.learner import days_of, deal
from clickward.models_ml.training.learners import Means
from clickward.models_ml.training.registry import load_model, read_model
from clickward.models_ml.training.run import train
from clickward.warehouse.connection import Warehouse, connection
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project

pytestmark = pytest.mark.full

FEW = {"n_estimators": 5}
CHILD = """
import sys
from pathlib import Path
from integration import models_world
from clickward.warehouse.connection import connection
from clickward.warehouse.profile import Project
folder = Path(sys.argv[1])
with connection(Project(folder / "dbt_project", folder / "profiles", "local")) as warehouse:
    models_world.make_world(warehouse, n=1500, days=8, with_truth=False)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A project whose store holds the small world of the modelling tests."""
    found = Place(tmp_path_factory.mktemp("dask_door"))
    ignored = shutil.ignore_patterns("target", "logs")
    for name in ("profiles", "dbt_project"):
        shutil.copytree(ROOT / name, found.folder / name, ignore=ignored)
    found.add_users()
    environment = found.environment(PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}")
    subprocess.run(
        [sys.executable, "-c", CHILD, str(found.folder)], env=environment, cwd=ROOT, check=True
    )
    return found


@pytest.fixture
def at_the_door(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The variables by which this process and the workers find the door and the project."""
    with serving(place, "engineer") as door:
        found = {
            "DBT_PROJECT_DIR": str(place.folder / "dbt_project"),
            "DBT_PROFILES_DIR": str(place.folder / "profiles"),
            "CLICKWARD_SCHEMA": "clickward",
            **of_server(door),
        }
        for name, value in found.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def warehouse(place: Place, at_the_door: dict[str, str]) -> Iterator[Warehouse]:
    project = Project(place.folder / "dbt_project", place.folder / "profiles", "server")
    with connection(project) as connected:
        yield connected


def test_workers_pull_the_snapshots_days(
    warehouse: Warehouse,
    at_the_door: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: list[str],
) -> None:
    fs = world.feature_set(warehouse)
    days = days_of(*_pulled(warehouse))
    assert [place for _, place in days] == sorted({place for _, place in days})
    assert len({day.content_hash for day, _ in days}) == len(days) == 9
    owned = deal(days, 2)
    dealt = sorted((one for mine in owned for one in mine), key=lambda one: one[1])
    assert dealt == days
    assert abs(sum(d.rows for d, _ in owned[0]) - sum(d.rows for d, _ in owned[1])) < 200
    said.clear()
    with dask_workers(tmp_path, 2, **at_the_door) as address:
        means = Means(dask=address)
        as_of = world.START + 8 * world.DAY
        trained = train(warehouse, fs, "xgboost", as_of=as_of, parameters=FEW, means=means)
        assert "2 Dask worker(s) pull 9 day(s) from server" in said
        assert list(tmp_path.rglob("*.parquet")) == []
        loaded = load_model(warehouse, read_model(warehouse, trained.model_version))
        assert loaded.estimator.booster_.num_boosted_rounds() == 5
        alone = train(warehouse, fs, "xgboost", as_of=as_of, parameters=FEW)
        assert trained.thresholds == pytest.approx(alone.thresholds, abs=0.05)

        # A day that is no longer what the snapshot holds ends the training.
        def altered(rows, manifest):
            (day, place), *others = days_of(rows, manifest)
            return [(replace(day, content_hash="0" * 64), place), *others]

        monkeypatch.setattr(learner, "days_of", altered)
        with pytest.raises(UserError, match=r"has changed since the snapshot was pulled"):
            train(warehouse, fs, "xgboost", parameters=FEW, seed=1, means=means)
        assert list(tmp_path.rglob("*.parquet")) == []


def _pulled(warehouse: Warehouse):
    snapshot = pull_snapshot(warehouse, world.feature_set(warehouse))
    return snapshot_rows(snapshot.path), snapshot.manifest
