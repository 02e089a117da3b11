"""The join on each engine but Feast, on two cores, from Parquet to Parquet.

    python -m benchmarks.asof.engines ENGINE FOLDER

reads `entities.parquet` and `states.parquet` of FOLDER, writes `found.parquet`, and prints the
seconds it took, without the start of Python and imports.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.asof.states import VALUES

STATEMENT = "statement.sql"


def template(folder: Path) -> str:
    """The join as an engineer of clickward states it, for dbt to render."""
    times = "event_timestamp DateTime64(3, \\'UTC\\')"
    columns = {
        "entities": f"row_id Int64, key Int64, {times}",
        "states": f"key Int64, {times}, clicks Int64, installs Int64,"
        " ctit_under_10s_share Float64, seconds_since_click Float64",
    }
    relations = [
        f"{{% set {name} %}}(select * except event_timestamp, event_timestamp as event_at"
        f""" from file('{folder / name}.parquet', Parquet, '{kinds}')){{% endset %}}"""
        for name, kinds in columns.items()
    ]
    call = f"as_of_join(entities, states, ['key'], {VALUES}, ['row_id'], is_unique=true)"
    return "".join(relations) + f"{{{{ {call} }}}}"


def clickward(folder: Path) -> Callable[[], None]:
    """`as_of_join` of the feature sets on the embedded engine, as the profile sets it."""
    from clickward.warehouse.connection import connect
    from clickward.warehouse.profile import find_project

    warehouse = connect(find_project())
    query = (folder / STATEMENT).read_text()
    out = folder / "found.parquet"
    return lambda: warehouse.command(f"insert into function file('{out}', Parquet) {query}")


def duckdb(folder: Path) -> Callable[[], None]:
    """DuckDB's own ASOF join."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set threads = 2; set preserve_insertion_order = false")
    states = ", ".join(f"states.{name}" for name in VALUES)
    return lambda: connection.execute(
        f"copy (select row_id, {states} from '{folder}/entities.parquet' as entities"
        f" asof left join '{folder}/states.parquet' as states"
        " on entities.key = states.key and entities.event_timestamp >= states.event_timestamp)"
        f" to '{folder}/found.parquet'"
    )


def polars(folder: Path) -> Callable[[], None]:
    """`join_asof` by key; both files are in order of time already, and it is told so."""
    import polars as pl

    def ordered(name: str) -> pl.LazyFrame:
        return pl.scan_parquet(folder / f"{name}.parquet").set_sorted("event_timestamp")

    def job() -> None:
        joined = ordered("entities").join_asof(
            ordered("states"), on="event_timestamp", by="key", check_sortedness=False
        )
        joined.select("row_id", *VALUES).collect().write_parquet(folder / "found.parquet")

    return job


ENGINES = {engine.__name__: engine for engine in (clickward, duckdb, polars)}


def main() -> None:
    """Prepare the engine, then time the join."""
    job = ENGINES[sys.argv[1]](Path(sys.argv[2]))
    started = time.monotonic()
    job()
    print(time.monotonic() - started)


if __name__ == "__main__":
    main()
