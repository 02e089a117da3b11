"""clickward: a feature store and models against mobile ad fraud, on ClickHouse.

The packages here are the folders beside this one: `clickward.warehouse` is `warehouse/`. The names
of `PUBLIC` are found here too, and their modules are imported when a name is asked for.
"""

import importlib
import os
import sys
from typing import Any

from clickward.renamed import Renamed

# Threads that wait for work sleep; by default they spin, which next to other work on the machine
# takes most of its time. OpenMP and OpenBLAS read this once, when they load, so it stands where
# every import of ours begins. Variables that are set already win.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # 2^4 cycles: the least it takes

sys.meta_path.insert(0, Renamed())

# The Python API in the order of the data, each name with its module.
PUBLIC = {
    "simulate": "simulator",
    "load_scenario": "simulator",
    "find_project": "warehouse.profile",
    "connection": "warehouse.connection",
    "Warehouse": "warehouse.connection",
    "UserError": "warehouse.errors",
    "build": "warehouse.build",
    "list_features": "warehouse.contracts",
    "read_feature_set": "warehouse.contracts",
    "pull_snapshot": "models_ml.dataset.snapshot",
    "read_frame": "models_ml.dataset.frames",
    "Windows": "models_ml.validation",
    "Protocol": "models_ml.validation",
    "validate": "models_ml.validation",
    "tune": "models_ml.tuning.run",
    "train": "models_ml.training.run",
    "list_models": "models_ml.training.registry",
    "read_model": "models_ml.training.registry",
    "load_model": "models_ml.training.registry",
    "promote": "models_ml.training.registry",
    "choose_threshold": "models_ml.scoring.choosing",
    "set_threshold": "models_ml.training.registry",
    "score": "models_ml.scoring.run",
    "explain": "analysis.explain.story",
    "Explorer": "analysis.explorer",
}


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})
