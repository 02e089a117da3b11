"""The load ledger: rows of a load count only once it stands there."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.sources import Report
from clickward.warehouse.tables import on_cluster

REJECTED = "rejected_lines"
MOMENT = pl.Datetime("ms", "UTC")
LEDGER_TYPES: dict[str, Any] = {
    "file_bytes": pl.UInt64,
    "rows_read": pl.UInt64,
    "rows_loaded": pl.UInt64,
    "rows_rejected": pl.UInt64,
    "ignored_columns": pl.List(pl.String),
    "started_at": MOMENT,
    "committed_at": MOMENT,
}
COUNTED = ("kept", "duplicates", "rejected", "unread_values")
LISTED_TYPES: dict[str, Any] = {
    **dict.fromkeys(("load_id", "source", "report", "file", "timezone"), pl.String),
    **dict.fromkeys(("rows_read", "loaded", "rejected_at_load"), pl.UInt64),
    "committed_at": MOMENT,
    **dict.fromkeys(COUNTED, pl.UInt64),
}


@dataclass(frozen=True)
class Committed:
    """What the ledger says of a load."""

    load_id: str
    file_name: str
    timezone: str
    rows_read: int
    rows_loaded: int
    rows_rejected: int


def load_id_of(source: str, report: str, content_hash: str) -> str:
    """The id of a load: the same content under another name is the same load."""
    return hashlib.sha256(f"{source}\n{report}\n{content_hash}".encode()).hexdigest()[:16]


def find_committed(warehouse: Warehouse, load_id: str) -> Committed | None:
    """The ledger's row of `load_id`, where it is committed."""
    rows = warehouse.query(
        "select load_id, file_name, timezone, rows_read, rows_loaded, rows_rejected"
        f" from {warehouse.table('raw', 'loads')} where load_id = {{load_id:String}} limit 1",
        load_id=load_id,
    )
    return Committed(**rows.row(0, named=True)) if rows.height else None


def remove_uncommitted(warehouse: Warehouse, reports: Iterable[Report]) -> int:
    """Remove rows of loads that were never committed; returns how many loads that were.

    Looks into the tables of `reports` and the rejected lines.

    The embedded store has one holder, so nobody else can be loading: all of them go. On a server
    another load may be running: those older than a day go.
    """
    age = "" if warehouse.target.is_embedded else " and _loaded_at < now() - interval 1 day"
    gone: set[str] = set()
    for table in _row_tables(warehouse, reports):
        found = warehouse.query(
            f"select distinct toString(_load_id) as load_id from {table}"
            f" where _load_id not in (select load_id from {warehouse.table('raw', 'loads')}){age}"
        )["load_id"].to_list()
        if found:
            # Ids by value: a mutation may run on after a restart, when the ledger has changed.
            _delete(warehouse, table, "_load_id in {ids:Array(String)}" + age, ids=found)
            gone.update(found)
    return len(gone)


def remove_load(
    warehouse: Warehouse, report: Report, load_id: str, loaded_at: datetime | None = None
) -> None:
    """Remove the rows of one load; with `loaded_at`, of one attempt at it only."""
    condition, parameters = _attempt(load_id, loaded_at)
    for table in _row_tables(warehouse, [report]):
        if warehouse.scalar(f"select count() from {table} where {condition}", **parameters):
            _delete(warehouse, table, condition, **parameters)


def verify(warehouse: Warehouse, report: Report, load_id: str, loaded: int, rejected: int) -> None:
    """Count what the load left in raw. Raises `UserError` where it is not what was sent."""
    for table, expected in zip(_row_tables(warehouse, [report]), (loaded, rejected), strict=True):
        found = warehouse.scalar(
            f"select count() from {table} where _load_id = {{load_id:String}}", load_id=load_id
        )
        if found != expected:
            raise UserError(
                f"{table} has {found:,} rows of load {load_id}, expected {expected:,}",
                "another load of the same file may be running: wait for it, then run again",
            )


def commit(warehouse: Warehouse, row: dict[str, object]) -> None:
    """Write the ledger's row: from here on the load counts."""
    remember_content(warehouse, row["content_hash"], row["started_at"])
    frame = pl.DataFrame([row], schema_overrides=LEDGER_TYPES)
    warehouse.insert(warehouse.table("raw", "loads"), frame)


def remember_content(warehouse: Warehouse, content_hash: object, loaded_at: object) -> None:
    """Keep when this content was first loaded; a later load of it changes nothing."""
    contents = warehouse.table("raw", "contents")
    if not warehouse.scalar(
        f"select count() from {contents} where content_hash = {{hash:String}}", hash=content_hash
    ):
        first = {"content_hash": content_hash, "loaded_at": loaded_at}
        warehouse.insert(contents, pl.DataFrame([first], schema_overrides={"loaded_at": MOMENT}))


def list_loads(warehouse: Warehouse) -> pl.DataFrame:
    """One row per committed load, oldest first, with what became of its rows after a build.

    `kept`, `duplicates`, `rejected` and `unread_values` (values that were there and could not be
    read) are null where no build has counted them yet.
    """
    if not warehouse.has_table("raw", "loads"):
        return pl.DataFrame(schema=LISTED_TYPES)
    loads = warehouse.query(
        "select load_id, toString(source) as source, toString(report) as report,"
        " file_name as file, toString(timezone) as timezone, rows_read, rows_loaded as loaded,"
        " rows_rejected as rejected_at_load, committed_at"
        f" from {warehouse.table('raw', 'loads')} order by committed_at, load_id"
    )
    if not warehouse.has_table("staging", "load_accounting"):
        return loads.with_columns(pl.lit(None, pl.UInt64).alias(name) for name in COUNTED)
    is_counted = "unread_values" in warehouse.columns("staging", "load_accounting")
    unread = "toUInt64(sum(unread_values))" if is_counted else "cast(null, 'Nullable(UInt64)')"
    counted = warehouse.query(
        "select toString(load_id) as load_id, toUInt64(sum(kept)) as kept,"
        " toUInt64(sum(duplicates)) as duplicates, toUInt64(sum(rejected)) as rejected,"
        f" {unread} as unread_values"
        f" from {warehouse.table('staging', 'load_accounting')} group by load_id"
    )
    known = loads.join(counted, on="load_id", how="left", maintain_order="left")
    # What brought no rows leaves none to count.
    return known.with_columns(
        pl.when(pl.col("loaded") == 0).then(0).otherwise(pl.col(name)).cast(pl.UInt64).alias(name)
        for name in ("kept", "duplicates", "rejected")
    )


def _row_tables(warehouse: Warehouse, reports: Iterable[Report]) -> list[str]:
    tables = [warehouse.table(report.table.stage, report.table.name) for report in reports]
    return [*tables, warehouse.table("raw", REJECTED)]


def _attempt(load_id: str, loaded_at: datetime | None) -> tuple[str, dict[str, object]]:
    condition = "_load_id = {load_id:String}"
    if loaded_at is None:
        return condition, {"load_id": load_id}
    return (
        condition + " and toUnixTimestamp64Milli(_loaded_at) = {millis:Int64}",
        {"load_id": load_id, "millis": round(loaded_at.timestamp() * 1000)},
    )


def _delete(warehouse: Warehouse, table: str, condition: str, **parameters: object) -> None:
    warehouse.command(
        f"alter table {table}{on_cluster(warehouse.target)} delete where {condition}"
        " settings mutations_sync = 2",
        **parameters,
    )
    left = warehouse.scalar(f"select count() from {table} where {condition}", **parameters)
    if left:
        raise UserError(
            f"{left:,} rows of an unfinished load are still in {table}",
            "see system.mutations for what holds their removal up, then run again",
        )
