"""Batches as XGBoost takes them: an iterator that it goes through several times."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from clickward.models_ml.dataset.batches import Batch, Rows

# Prefix of the files of bins in the folder given for them.
BINS = "bins"


class Feed(xgboost.DataIter):
    """Rows as float32 matrices `(n, d)` with their labels."""

    def __init__(
        self, rows: Rows, matrix: Callable[[Batch], np.ndarray], spill: Path | None
    ) -> None:
        self._rows = rows
        self._matrix = matrix
        self._left: Iterator[Batch] = iter(())
        super().__init__(cache_prefix=None if spill is None else str(spill / BINS))

    def reset(self) -> None:
        """Begin again with the first batch."""
        self._left = iter(self._rows)

    def next(self, input_data: Callable[..., None]) -> bool:
        """Hand the next batch over; False after the last."""
        batch = next(self._left, None)
        if batch is None:
            return False
        input_data(data=self._matrix(batch), label=batch.y)
        return True


def binned(
    rows: Rows,
    matrix: Callable[[Batch], np.ndarray],
    max_bin: int,
    threads: int,
    spill: Path | None,
) -> Any:
    """The rows' bins: in memory, or in files of the folder `spill`, one page for each batch."""
    feed = Feed(rows, matrix, spill)
    kind = xgboost.QuantileDMatrix if spill is None else xgboost.ExtMemQuantileDMatrix
    return kind(feed, max_bin=max_bin, nthread=threads)
