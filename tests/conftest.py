"""One store for the session, since a process holds one; a schema of its own for each test."""

import itertools
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from warehouse.connection import Warehouse, connect
from warehouse.profile import Project, find_project
from warehouse.store import open_store

_numbers = itertools.count(1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI a skipped test is a failed one: CI has everything that tests need."""
    report = yield
    if os.environ.get("CI") and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped under CI: {report.longrepr}"
    return report


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
