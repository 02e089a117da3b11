"""Fitted scikit-learn parts on disk, through skops: nothing is executed on loading.

Only the types named here are built; a file that asks for any other is refused.
"""

from pathlib import Path
from typing import Any

from warehouse.errors import UserError

# Beside skops' own default list (numpy and scikit-learn's public estimators).
TRUSTED = [
    "models_ml.dense.Dense",
    "models_ml.estimators.sequences.EventSequences",
    "models_ml.preprocessing.CategoryCodes",
    "models_ml.preprocessing.CategoryShares",
    "models_ml.preprocessing.QuantileBins",
    "models_ml.preprocessing.SignedLog",
    "models_ml.preprocessing.Standard",
    "models_ml.preprocessing.TargetRates",
    "models_ml.rates.CountedRates",
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

    foreign = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED))
    if foreign:
        raise UserError(
            f"{path} holds types that are not trusted: {', '.join(foreign)}",
            "train the model again; do not load files you did not write",
        )
    return skops.io.load(path, trusted=TRUSTED)
