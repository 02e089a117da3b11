"""Runs the command in the test's own folder, on a store that stays open."""

from pathlib import Path

import pytest
from loading_helpers import Run

from clickward.cli.main import main
from clickward.warehouse.profile import Project


@pytest.fixture
def run(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs `clickward WORDS` in the test's own folder: exit code, stdout, stderr."""
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.chdir(folder)
    where = ["--project-dir", str(project.project_dir), "--profiles-dir", str(project.profiles_dir)]

    def run_words(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["clickward", *words, *where, "--target", "local"])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run_words
