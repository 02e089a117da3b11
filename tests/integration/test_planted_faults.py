"""`make test` sees each promise broken: the fault is planted in a copy of the checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

ROOT = Path(__file__).resolve().parents[2]
DBT = "dbt_project/macros"
# Promise: the file, what stands there and what is planted, and the test that fails of it.
FAULTS = {
    "1, no feature sees the future": (
        f"{DBT}/windows/frames.sql", "preceding and 1 preceding", "preceding and current row",
        "test_promise_future.py::test_features_equal_brute_force",
    ),
    "2, no label before it is known": (
        "models_ml/dataset/labels.py", "and known_at <= {{as_of:DateTime64(3, 'UTC')}}", "",
        "test_models_snapshot.py::test_labels_as_of_sql_polars_and_brute_force_agree",
    ),
    "3, same data, same answer": (
        f"{DBT}/days/days_to_build.sql", "or day_inputs != day_recorded_inputs,", ",",
        "test_promise_same_answer.py::test_day_by_day_equals_all_at_once",
    ),
    "4, nothing is lost or doubled": (
        "dbt_project/models/staging/talkingdata/stg_talkingdata__clicks.sql",
        "from renamed", "from renamed where source_row != 5",
        "test_promise_accounting.py::test_loaded_is_kept_and_duplicates_and_rejected",
    ),
    "5, a score can be explained": (
        "models_ml/estimators/reasons.py",
        "np.argsort(-contributions,", "np.argsort(contributions,",
        "test_models_scoring.py::test_scores_are_the_models_with_its_reasons",
    ),
    "6, a green run is a right table": (
        "dbt_project/models/staging/talkingdata/stg_talkingdata__clicks.sql",
        "'attributed_without_time'", "null",
        "test_promise_accounting.py::test_loaded_is_kept_and_duplicates_and_rejected",
    ),
}  # fmt: skip


@pytest.mark.parametrize("promise", FAULTS)
def test_a_broken_promise_fails_the_tier(promise: str, tmp_path: Path) -> None:
    file, old, new, test = FAULTS[promise]
    copy = copy_checkout(tmp_path / "checkout")
    text = (copy / file).read_text()
    assert old in text, f"{old!r} is no longer in {file}: plant the fault elsewhere"
    (copy / file).write_text(text.replace(old, new))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--tier", "test", "-q", f"tests/integration/{test}"],
        cwd=copy, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout[-3000:] + done.stderr
    assert f"FAILED tests/integration/{test}" in done.stdout


def copy_checkout(folder: Path) -> Path:
    """What the tests of a checkout need, and nothing that was made in it."""
    made = shutil.ignore_patterns("target", "logs", "__pycache__", "node_modules")
    folder.mkdir()
    for name in ("clickward", "analysis", "cli", "models_ml", "server", "simulator", "warehouse",
                 "dbt_project", "profiles", "tests"):  # fmt: skip
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=made)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def environment() -> dict[str, str]:
    """Without what this run has set for its own store and its own worker."""
    own = ("CLICKWARD_", "DBT_", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}
