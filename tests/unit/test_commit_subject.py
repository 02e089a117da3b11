"""The hook that reads a commit's message."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "subject.py"


@pytest.mark.parametrize(
    ("message", "refused"),
    [
        ("x" * 72, False),
        ("x" * 73, True),
        ("\n# a comment\n" + "x" * 73 + "\n", True),
        ("short\n\n" + "x" * 100, False),
        ("é" * 72, False),
        (f'Revert "{"x" * 72}"', False),
    ],
)
def test_long_subjects_are_refused(tmp_path: Path, message: str, refused: bool) -> None:
    file = tmp_path / "COMMIT_EDITMSG"
    file.write_text(message)
    done = subprocess.run(
        [sys.executable, SCRIPT, file], capture_output=True, text=True, check=False
    )
    assert done.returncode == int(refused)
    assert ("hint: say what changes in 72 at most" in done.stderr) == refused
