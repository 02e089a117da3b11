"""Fitted scikit-learn parts on disk, through skops: nothing is executed on loading.

Only the types named here are built; a file that asks for any other is refused.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from clickward.renamed import today
from clickward.warehouse.errors import UserError

# Beside skops' own default list (numpy and scikit-learn's public estimators).
TRUSTED = [
    "clickward.models_ml.estimators.preparation.dense.Dense",
    "clickward.models_ml.estimators.sequences.EventSequences",
    "clickward.models_ml.estimators.preparation.preprocessing.CategoryCodes",
    "clickward.models_ml.estimators.preparation.preprocessing.CategoryShares",
    "clickward.models_ml.estimators.preparation.preprocessing.QuantileBins",
    "clickward.models_ml.estimators.preparation.preprocessing.SignedLog",
    "clickward.models_ml.estimators.preparation.preprocessing.Standard",
    "clickward.models_ml.estimators.preparation.preprocessing.TargetRates",
    "clickward.models_ml.estimators.preparation.rates.CountedRates",
    "sklearn.model_selection._split.StratifiedKFold",
    # Runs nothing, but a forged one could read outside its arrays: the artifact's hash is
    # checked before any part is loaded.
    "sklearn.tree._tree.Tree",
]


def save_part(part: Any, path: Path) -> None:
    """Write one fitted object."""
    import skops.io

    skops.io.dump(part, path)


def load_part(path: Path) -> Any:
    """Read one fitted object. Raises `UserError` where the file holds a type not trusted."""
    import skops.io

    data = _with_todays_paths(path)
    foreign = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED))
    if foreign:
        raise UserError(
            f"{path} holds types that are not trusted: {', '.join(foreign)}",
            "train the model again; do not load files you did not write",
        )
    return skops.io.loads(data, trusted=TRUSTED)


def _with_todays_paths(path: Path) -> bytes:
    """The file, its classes under the import paths that they have now."""

    def renamed(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: today(value) if key == "__module__" else renamed(value)
                for key, value in node.items()
            }
        return [renamed(item) for item in node] if isinstance(node, list) else node

    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "schema.json":
                data = json.dumps(renamed(json.loads(data))).encode()
            new.writestr(name, data)
    return out.getvalue()
