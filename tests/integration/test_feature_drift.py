"""Drift: the index against numpy, quiet on identical data, an alarm on a planted shift."""

from functools import cache

import numpy as np
import polars as pl
import pytest

from clickward.warehouse.build import render
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import find_project

FEATURES = [
    {"name": "seconds", "data_type": "Nullable(Float64)"},
    {"name": "share", "data_type": "Float64"},
    {"name": "clicks", "data_type": "UInt32"},
    {"name": "difference", "data_type": "Int64"},
    {"name": "country", "data_type": "LowCardinality(String)"},
]
REFERENCE_DAYS = 7


def uniform(salt: str) -> str:
    return f"((sipHash64(number, '{salt}', {{seed:UInt64}}) % 4294967296 + 0.5) / 4294967296)"


def normal(salt: str) -> str:
    return f"sqrt(-2 * log({uniform(salt)})) * cos(2 * pi() * {uniform(salt + 'b')})"


@cache
def rendered() -> str:
    """What the macros make of relations that stand in capitals; dbt takes seconds to say it."""
    return render(
        find_project(target="local"),
        f"{{{{ feature_histograms('fs_test', 'RELATION', {FEATURES}) }}}}\n-- next\n"
        "{{ feature_drift('HISTOGRAMS', 'REFERENCE') }}",
    )


@pytest.fixture
def drift_sql(warehouse: Warehouse) -> tuple[str, str]:
    """SQL of the histograms of table `relation`, and of drift on `histograms`, `reference`."""
    text = rendered()
    for name in ("RELATION", "HISTOGRAMS", "REFERENCE"):
        text = text.replace(name, warehouse.table("marts", name.lower()))
    histograms, drift = text.split("\n-- next\n")
    return histograms, drift


def drift_of(
    warehouse: Warehouse, drift_sql: tuple[str, str], per_day: int, days: int,
    seed: int = 1, clicks: str = "1", country: str = "'XX'", shifted_day: int = -1,
) -> pl.DataFrame:  # fmt: skip
    """Drift of `days` days of `per_day` rows; `clicks` times and `country` on the shifted day."""
    marts = warehouse.target.database("marts")
    warehouse.command(f"create database if not exists {marts}")
    for name in ("relation", "histograms", "reference"):
        warehouse.command(f"drop table if exists {marts}.{name}")
    is_shifted = f"intDiv(number, {per_day}) = {shifted_day}"
    warehouse.command(
        f"""
        create table {marts}.relation engine = MergeTree order by tuple() as
        select
            toDate('2024-01-01') + intDiv(number, {per_day}) as event_date,
            if({uniform("n")} < 0.2, null, exp(4.5 + 1.4 * {normal("s")})) as seconds,
            round({uniform("h")}, 2) as share,
            toUInt32(if({is_shifted}, {clicks}, 1) * floor(1 / {uniform("c")})) as clicks,
            toInt64(100 * {normal("d")}) as difference,
            toLowCardinality(if(
                {is_shifted} and {uniform("w")} < 0.05,
                {country}, toString(floor(pow({uniform("y")}, 3) * 40))
            )) as country
        from numbers({per_day * days})
        """,
        seed=seed,
    )
    histograms, drift = drift_sql
    warehouse.command(f"create table {marts}.histograms engine = Memory as {histograms}")
    warehouse.command(
        f"create table {marts}.reference engine = Memory as select 'fs_test' as feature_set,"
        f" toDate('2024-01-01') as from_date, from_date + {REFERENCE_DAYS} as to_date"
    )
    return warehouse.query(f"{drift} order by event_date, feature")


def index_by_numpy(reference: np.ndarray, day: np.ndarray) -> float:
    """The index over ten groups that hold equal reference mass as nearly as bins allow."""

    def bins(values: np.ndarray) -> np.ndarray:
        magnitude = np.abs(values).astype(np.float32).view(np.uint32).astype(np.int64) >> 18
        return np.where(values < 0, -magnitude, magnitude)

    known = np.sort(bins(reference[~np.isnan(reference)]))
    distinct, firsts, counts = np.unique(known, return_index=True, return_counts=True)
    groups = np.minimum(9, (10 * (firsts + counts / 2) / len(known)).astype(int))

    def spread(values: np.ndarray) -> np.ndarray:
        is_known = ~np.isnan(values)
        place = np.searchsorted(distinct, bins(values[is_known]), side="right") - 1
        found = np.bincount(np.where(place < 0, 0, groups[place]), minlength=11)
        found[10] = (~is_known).sum()
        return found

    m, n = spread(reference), spread(day)
    used = m + n > 0
    p = (n[used] + 0.5) / (n.sum() + used.sum() / 2)
    q = (m[used] + 0.5) / (m.sum() + used.sum() / 2)
    return float(((p - q) * np.log(p / q)).sum())


def test_the_index_is_what_numpy_finds(warehouse: Warehouse, drift_sql: tuple[str, str]) -> None:
    found = drift_of(warehouse, drift_sql, 300, 9, clicks="2", shifted_day=8)
    rows = warehouse.query(f"select * from {warehouse.table('marts', 'relation')}")
    first = rows["event_date"].min()
    for name in ("seconds", "share", "clicks", "difference"):
        in_reference = (rows["event_date"] - first).dt.total_days() < REFERENCE_DAYS
        reference = rows.filter(in_reference)[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for offset in (7, 8):
            is_day = (rows["event_date"] - first).dt.total_days() == offset
            day = rows.filter(is_day)[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            row = found.filter(
                pl.col("feature") == name,
                (pl.col("event_date") - first).dt.total_days() == offset,
            ).row(0, named=True)
            assert row["stability_index"] == pytest.approx(index_by_numpy(reference, day), rel=1e-9)
            assert row["unknown_share"] == np.isnan(day).mean()
            assert (row["rows"], row["reference_rows"]) == (300, 2100)


@pytest.mark.parametrize(
    ("per_day", "days"), [(1_000, 107), pytest.param(1_000_000, 10, marks=pytest.mark.full)]
)
def test_identical_data_raise_no_alarm(
    warehouse: Warehouse, drift_sql: tuple[str, str], per_day: int, days: int
) -> None:
    found = drift_of(warehouse, drift_sql, per_day, days)
    assert found.height == days * len(FEATURES)
    assert found["is_reference"].sum() == REFERENCE_DAYS * len(FEATURES)
    # One day in a hundred by chance, fewer where ordinary days set the limit.
    assert found["is_drift"].sum() <= 3
    by_chance = found.filter(
        pl.col("is_reference") == 0, pl.col("stability_index") > pl.col("limit_by_chance")
    )
    assert by_chance["event_date"].n_unique() <= 4
    # The limit follows the number of rows.
    assert found["limit_by_chance"].median() == pytest.approx(25 / per_day, rel=0.8)


@pytest.mark.parametrize(
    ("per_day", "clicks", "country", "feature"),
    [(1_000, "1.5", "'1'", "clicks"), (100_000, "1", "'a new one'", "country")],
)
def test_a_planted_shift_raises_the_alarm_of_its_feature(
    warehouse: Warehouse, drift_sql: tuple[str, str],
    per_day: int, clicks: str, country: str, feature: str,
) -> None:  # fmt: skip
    shifted = drift_of(
        warehouse, drift_sql, per_day, 9, clicks=clicks, country=country, shifted_day=8
    )
    alarms = shifted.filter(pl.col("is_drift") == 1)
    assert [(row["feature"], row["event_date"].day) for row in alarms.to_dicts()] == [(feature, 9)]


def test_the_same_data_give_the_same_limits(
    warehouse: Warehouse, drift_sql: tuple[str, str]
) -> None:
    first = drift_of(warehouse, drift_sql, 100, 8)
    assert first.equals(drift_of(warehouse, drift_sql, 100, 8))
    assert not first.equals(drift_of(warehouse, drift_sql, 100, 8, seed=2))
