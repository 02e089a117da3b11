"""One small world, built once: published for readers, and served to an engineer."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest
from doors import DBT, ROOT, Built, Door, Place, of_server, serving

from clickward.simulator import load_scenario, simulate
from clickward.warehouse.connection import Warehouse, connection
from clickward.warehouse.profile import Project

DAYS = 4


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A project of its own with the reports loaded, and users."""
    folder = tmp_path_factory.mktemp("door")
    simulate(load_scenario("demo", days=DAYS, clicks=4000, seed=9), folder / "world")
    local = Place(folder / "loaded")
    shutil.copytree(ROOT / "profiles", local.folder / "profiles")
    shutil.copytree(
        ROOT / "dbt_project", local.folder / "dbt_project",
        ignore=shutil.ignore_patterns("target", "logs"),
    )  # fmt: skip
    local.run("load", "appsflyer", folder / "world")
    local.run("load", "truth", folder / "world" / "truth.parquet")
    local.add_users()
    return local


@pytest.fixture(scope="session")
def built(loaded: Place) -> Iterator[Built]:
    """Built without the project's tests, which other tests run."""
    local = loaded.copy(loaded.folder.with_name("local"))
    words = ["build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
    done = subprocess.run(
        [DBT, *words, *local.options()],
        cwd=ROOT, env=local.environment(), text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    served = local.copy(local.folder.with_name("served"))
    local.run("publish")
    with serving(served, "engineer") as engineer:
        yield Built(local, served, engineer)


@pytest.fixture(scope="session")
def engineer(built: Built) -> Door:
    """The engineer's door on a copy of the built store."""
    return built.engineer


@pytest.fixture(scope="session")
def reader(built: Built) -> Iterator[Door]:
    """A reader's door on the publication of the local build."""
    with serving(built.local, "reader") as door:
        yield door


@pytest.fixture
def scratch(engineer: Door, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the test's own behind the engineer's door."""
    name = "scratch_" + request.node.name.split("[")[0]
    engineer.value(f"create database {name}")
    yield name
    engineer.value(f"drop database {name} sync")


@pytest.fixture
def warehouse(built: Built, engineer: Door, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """The project's own connection, on target `server` at the engineer's door."""
    for name, value in (built.served.environment() | of_server(engineer)).items():
        monkeypatch.setenv(name, value)
    folder = built.served.folder
    with connection(Project(folder / "dbt_project", folder / "profiles", "server")) as connected:
        yield connected
