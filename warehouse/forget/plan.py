"""What is to be removed, and what the statements that find and remove it share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.tables import on_cluster

SUBJECT_COLUMNS = ("click_id", "install_id", "event_install_id", "event_id", "subject_id")
# Core tables that are made of raw, whose days cannot be built again once raw has expired.
MADE_OF_RAW = ("clicks", "installs", "app_events", "labels")
NO_DAY = "1970-01-01"
# Values in one statement: a server takes parameters in the address, up to 1 MiB of it.
CHUNK = 10_000
# The lookups carry the id itself: a server is not to note them.
UNLOGGED = " settings log_queries = 0"
ROW_KEY = "concat(toString(_load_id), ':', toString(_source_row))"
REFUSED = (
    "startsWith(concat(source, '__', report), {report:String}) and refused_by = {by:String}"
    " and reason = {reason:String} and expected = {expected:String}"
)


@dataclass
class Plan:
    """What is to be removed and what the ledgers say afterwards; holds no id in clear.

    `raw` has `load_id:source_row` by table, `subjects` the UUIDs of clicks, installs and events.
    `rows` is how many rows go, by table or snapshot file. `loads` has the rows loaded and
    rejected that each touched load keeps. Loads in `recount` are counted again by the next
    build; for the others, whose days it could not build again, `accounting` has kept,
    duplicates and rejected by `load_id:day`, and `refused` what stays of `rejected_rows`.
    """

    raw: dict[str, list[str]] = field(default_factory=dict)
    subjects: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    loads: dict[str, list[int]] = field(default_factory=dict)
    recount: list[str] = field(default_factory=list)
    frozen: list[str] = field(default_factory=list)
    accounting: dict[str, list[int]] = field(default_factory=dict)
    refused: list[list[Any]] = field(default_factory=list)


def columns_of_stages(warehouse: Warehouse) -> dict[tuple[str, str], set[str]]:
    """Columns of every table and view, by stage and name."""
    stages = ("raw", "staging", "core", "features", "marts", "ml")
    rows = warehouse.query(
        "select database, table, groupArray(name) as names from system.columns"
        " where database in {databases:Array(String)}"
        " and (not match(table, '__dbt_') or match(table, '__dbt_part_'))"
        " group by database, table order by database, table",
        databases=[warehouse.target.database(stage) for stage in stages],
    )
    skipped = len(warehouse.target.schema) + 1
    return {(row[0][skipped:], row[1]): set(row[2]) for row in rows.iter_rows()}


def subject_tables(
    columns: dict[tuple[str, str], set[str]], warehouse: Warehouse
) -> dict[str, str]:
    """Tables with rows of clicks, installs or events, and the test for `{ids}` of each."""
    stored = set(
        warehouse.query(
            "select database || '.' || name as name from system.tables"
            " where database in {databases:Array(String)} and engine like '%MergeTree'",
            databases=[warehouse.target.database(s) for s in ("core", "features", "marts", "ml")],
        )["name"]
    )
    found = {}
    for (stage, table), names in columns.items():
        ids = [name for name in SUBJECT_COLUMNS if name in names]
        if ids and warehouse.table(stage, table) in stored:
            found[warehouse.table(stage, table)] = any_of(ids)
    if ("raw", "moved_ids") in columns:
        found[warehouse.table("raw", "moved_ids")] = "current in {ids:Array(String)}"
    return found


def any_of(columns: Sequence[str]) -> str:
    return "(" + " or ".join(f"{name} in {{ids:Array(UUID)}}" for name in columns) + ")"


def in_chunks(values: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), CHUNK):
        yield list(values[start : start + CHUNK])


def count_rows(warehouse: Warehouse, table: str, condition: str, ids: Sequence[str]) -> int:
    return sum(
        warehouse.scalar(f"select count() from {table} where {condition}{UNLOGGED}", ids=chunk)
        for chunk in in_chunks(ids)
    )


def alter(warehouse: Warehouse, table: str, change: str, **parameters: Any) -> None:
    """Rewrite the parts concerned, and wait until that is done everywhere."""
    warehouse.command(
        f"alter table {table}{on_cluster(warehouse.target)} {change} settings mutations_sync = 2",
        **parameters,
    )
