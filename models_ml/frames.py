"""A snapshot file as what a model takes: features, labels, ids and times."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from models_ml.snapshot import read_manifest_of
from warehouse.errors import UserError


@dataclass(frozen=True)
class TrainingFrame:
    """Rows of one snapshot in order of (event time, id).

    `X` has the features in contract order: numbers, null where unknown, and text categories.
    `y` is `(n,)` of 0 and 1, `ids` text, `times` `(n,)` of `datetime64[ms]` in UTC.
    """

    X: pl.DataFrame
    y: np.ndarray
    ids: pl.Series
    times: np.ndarray
    manifest: dict[str, Any]

    def __len__(self) -> int:
        return self.X.height


def read_frame(path: Path) -> TrainingFrame:
    """The rows of a snapshot file. Raises `UserError` where file and manifest disagree."""
    manifest = read_manifest_of(path)
    frame = pl.read_parquet(path)
    if frame.height != manifest["rows"]:
        raise UserError(
            f"{path} has {frame.height:,} rows, its manifest says {manifest['rows']:,}",
            "pull it again with `clickward snapshot`",
        )
    names = [entry["name"] for entry in manifest["contract"]]
    return TrainingFrame(
        X=frame.select(names),
        y=frame[manifest["target"]].to_numpy().astype(np.uint8),
        ids=frame[manifest["subject_id"]],
        times=frame["event_at"].dt.replace_time_zone(None).to_numpy().astype("datetime64[ms]"),
        manifest=manifest,
    )
