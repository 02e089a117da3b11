"""What the demo's closing words tell to type."""

import sys
from pathlib import Path

import pytest

from clickward.cli.demo import _activation
from clickward.warehouse.profile import Project


def test_the_environment_is_activated_only_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path(sys.prefix).parent
    project = Project(home / "dbt_project", home / "profiles")
    monkeypatch.setenv("PATH", f"{Path(sys.prefix) / 'bin'}:/usr/bin")
    assert _activation(project) == ""
    monkeypatch.setenv("PATH", "/usr/bin")
    assert _activation(project) == f"\n  source {Path(sys.prefix).name}/bin/activate"
    elsewhere = Project(Path("/fraud/dbt_project"), Path("/fraud/profiles"))
    assert _activation(elsewhere) == f"\n  source {sys.prefix}/bin/activate"
