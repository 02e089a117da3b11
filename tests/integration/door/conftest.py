"""One small world, built twice at once: locally, and by dbt through an engineer's door."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import ROOT, Built, Door, Place, marts, of_server, serving

from clickward.simulator import load_scenario, simulate
from clickward.warehouse.connection import Warehouse, connection
from clickward.warehouse.profile import Project

DAYS = 4
DBT = Path(sys.executable).with_name("dbt")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("door")
    simulate(load_scenario("demo", days=DAYS, clicks=4000, seed=9), folder / "world")
    local = Place(folder / "local")
    shutil.copytree(ROOT / "profiles", local.folder / "profiles")
    shutil.copytree(
        ROOT / "dbt_project", local.folder / "dbt_project",
        ignore=shutil.ignore_patterns("target", "logs"),
    )  # fmt: skip
    local.run("load", "appsflyer", folder / "world")
    local.run("load", "truth", folder / "world" / "truth.parquet")
    local.add_users()
    served = local.copy(folder / "served")
    with serving(served, "engineer") as engineer:
        # Without its tests: the build through the door runs them.
        locally = subprocess.Popen(
            [
                DBT, "build", "--exclude-resource-type", "test",
                "--exclude-resource-type", "unit_test", *local.options(),
            ],
            cwd=ROOT, env=local.environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        through = subprocess.run(
            [DBT, "build", *served.options("server")],
            cwd=ROOT, env=served.environment(**of_server(engineer)), text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        talk, _ = locally.communicate()
        assert locally.returncode == 0, talk[-3000:]
        assert through.returncode == 0, through.stdout[-3000:]
        local.run("publish")
        yield Built(local, served, engineer, marts(engineer))


@pytest.fixture(scope="session")
def engineer(built: Built) -> Door:
    """The engineer's door on the store that dbt built through it."""
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
