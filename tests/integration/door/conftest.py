"""One small world, built twice at once: locally, and by dbt through an engineer's door."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from doors import PASSWORDS, ROOT, Door, Place, serving

from simulator import simulate

DAYS = 4
DBT = Path(sys.executable).with_name("dbt")


@dataclass(frozen=True)
class Built:
    """The two builds of the world, and the door through which the second one was made."""

    local: Place
    served: Place
    engineer: Door


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("door")
    simulate(folder / "world", DAYS, 4000, 9)
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
        # Only what differs: the suite tests local builds elsewhere.
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
        yield Built(local, served, engineer)


@pytest.fixture(scope="session")
def engineer(built: Built) -> Door:
    """The engineer's door on the store that dbt built through it."""
    return built.engineer


@pytest.fixture(scope="session")
def reader(built: Built) -> Iterator[Door]:
    """A reader's door on the publication of the local build."""
    with serving(built.local, "reader") as door:
        yield door


def of_server(door: Door) -> dict[str, str]:
    """Variables of the profile that lead target `server` to a door."""
    return {
        "CLICKWARD_HOST": door.host, "CLICKWARD_PORT": str(door.port),
        "CLICKWARD_USER": door.user, "CLICKWARD_PASSWORD": PASSWORDS[door.user],
    }  # fmt: skip


@pytest.fixture
def scratch(engineer: Door, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the test's own behind the engineer's door."""
    name = "scratch_" + request.node.name.split("[")[0]
    engineer.value(f"create database {name}")
    yield name
    engineer.value(f"drop database {name} sync")
