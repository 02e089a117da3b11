"""The job on each engine, on two cores, from Parquet to Parquet.

    python -m benchmarks.windows.engines ENGINE CLICKS OUT

prints the seconds it took, without the start of Python and imports.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.windows.job import DISTINCT_WINDOWS, ENTITIES, WINDOWS


def clickward(clicks: Path, out: Path) -> Callable[[], None]:
    """The statements of `out`/statements.sql on the embedded engine, as the profile sets it."""
    from clickward.warehouse.connection import connect
    from clickward.warehouse.profile import find_project

    warehouse = connect(find_project())

    def job() -> None:
        for statement in (out / "statements.sql").read_text().split("\n-- next\n"):
            warehouse.command(statement)

    return job


def duckdb(clicks: Path, out: Path) -> Callable[[], None]:
    """Native frames; DuckDB counts distinct values in them by a merge sort tree."""
    import duckdb

    connection = duckdb.connect(str(out / "spill.duckdb"))
    connection.execute("set threads = 2; set preserve_insertion_order = false")

    def job() -> None:
        for entity, (keys, distinct) in ENTITIES.items():
            selected = [
                *[f"count(*) over last_{name} as {entity}__clicks_{name}" for name in WINDOWS],
                *[
                    f"count(distinct {column}) over last_{name} as {entity}__{column}s_{name}"
                    for column in distinct
                    for name in DISTINCT_WINDOWS
                ],
                "(epoch_ms(event_at) - epoch_ms(max(event_at) over last_1d)) / 1000"
                f" as {entity}__seconds_since_click",
            ]
            frames = [
                f"last_{name} as (partition by {', '.join(keys)} order by event_at range between"
                f" interval {window // window.resolution} microseconds preceding"
                " and interval 1 millisecond preceding)"
                for name, window in WINDOWS.items()
            ]
            connection.execute(
                f"copy (select click_id, {', '.join(selected)} from '{clicks}'"
                f" window {', '.join(frames)}) to '{out / entity}.parquet'"
            )

    return job


def polars(clicks: Path, out: Path) -> Callable[[], None]:
    """`rolling_*_by` for counts and times, `rolling` for distinct counts, over sorted clicks."""
    import polars as pl

    def rolled(values: pl.Expr, aggregate: str, window: str, keys: list[str]) -> pl.Expr:
        method = getattr(values, f"rolling_{aggregate}_by")
        return method("event_at", window_size=window, closed="left").over(keys)

    def job() -> None:
        for entity, (keys, distinct) in ENTITIES.items():
            frame = pl.read_parquet(clicks, columns=["click_id", "event_at", *keys, *distinct])
            frame = frame.sort(*keys, "event_at").with_columns(
                one=pl.lit(1, pl.Int64), at=pl.col("event_at").cast(pl.Int64)
            )
            latest = rolled(pl.col("at"), "max", "1d", keys)
            found = frame.select(
                "click_id",
                ((pl.col("at") - latest) / 1000).alias(f"{entity}__seconds_since_click"),
                *[
                    rolled(pl.col("one"), "sum", name, keys).alias(f"{entity}__clicks_{name}")
                    for name in WINDOWS
                ],
            )
            for name in DISTINCT_WINDOWS if distinct else []:
                windows = frame.rolling("event_at", period=name, closed="left", group_by=keys)
                found = found.hstack(
                    windows.agg(
                        pl.col(column).n_unique().alias(f"{entity}__{column}s_{name}")
                        for column in distinct
                    ).drop(*keys, "event_at")
                )
            found.write_parquet(out / f"{entity}.parquet")

    return job


def pandas(clicks: Path, out: Path) -> Callable[[], None]:
    """`groupby().rolling()`; distinct counts by numpy on each window."""
    import pandas as pd

    def job() -> None:
        for entity, (keys, distinct) in ENTITIES.items():
            read = ["click_id", "event_at", *keys, *distinct]
            found = pandas_features(pd.read_parquet(clicks, columns=read), entity)
            found.to_parquet(out / f"{entity}.parquet")

    return job


def dask(clicks: Path, out: Path) -> Callable[[], None]:
    """The pandas job on partitions of whole keys, by two processes."""
    import dask
    import dask.dataframe as dd

    dask.config.set(scheduler="processes", num_workers=2)

    def job() -> None:
        for entity, (keys, distinct) in ENTITIES.items():
            read = ["click_id", "event_at", *keys, *distinct]
            frame = dd.read_parquet(clicks, columns=read, split_row_groups=True)
            whole = frame.shuffle(keys, npartitions=max(4, frame.npartitions))
            meta = pandas_features(frame.head(10), entity)
            found = whole.map_partitions(pandas_features, entity, meta=meta)
            found.to_parquet(out / f"{entity}.parquet")

    return job


def pandas_features(frame: "pd.DataFrame", entity: str) -> "pd.DataFrame":  # noqa: F821
    """Features of each row of `frame`, which holds all the clicks of its keys."""
    import numpy as np

    keys, distinct = ENTITIES[entity]
    frame = frame.sort_values([*keys, "event_at"], ignore_index=True)
    frame["at"] = frame["event_at"].astype("datetime64[ms, UTC]").astype("int64")
    found = frame[["click_id"]].copy()
    groups = frame.groupby(keys, sort=False)

    def windows(name: str) -> "pd.api.typing.RollingGroupby":  # noqa: F821
        return groups.rolling(WINDOWS[name], on="event_at", closed="left")

    for name in WINDOWS:
        counts = windows(name)["at"].count().to_numpy()
        found[f"{entity}__clicks_{name}"] = np.nan_to_num(counts).astype("int64")
    for column in distinct:
        for name in DISTINCT_WINDOWS:
            counts = windows(name)[column].apply(lambda values: np.unique(values).size, raw=True)
            found[f"{entity}__{column}s_{name}"] = np.nan_to_num(counts.to_numpy()).astype("int64")
    latest = windows("1d")["at"].max().to_numpy()
    found[f"{entity}__seconds_since_click"] = (frame["at"].to_numpy() - latest) / 1000
    return found


ENGINES = {
    engine.__name__: engine for engine in (clickward, duckdb, polars, dask, pandas)
}  # fmt: skip


def main() -> None:
    """Prepare the engine, then time the job."""
    engine, clicks, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    job = ENGINES[engine](clicks, out)
    started = time.monotonic()
    job()
    print(time.monotonic() - started)


if __name__ == "__main__":
    main()
