"""A small world, built once for all tests that begin with a built store."""

import shutil
from collections.abc import Iterator

import pytest
from harness import Small, build_untested, copy_schema, run, use_schema

from clickward.simulator import load_scenario, simulate
from clickward.warehouse.connection import Warehouse, connect
from clickward.warehouse.profile import Project, find_project


@pytest.fixture(scope="session")
def small(store: str, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Simulated, loaded and built; to be copied, never changed."""
    home = tmp_path_factory.mktemp("small")
    made = Small(home / "reports", 5, "small")
    simulate(load_scenario("demo", days=made.days, clicks=5000, seed=5), made.reports)
    checkout = find_project(target="local")
    profiles = shutil.copytree(checkout.profiles_dir, home / "profiles")
    project = Project(checkout.project_dir, profiles, "local")
    with pytest.MonkeyPatch.context() as patch:
        use_schema(patch, made.schema)
        run(project, "load", "appsflyer", made.reports)
        build_untested(project)
    return made


@pytest.fixture
def small_built(small: Small, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """A connection on the built small world itself, to read only."""
    with pytest.MonkeyPatch.context() as patch:
        use_schema(patch, small.schema)
        connected = connect(find_project(target="local"))
    yield connected
    connected.close()


@pytest.fixture
def on_small(small: Small, project: Project, warehouse: Warehouse) -> Warehouse:
    """The test's own schema, filled with a copy of the small world."""
    copy_schema(warehouse, small.schema, warehouse.target.schema)
    return warehouse
