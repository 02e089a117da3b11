"""One small world, built and scored once for all tests of what people act on."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from scored_world import (
    CLICKS,
    DAYS,
    ECONOMICS,
    SCHEMA,
    SCORE_FROM,
    START,
    TRAIN_TO,
    World,
    score_clicks,
)

from clickward.cli.main import app
from clickward.models_ml.scoring.run import score
from clickward.models_ml.training.run import train
from clickward.warehouse.connection import Warehouse, connect
from clickward.warehouse.contracts import read_feature_set
from clickward.warehouse.profile import Project, find_project
from tests.harness import build_untested, copy_schema, drop_schemas, run, use_schema

COPY = "marts_copy"


@pytest.fixture(scope="session")
def world(store: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Simulated, loaded, built, and scored by a champion and after it by a challenger."""
    home = tmp_path_factory.mktemp("scored")
    checkout = find_project(target="local")
    profiles = shutil.copytree(checkout.profiles_dir, home / "profiles")
    project = Project(checkout.project_dir, profiles, "local")
    files = home / "world"
    (home / "economics.csv").write_text(ECONOMICS)
    with pytest.MonkeyPatch.context() as patch:
        use_schema(patch, SCHEMA)
        simulate = f"simulate --days {DAYS} --clicks {CLICKS} --seed 7 --start {START} --out"
        assert not app([*simulate.split(), str(files)], standalone_mode=False)
        run(project, "load", "appsflyer", files)
        run(project, "load", "truth", files / "truth.parquet")
        run(project, "load", "economics", home / "economics.csv")
        build_untested(project)
        fs_install = read_feature_set(project, "fs_install")
        warehouse = connect(project)
        try:
            train_to, score_from = (
                datetime.fromisoformat(f"{day}T00:00:00+00:00") for day in (TRAIN_TO, SCORE_FROM)
            )
            champion, challenger = (
                train(warehouse, fs_install, model, to_at=train_to, as_of=score_from).model_version
                for model in ("xgboost", "logistic_regression")
            )
            run(project, "models", "promote", champion, "--reason", "ranks best")
            score(warehouse, fs_install, score_from, version=champion)
            score_clicks(warehouse)
        finally:
            warehouse.close()
        run(project, "score", "fs_install", "--from", SCORE_FROM, "--model-version", challenger)
    return World(project, files, champion, challenger)


@pytest.fixture
def built(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """The built world itself, to read only."""
    use_schema(monkeypatch, SCHEMA)
    connected = connect(world.project)
    yield connected
    connected.close()


@pytest.fixture
def copied(world: World, built: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """A copy of the built world under a schema of its own, to change; parts are shared on disk.

    After `built`, whose schema commands would otherwise be led to.
    """
    drop_schemas(COPY)
    use_schema(monkeypatch, COPY)
    connected = connect(world.project)
    copy_schema(connected, SCHEMA, COPY)
    yield connected
    connected.close()


@pytest.fixture
def on_copy(copied: Warehouse) -> Callable[..., None]:
    """Runs a command on the copy."""
    return lambda *words: run(copied.project, *words)
