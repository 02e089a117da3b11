"""Why a row scored as it did: the features that raised its score most, with their values."""

import re

import numpy as np
import polars as pl

from clickward.warehouse.contracts import Feature

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


def in_words(feature: Feature, value: str) -> str:
    """A reason as an analyst reads it, from the feature's description in the contract.

    `Clicks of the same device in the 7 days before: 12`. A description that begins `1 where`
    tells of a yes or no: `nobody claims the install` for 1, `not so: …` for 0. What follows a
    semicolon explains and is left out.
    """
    about = feature.description.strip().split(";")[0].rstrip(".") or feature.name
    told = re.fullmatch(r"1 where (.+)", about)
    if told and value in ("1", "true"):
        return told[1]
    if told and value in ("0", "false"):
        return f"not so: {told[1]}"
    return f"{told[1] if told else about}: {value}"


def _lists(cells: np.ndarray, dtype: type[pl.DataType]) -> pl.Series:
    """The cells `(n, top)` of each row as a list without its None."""
    columns = [
        pl.Series(str(rank), column.tolist(), dtype=dtype) for rank, column in enumerate(cells.T)
    ]
    lists = pl.concat_list(pl.all()).list.drop_nulls().alias("list")
    return pl.DataFrame(columns).select(lists)["list"]
