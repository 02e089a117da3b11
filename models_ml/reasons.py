"""Why a row scored as it did: the features that raised its score most, with their values."""

import numpy as np
import polars as pl

TOP = 3
UNKNOWN = "unknown"


def top_reasons(X: pl.DataFrame, contributions: np.ndarray, top: int = TOP) -> pl.DataFrame:
    """Lists `reason_features`, `reason_values`, `reason_contributions` for each row of `X`.

    `contributions` is `(n, d)` in the columns' order. Only features that raised the score are
    named, the strongest first, of equals the earlier column, so a row may have fewer than `top`.
    """
    n, d = contributions.shape
    top = min(top, d)
    strongest = np.argsort(-contributions, axis=1, kind="stable")[:, :top]
    strength = np.take_along_axis(contributions, strongest, axis=1)
    raised = strength > 0
    names = np.empty((n, top), dtype=object)
    values = np.empty((n, top), dtype=object)
    for j in np.unique(strongest[raised]):
        rows, ranks = np.nonzero((strongest == j) & raised)
        names[rows, ranks] = X.columns[int(j)]
        values[rows, ranks] = as_text(X.to_series(int(j))[rows]).to_list()
    strengths = strength.astype(object)
    strengths[~raised] = None
    return pl.DataFrame(
        {
            "reason_features": _lists(names, pl.String),
            "reason_values": _lists(values, pl.String),
            "reason_contributions": _lists(strengths, pl.Float32),
        }
    )


def as_text(column: pl.Series) -> pl.Series:
    """Feature values as people read them: `4`, `0.25`, `facebook`, `unknown` for null.

    A list is told by its length and its latest element: `3 events, latest 0.25`.
    """
    if column.dtype == pl.List:
        counts = column.list.len().cast(pl.String)
        latest = as_text(column.list.last())
        return (counts + " events, latest " + latest).fill_null(UNKNOWN).alias(column.name)
    if column.dtype.is_float():
        text = [None if value is None else f"{value:.6g}" for value in column.to_list()]
        return pl.Series(column.name, text, dtype=pl.String).fill_null(UNKNOWN)
    return column.cast(pl.String).fill_null(UNKNOWN)


def _lists(cells: np.ndarray, dtype: type[pl.DataType]) -> pl.Series:
    """The cells `(n, top)` of each row as a list without its None."""
    columns = [
        pl.Series(str(rank), column.tolist(), dtype=dtype) for rank, column in enumerate(cells.T)
    ]
    lists = pl.concat_list(pl.all()).list.drop_nulls().alias("list")
    return pl.DataFrame(columns).select(lists)["list"]
