"""What a killed validation had finished: one file per model, variant and fold, kept until commit.

A file holds scores and thresholds, from which every metric follows. Nobody reads it but the next
start of the very same validation; readers see rows of `ml.evaluations` of committed runs only.
"""

import hashlib
import json
import shutil
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import polars as pl

from clickward.models_ml.validation.fold import FoldData, Outcome
from clickward.models_ml.validation.history import History

LIBRARIES = ("numpy", "polars", "scikit-learn", "scipy", "xgboost")


class Finished:
    """Outcomes on disk, by model and fold data; `key` says what they depend on.

    `reused` counts those that were found and not fitted again.
    """

    def __init__(self, home: Path, key: str) -> None:
        self.folder = home / "validation" / key
        self.reused = 0

    def find(self, model: str, data: FoldData) -> Outcome | None:
        """The outcome finished before; None where there is none."""
        path = self._path(model, data)
        if not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as stored:
            facts = json.loads(str(stored["facts"]))
            scores, train_scores = (
                stored[name] if has else None
                for name, has in zip(("scores", "train_scores"), facts["has"], strict=True)
            )
        self.reused += 1
        return Outcome(scores, train_scores, facts["thresholds"], facts["note"], facts["seconds"])

    def keep(self, model: str, data: FoldData, outcome: Outcome) -> None:
        """Write an outcome, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(model, data)
        facts = {
            "has": [outcome.scores is not None, outcome.train_scores is not None],
            "thresholds": outcome.thresholds,
            "note": outcome.note,
            "seconds": outcome.seconds,
        }
        scores, train_scores = (
            np.zeros(0) if values is None else values
            for values in (outcome.scores, outcome.train_scores)
        )
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(
                file,
                facts=np.array(json.dumps(facts)),
                scores=scores,
                train_scores=train_scores,
            )
        partial.replace(path)

    def forget(self) -> None:
        """Remove everything kept under this key."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, model: str, data: FoldData) -> Path:
        variant = hashlib.sha256(repr((data.variant, data.columns)).encode()).hexdigest()[:12]
        return self.folder / f"{model}.{data.fold.number}.{variant}.npz"


def run_key(history: History, facts: dict[str, object]) -> str:
    """What outcomes depend on besides model, variant and fold, as a short hash.

    The snapshot with its rows, verdicts, truth and entities, the `facts` of the protocol, the
    code of this package and the versions of the libraries.
    """
    parts = [
        str(history.frame.manifest["snapshot_id"]),
        json.dumps(facts, sort_keys=True, default=str),
        _content(history.verdicts.sort(history.verdicts.columns)),
        *(_content(table) for table in (history.truth, history.entities) if table is not None),
        code_version(),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@cache
def code_version() -> str:
    """Hash of this package's source and the versions of the libraries that compute."""
    found = hashlib.sha256()
    root = Path(__file__).resolve().parents[1]
    for path in sorted(root.rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    for name in LIBRARIES:
        try:
            found.update(f"{name}={version(name)}".encode())
        except PackageNotFoundError:
            found.update(f"{name} missing".encode())
    return found.hexdigest()


def _content(table: pl.DataFrame) -> str:
    hashes = table.hash_rows(seed=1).to_numpy()
    return hashlib.sha256(hashes.tobytes()).hexdigest()
