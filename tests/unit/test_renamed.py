"""Every import path of the version before works, and says what it is now."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from clickward.renamed import MODULES, today

ROOT = Path(__file__).resolve().parents[2]
# Functions and classes of modules that are folders now.
IN_PACKAGES = {
    "evaluation": ("Labels", "Measurement", "Scored", "evaluate"),
    "training": ("Trained", "build_estimator", "train"),
    "tuning": ("Tuned", "plan_folds", "tune"),
    "scoring": ("ScoreRun", "build_readers", "score"),
}
CHILD = """
import importlib, json, sys, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    found = importlib.import_module(sys.argv[1])
told = [str(each.message) for each in caught if each.category is DeprecationWarning]
print(json.dumps([found.__name__, [text for text in told if text.startswith("clickward.")]]))
"""


@pytest.mark.parametrize("old", MODULES)
def test_an_old_import_path_is_that_of_today(old: str) -> None:
    sys.modules.pop(f"clickward.{old}", None)
    told = rf"^clickward\.{old} is clickward\.{MODULES[old]} now"
    with pytest.warns(DeprecationWarning, match=told):
        found = importlib.import_module(f"clickward.{old}")
    assert found is importlib.import_module(f"clickward.{MODULES[old]}")


@pytest.mark.parametrize("package", IN_PACKAGES)
def test_names_of_a_module_that_is_a_folder_now(package: str) -> None:
    room = importlib.import_module(f"clickward.models_ml.{package}")
    for name in IN_PACKAGES[package]:
        with pytest.warns(DeprecationWarning, match=rf"\.{package}\.{name} is .*\.{name} now"):
            found = getattr(room, name)
        assert found.__module__.startswith(f"clickward.models_ml.{package}.")
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        room.absent  # noqa: B018


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("clickward.models_ml.explorer.bins", "clickward.analysis.explorer.bins"),
        ("clickward.warehouse.door.worker", "clickward.server.worker"),
    ],
)
def test_what_lay_in_a_folder_moved_with_it_and_is_not_loaded_twice(old: str, new: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", CHILD, old], capture_output=True, text=True, cwd=ROOT, check=True
    )
    name, told = json.loads(child.stdout)
    assert name == new
    assert told[-1] == f"{old} is {new} now; the old name goes with the next minor version"


def test_the_list_stands_in_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    missing = [old for old, new in MODULES.items() if f"| `{old}` | `{new}` |" not in text]
    assert missing == []


def test_paths_of_every_version_are_mapped_and_others_are_not() -> None:
    assert today("models_ml.dense") == "clickward.models_ml.estimators.preparation.dense"
    assert today("clickward.models_ml.rates") == "clickward.models_ml.estimators.preparation.rates"
    assert today("models_ml.os") == "clickward.models_ml.os"
    for same in ("os", "sklearn.tree._tree", "clickward", "clickward.cli.main", "models_ml_more.x"):
        assert today(same) == same
