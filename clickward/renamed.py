"""Names that changed: an old one works until the next minor version, and warns.

`MODULES` are import paths, below `clickward`; what lay in a folder moved with it. Models on disk
name classes by import path: those are read through the same list.
"""

import importlib
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MODULES = {
    "models_ml.agreement": "models_ml.scoring.agreement",
    "models_ml.artifacts": "models_ml.training.artifacts",
    "models_ml.batches": "models_ml.dataset.batches",
    "models_ml.bootstrap": "models_ml.evaluation.bootstrap",
    "models_ml.calibration": "models_ml.estimators.calibration",
    "models_ml.changes": "models_ml.scoring.changes",
    "models_ml.choosing": "models_ml.scoring.choosing",
    "models_ml.cluster": "models_ml.training.cluster",
    "models_ml.compaction": "models_ml.scoring.compaction",
    "models_ml.comparison": "models_ml.evaluation.comparison",
    "models_ml.content": "warehouse.content",
    "models_ml.decisions": "analysis.decisions",
    "models_ml.dense": "models_ml.estimators.preparation.dense",
    "models_ml.devices": "models_ml.estimators.devices",
    "models_ml.durations": "warehouse.durations",
    "models_ml.economics": "models_ml.evaluation.economics",
    "models_ml.explain": "analysis.explain",
    "models_ml.explorer": "analysis.explorer",
    "models_ml.fitting": "models_ml.training.fitting",
    "models_ml.flatness": "models_ml.evaluation.flatness",
    "models_ml.frames": "models_ml.dataset.frames",
    "models_ml.labels": "models_ml.dataset.labels",
    "models_ml.learners": "models_ml.training.learners",
    "models_ml.ledger": "warehouse.run_log",
    "models_ml.metrics": "models_ml.evaluation.metrics",
    "models_ml.monitoring": "analysis.monitoring",
    "models_ml.pooling": "models_ml.evaluation.pooling",
    "models_ml.preprocessing": "models_ml.estimators.preparation.preprocessing",
    "models_ml.rates": "models_ml.estimators.preparation.rates",
    "models_ml.reading": "models_ml.dataset.reading",
    "models_ml.reasons": "models_ml.estimators.reasons",
    "models_ml.registry": "models_ml.training.registry",
    "models_ml.rules": "models_ml.estimators.rule_table",
    "models_ml.snapshot": "models_ml.dataset.snapshot",
    "models_ml.splits": "models_ml.dataset.splits",
    "models_ml.spreadsheets": "analysis.spreadsheets",
    "models_ml.stretch": "models_ml.dataset.stretch",
    "models_ml.studies": "models_ml.tuning.studies",
    "models_ml.subsample": "models_ml.estimators.preparation.subsample",
    "models_ml.thresholds": "models_ml.evaluation.thresholds",
    "models_ml.training_window": "models_ml.training.training_window",
    "warehouse.console": "server.console",
    "warehouse.door": "server",
}
PACKAGE = "clickward."


def today(module: str) -> str:
    """The import path of today of one of any version: the same where nothing moved."""
    if module.split(".")[0] == "models_ml":
        module = PACKAGE + module
    below = module.removeprefix(PACKAGE)
    if below == module:
        return module
    parts = below.split(".")
    for count in range(len(parts), 0, -1):
        new = MODULES.get(".".join(parts[:count]))
        if new is not None:
            return PACKAGE + ".".join([new, *parts[count:]])
    return module


class Renamed(MetaPathFinder, Loader):
    """Imports a module of `MODULES` as that of today."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(PACKAGE) or today(fullname) == fullname:
            return None
        return ModuleSpec(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        old = module.__name__
        _warn(old, today(old), stacklevel=3)
        sys.modules[old] = importlib.import_module(today(old))


def attributes(package: str, module: str) -> Callable[[str], Any]:
    """`__getattr__` of a package that was a module before: its names are in `module` now."""

    def get(name: str) -> Any:
        found = importlib.import_module(f"{package}.{module}")
        if name.startswith("__") or not hasattr(found, name):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        _warn(f"{package}.{name}", f"{package}.{module}.{name}", stacklevel=3)
        return getattr(found, name)

    return get


def _warn(old: str, new: str, stacklevel: int) -> None:
    warnings.warn(
        f"{old} is {new} now; the old name goes with the next minor version",
        DeprecationWarning,
        stacklevel=stacklevel,
    )
