"""Hashes of content."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickward.models_ml.dataset.reading import rebatch
from clickward.warehouse.content import ContentHash

cells = st.lists(
    st.tuples(
        st.one_of(st.none(), st.text(max_size=4)),
        st.one_of(st.none(), st.floats(width=32)),
        st.one_of(st.none(), st.integers(0, 2**32 - 1)),
        st.one_of(st.none(), st.lists(st.one_of(st.none(), st.floats(width=32)), max_size=3)),
    ),
    min_size=1,
    max_size=30,
)


def frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    """Columns a to d; a row may leave out the last ones, which are then null."""
    kinds = {"a": pl.String, "b": pl.Float32, "c": pl.UInt32, "d": pl.List(pl.Float32)}
    whole = [(*row, *[None] * (len(kinds) - len(row))) for row in rows]
    return pl.DataFrame(whole, schema=kinds, orient="row")


def digest(*frames: pl.DataFrame) -> str:
    content = ContentHash()
    for part in frames:
        content.update(part)
    return content.hexdigest()


@given(cells, st.integers(1, 7))
def test_batches_do_not_matter(rows: list[tuple[object, ...]], size: int) -> None:
    whole = frame(rows)
    parts = list(rebatch(whole.iter_slices(2), size))
    assert digest(*parts) == digest(whole)
    assert [part.height for part in parts[:-1]] == [size] * (len(parts) - 1)
    assert pl.concat(parts).equals(whole)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([("a", 1.0, 1)], [("b", 1.0, 1)]),
        ([("", 1.0, 1)], [(None, 1.0, 1)]),
        ([("a", 0.0, 1)], [("a", None, 1)]),
        ([("a", 1.0, 0)], [("a", 1.0, None)]),
        ([("ab", 1.0, 1), ("c", 1.0, 1)], [("a", 1.0, 1), ("bc", 1.0, 1)]),
        ([("a", 1.0, 1), ("b", 1.0, 1)], [("b", 1.0, 1), ("a", 1.0, 1)]),
        ([("a", 1.0, 1, [])], [("a", 1.0, 1, None)]),
        ([("a", 1.0, 1, [None])], [("a", 1.0, 1, [0.0])]),
        ([("a", 1.0, 1, [1.0, 2.0])], [("a", 1.0, 1, [2.0, 1.0])]),
        ([("a", 1.0, 1, [1.0, 2.0]), ("a", 1.0, 1, [3.0])],
         [("a", 1.0, 1, [1.0]), ("a", 1.0, 1, [2.0, 3.0])]),
    ],
)  # fmt: skip
def test_other_rows_other_hash(
    one: list[tuple[object, ...]], other: list[tuple[object, ...]]
) -> None:
    assert digest(frame(one)) != digest(frame(other))


def test_types_and_times_count() -> None:
    at = pl.Series("at", [datetime(2026, 1, 1, tzinfo=UTC), None], dtype=pl.Datetime("ms", "UTC"))
    assert digest(at.to_frame()) == digest(at.to_frame())
    assert digest(pl.DataFrame({"a": [1]})) != digest(pl.DataFrame({"a": [1.0]}))


def test_changing_columns_are_refused() -> None:
    content = ContentHash()
    content.update(pl.DataFrame({"a": [1]}))
    with pytest.raises(ValueError, match="expected columns"):
        content.update(pl.DataFrame({"b": [1]}))
