"""A snapshot file as what a model takes: features, labels, ids and times."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from clickward.models_ml.dataset.snapshot import check_rows, read_manifest_of


@dataclass(frozen=True)
class TrainingFrame:
    """Rows of one snapshot in order of (event time, id).

    `X` has the features in contract order: numbers, null where unknown, and text categories.
    `y` is `(n,)` of 0 and 1, `ids` text, `times` `(n,)` of `datetime64[ms]` in UTC.

    `sequences` has the same rows and the contract's arrays, in its order: list columns named
    `<entity>__last_<K>_<measure>`, at most K elements, **the latest event last**. The arrays of
    one entity and kind of event are parallel: element i of each tells of one event. Elements are
    Float32, null where unknown; where nothing happened the list is empty. None where the feature
    set has no arrays.
    """

    X: pl.DataFrame
    y: np.ndarray
    ids: pl.Series
    times: np.ndarray
    manifest: dict[str, Any]
    sequences: pl.DataFrame | None = None

    def __len__(self) -> int:
        return self.X.height

    def given(self, with_sequences: bool) -> pl.DataFrame:
        """The features, and beside them the sequences for a family that reads them."""
        if self.sequences is None or not with_sequences:
            return self.X
        return self.X.hstack(self.sequences)


def read_frame(path: Path) -> TrainingFrame:
    """The rows of a snapshot file. Raises `UserError` where file and manifest disagree."""
    manifest = read_manifest_of(path)
    frame = pl.read_parquet(path)
    check_rows(path, frame.height, manifest)
    X, sequences = split_sequences(frame.select(one["name"] for one in manifest["contract"]))
    return TrainingFrame(
        X=X,
        y=frame[manifest["target"]].to_numpy().astype(np.uint8),
        ids=frame[manifest["subject_id"]],
        times=frame["event_at"].dt.replace_time_zone(None).to_numpy().astype("datetime64[ms]"),
        manifest=manifest,
        sequences=sequences,
    )


def split_sequences(features: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Features of one value per row, and those that are arrays; None where there are none."""
    arrays = [name for name, kind in features.schema.items() if kind == pl.List]
    return features.drop(arrays), features.select(arrays) if arrays else None
