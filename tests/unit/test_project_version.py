"""Which projects this version works with."""

import tomllib
from pathlib import Path

import pytest

from clickward.warehouse.project_version import (
    OLDEST_PROJECT,
    SHIPPED,
    compare,
    is_checkout,
    shipped_version,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("project", "state"),
    [
        ("0.4.0", "current"),
        ("0.3.9", "older"),
        ("0.2.0", "older"),
        ("0.1.12", "too old"),
        ("0.10.0", "newer"),
        ("0.4.0rc1", "older"),
    ],
)
def test_versions_are_compared_as_versions(project: str, state: str) -> None:
    assert compare(project, "0.4.0", oldest="0.2.0") == state


def test_the_project_has_the_version_of_the_package() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert shipped_version() == package
    assert compare(OLDEST_PROJECT, package) in ("current", "older")


def test_a_checkout_is_told_by_its_pyproject(tmp_path: Path) -> None:
    assert is_checkout(ROOT)
    assert not is_checkout(SHIPPED)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "theirs"\n')
    assert not is_checkout(tmp_path)
