"""Rows of a feature set, day by day, in an order that does not depend on the engine."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from clickward.models_ml.dataset.splits import to_datetime
from clickward.models_ml.dataset.stretch import Buckets, Stretch, find_stretch
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.durations import as_utc, format_instant
from clickward.warehouse.errors import UserError
from clickward.warehouse.log import log
from clickward.warehouse.run_log import INSTANT

MILLISECOND = timedelta(milliseconds=1)
BETWEEN = (
    "{column} >= {{from_at:DateTime64(3, 'UTC')}} and {column} < {{to_at:DateTime64(3, 'UTC')}}"
)


@dataclass(frozen=True)
class Span:
    """A half-open stretch of event time, `[from_at, to_at)`, in UTC."""

    from_at: datetime
    to_at: datetime

    def __str__(self) -> str:
        return f"[{format_instant(self.from_at)}, {format_instant(self.to_at)})"


def check_built(warehouse: Warehouse, feature_set: FeatureSet) -> list[str]:
    """The table's columns. Raises `UserError` where it is not built or lacks a feature."""
    database, _, table = feature_set.relation.rpartition(".")
    columns = warehouse.query(
        "select name from system.columns"
        " where database = {database:String} and table = {table:String}",
        database=database,
        table=table,
    )["name"].to_list()
    if not columns:
        raise UserError(
            f"feature set {feature_set.name} is not built: no table {feature_set.relation}",
            "run `clickward build`",
        )
    expected = [feature_set.subject_id, "event_at", feature_set.target]
    expected += [feature.name for feature in feature_set.features]
    missing = [name for name in expected if name not in columns]
    if missing:
        raise UserError(
            f"{feature_set.relation} lacks {len(missing)} column(s) of its contract: "
            + ", ".join(missing[:10]),
            "run `clickward build` with the changed feature models",
        )
    return columns


def resolve_span(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    strays: bool = True,
) -> Span:
    """The span asked for, its open ends set to the data's. Raises `UserError` where it is empty.

    The whole span ends one millisecond after the last event, since spans are half-open. Without
    `strays` open ends are set to where the rows are, and it is said how many are left out.
    """
    bounds = warehouse.query(
        "select min(event_at) as first_at, max(event_at) as last_at, count() as rows"
        f" from {feature_set.relation}"
    ).row(0, named=True)
    if not bounds["rows"]:
        raise UserError(
            f"feature set {feature_set.name} has no rows", "load data and run `clickward build`"
        )
    first_at, last_at = as_utc(bounds["first_at"]), as_utc(bounds["last_at"])
    span = Span(as_utc(from_at or first_at), as_utc(to_at or last_at + MILLISECOND))
    if span.from_at >= span.to_at or not count_rows(warehouse, feature_set, span):
        raise UserError(
            f"feature set {feature_set.name} has no rows in {span}",
            f"its events run from {format_instant(first_at)} to {format_instant(last_at)}:"
            " choose --from and --to among them",
        )
    if strays:
        return span
    found = _stretch(warehouse, feature_set, span, from_at is None, to_at is None)
    if not found.strays:
        return span
    dense = Span(
        span.from_at if from_at else to_datetime(found.first),
        span.to_at if to_at else to_datetime(found.last) + MILLISECOND,
    )
    log(
        f"{found.strays:,} row(s) far from all others in time are left out; the others lie in"
        f" {dense} (--from and --to take another span)"
    )
    return dense


def _stretch(
    warehouse: Warehouse, feature_set: FeatureSet, span: Span, from_start: bool, to_end: bool
) -> Stretch:
    """Where the rows of `span` are, its ends taken as they are where they were asked for."""
    buckets = warehouse.query(
        "select min(event_at) as first, max(event_at) as last, toInt64(count()) as rows"
        f" from {feature_set.relation} where {BETWEEN.format(column='event_at')}"
        " group by intDiv(toUnixTimestamp64Milli(event_at), 3600000) order by first",
        from_at=span.from_at,
        to_at=span.to_at,
    )
    first, last = (buckets[name].to_numpy().astype("datetime64[ms]") for name in ("first", "last"))
    return find_stretch(Buckets(first, last, buckets["rows"].to_numpy()), from_start, to_end)


def count_rows(warehouse: Warehouse, feature_set: FeatureSet, span: Span) -> int:
    """How many subjects the feature set has in `span`."""
    return int(
        warehouse.scalar(
            f"select count() from {feature_set.relation} where {BETWEEN.format(column='event_at')}",
            from_at=span.from_at,
            to_at=span.to_at,
        )
    )


def days_in(warehouse: Warehouse, feature_set: FeatureSet, span: Span) -> list[Span]:
    """The parts of `span` by UTC day, those with rows only: what one query reads at a time."""
    days: list[date] = warehouse.query(
        f"select distinct toDate32(event_at) as day from {feature_set.relation}"
        f" where {BETWEEN.format(column='event_at')} order by day",
        from_at=span.from_at,
        to_at=span.to_at,
    )["day"].to_list()
    starts = [datetime.combine(day, time(), UTC) for day in days]
    return [
        Span(max(start, span.from_at), min(start + timedelta(days=1), span.to_at))
        for start in starts
    ]


def feature_columns(feature_set: FeatureSet) -> str:
    """The features as a select list, in contract order."""
    return ", ".join(f"f.`{feature.name}` as `{feature.name}`" for feature in feature_set.features)


def tidy(frame: pl.DataFrame, feature_set: FeatureSet) -> pl.DataFrame:
    """The same rows in one set of types on every engine: UTC milliseconds, text categories."""
    categorical = set(feature_set.categorical)
    columns = []
    for column in frame.iter_columns():
        if isinstance(column.dtype, pl.Datetime):
            zone = column.dtype.time_zone
            utc = column.dt.replace_time_zone("UTC") if zone is None else column
            columns.append(utc.cast(INSTANT))
        elif column.name in categorical:
            columns.append(column.cast(pl.String))
        else:
            columns.append(column)
    return pl.DataFrame(columns).rename({"subject_key": feature_set.subject_id}, strict=False)


def rebatch(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The same rows in frames of exactly `rows` (the last may be shorter), holding no more."""
    held: list[pl.DataFrame] = []
    count = 0
    for frame in frames:
        held.append(frame)
        count += frame.height
        if count < rows:
            continue
        whole = pl.concat(held)
        while whole.height >= rows:
            yield whole.head(rows)
            whole = whole.slice(rows)
        held, count = [whole], whole.height
    if count:
        yield pl.concat(held)
