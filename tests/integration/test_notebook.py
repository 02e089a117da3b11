"""The notebook runs from the first cell to the last, and its own checks hold."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from clickward.warehouse.profile import find_project

NOTEBOOK = Path("docs/tutorials/model_lab.ipynb")


@pytest.mark.full
def test_the_model_lab_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = find_project(target="local")
    profiles = shutil.copytree(checkout.profiles_dir, tmp_path / "profiles")
    monkeypatch.setenv("DBT_PROJECT_DIR", str(checkout.project_dir))
    monkeypatch.setenv("DBT_PROFILES_DIR", str(profiles))
    monkeypatch.setenv("CLICKWARD_TARGET", "local")
    monkeypatch.delenv("CLICKWARD_SCHEMA", raising=False)
    root = checkout.project_dir.parent
    notebook = nbformat.read(root / NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "clear the outputs"
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(root)}}).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    charts = [
        output
        for cell in cells
        for output in cell.outputs
        if "image/svg+xml" in output.get("data", {})
    ]
    assert len(charts) == 4
    assert (tmp_path / ".clickward" / "model_lab" / "store").is_dir()
    assert all(cell.execution_count for cell in cells)
