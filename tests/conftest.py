"""One store for the session, since a process holds one; a schema of its own for each test."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import dbt_target, drop_schemas, use_schema
from hypothesis import settings

from clickward.warehouse.connection import Warehouse, connect
from clickward.warehouse.log import listening
from clickward.warehouse.profile import Project, find_project
from clickward.warehouse.store import open_store

# Which tests run when, and when a skip is a failure.
pytest_plugins = ["tiers", "needs"]
# No test times anything: the machine may be busy.
settings.register_profile("clickward", deadline=None)
settings.load_profile("clickward")
SCHEMA = "test"
HERE = Path(__file__).parent
# Folders whose files share a costly fixture: one worker runs them all.
SHARED = (
    "integration/door",
    "integration/explorer_page",
    "integration/marts",
    "unit/models_ml",
    "unit/simulator",
)


def pytest_configure(config: pytest.Config) -> None:
    """Tests have dbt write into folders of their own, in any project; so does each worker."""
    os.environ["DBT_TARGET_PATH"] = dbt_target()
    logs = config.rootpath / "dbt_project" / "logs" / os.environ.get("PYTEST_XDIST_WORKER", "tests")
    os.environ["DBT_LOG_PATH"] = str(logs)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests by file, or by the folder in `SHARED`, so that fixtures are built once."""
    for item in items:
        file = item.path.relative_to(HERE).as_posix()
        group = next((folder for folder in SHARED if file.startswith(folder)), file)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """A group that pytest-xdist scatters builds its fixtures twice and breaks tests in an order."""
    scattered = [item.nodeid for item in session.items if "@" not in item.nodeid]
    if session.config.getoption("loadgroup", default=False) and scattered:
        raise pytest.UsageError(
            f"this pytest-xdist keeps no groups with pytest {pytest.__version__}: "
            f"{scattered[0]} has none; install what requirements-dev.lock pins"
        )


@pytest.fixture
def said() -> Iterator[list[str]]:
    """Lines that are logged while the test runs."""
    lines: list[str] = []
    with listening(lines.append):
        yield lines


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Folder of the session's store, named by `CLICKWARD_STORE`."""
    folder = str(tmp_path_factory.mktemp("store"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLICKWARD_STORE", folder)
        # One handle stays open: the engine starts once, not with every connection.
        handle = open_store(Path(folder), {})
        yield folder
        handle.close()


@pytest.fixture
def schema(store: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty schema, named by `CLICKWARD_SCHEMA`.

    Its name is always the same, for dbt parses the whole project again where the schema changes.
    """
    drop_schemas(SCHEMA)
    use_schema(monkeypatch, SCHEMA)
    return SCHEMA


@pytest.fixture
def project(schema: str, tmp_path: Path) -> Project:
    """The checkout's project on the embedded engine, its home in the test's own folder."""
    checkout = find_project(target="local")
    profiles = shutil.copytree(checkout.profiles_dir, tmp_path / "profiles")
    return Project(checkout.project_dir, profiles, "local")


@pytest.fixture
def warehouse(project: Project) -> Iterator[Warehouse]:
    """A connection on the test's own schema."""
    connected = connect(project)
    yield connected
    connected.close()
