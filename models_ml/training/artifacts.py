"""Model artifacts: a folder without pickle, named by its content, refused once changed."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from clickward.models_ml.estimators import Estimator, family
from clickward.models_ml.estimators.calibration import AUTO, OWN, Calibration
from clickward.warehouse.content import hash_folder, sha256_text
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.errors import UserError
from clickward.warehouse.run_log import to_json

METADATA = "model.json"
# Another release of these may fit another model from the same data.
LIBRARIES = ("clickward", "xgboost", "scikit-learn")


@dataclass(frozen=True)
class Artifact:
    """A loaded model and what `model.json` says of it."""

    estimator: Estimator
    metadata: dict[str, Any]
    folder: Path
    calibration: Calibration | None = None

    def probability(self, scores: np.ndarray) -> np.ndarray | None:
        """Probabilities `(n,)` of the model's scores; None where it gives none."""
        if self.calibration is not None:
            return self.calibration.probability(scores)
        is_own = self.metadata.get("calibration") == OWN
        return scores if is_own else None


def model_version(
    estimator: Estimator,
    feature_set: FeatureSet,
    snapshot_id: str,
    delay: str,
    calibrate: str = AUTO,
    members: int | None = None,
) -> str:
    """Name of the model these facts give, such as `xgboost-fs_click-1a2b3c4d`.

    `members` is how many workers of a cluster learnt together: their sums differ in the last
    bits from those of one machine.
    """
    facts: dict[str, Any] = {
        "model": estimator.name,
        "snapshot": snapshot_id,
        "contract": feature_set.contract_hash,
        "parameters": estimator.get_params(),
        "delay": delay,
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    if calibrate != AUTO:
        facts["calibrate"] = calibrate
    if members is not None:
        facts["dask_workers"] = members
    if inputs := estimator.inputs():
        facts["inputs"] = inputs
    return f"{estimator.name}-{feature_set.name}-{sha256_text(to_json(facts))[:8]}"


def save_artifact(
    estimator: Estimator,
    metadata: dict[str, Any],
    folder: Path,
    parts: Sequence[Callable[[Path], None]] = (),
) -> str:
    """Write the model into `folder`, at once and whole; the artifact's hash.

    `parts` write what else belongs to it, such as its calibration and its holdout. What stood
    there before was never registered and is replaced.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    estimator.save(partial)
    for save in parts:
        save(partial)
    (partial / METADATA).write_text(json.dumps(metadata, indent=2, default=str) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)
    return hash_folder(folder)


def load_artifact(folder: Path, expected_hash: str) -> Artifact:
    """The model in `folder`. Raises `UserError` where a file of it is missing or changed."""
    if not (folder / METADATA).is_file():
        raise UserError(
            f"no model artifact in {folder}",
            "restore the folder, or train again with another --seed",
        )
    found = hash_folder(folder)
    if found != expected_hash:
        raise UserError(
            f"the artifact {folder} was changed after training: expected hash"
            f" {expected_hash[:12]}, found {found[:12]}",
            "restore the folder, or train again with another --seed",
        )
    metadata = json.loads((folder / METADATA).read_text())
    estimator = family(metadata["model"]).load(folder)
    return Artifact(estimator, metadata, folder, Calibration.load(folder))
