"""One store for the session, since a process holds one; a schema of its own for each test."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse.connection import Warehouse, connect
from warehouse.profile import Project, find_project

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Folder of the session's store, named by `CLICKWARD_STORE`."""
    folder = str(tmp_path_factory.mktemp("store"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLICKWARD_STORE", folder)
        yield folder


@pytest.fixture
def schema(store: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A schema no other test uses, named by `CLICKWARD_SCHEMA`."""
    name = f"test_{next(_numbers)}"
    monkeypatch.setenv("CLICKWARD_SCHEMA", name)
    return name


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
