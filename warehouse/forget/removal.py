"""Carries out a plan: every step may be done again, for a killed run is finished by the next."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import polars as pl

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.forget.plan import (
    MADE_OF_RAW,
    NO_DAY,
    REFUSED,
    ROW_KEY,
    Plan,
    alter,
    columns_of_stages,
    count_rows,
    in_chunks,
    subject_tables,
)
from clickward.warehouse.forget.snapshots import NewHasher, rewrite_snapshots
from clickward.warehouse.tables import engine, on_cluster

PENDING = "forget_plan"


def write_down(warehouse: Warehouse, plan: Plan) -> None:
    name = warehouse.table("raw", PENDING)
    warehouse.command(
        f"create table if not exists {name}{on_cluster(warehouse.target)} (plan String)"
        f" engine = {engine(warehouse.target)} order by tuple()"
    )
    warehouse.insert(name, pl.DataFrame({"plan": [json.dumps(asdict(plan))]}))


def carry_out(warehouse: Warehouse, plan: Plan, new_hasher: NewHasher) -> None:
    """Make the changes. Every step may be done again: numbers are set and not lowered."""
    rewrite_snapshots(warehouse, set(plan.subjects), new_hasher)
    for table, condition in subject_tables(columns_of_stages(warehouse), warehouse).items():
        for chunk in in_chunks(plan.subjects):
            if count_rows(warehouse, table, condition, chunk):
                alter(warehouse, table, f"delete where {condition}", ids=chunk)
    _correct_ledgers(warehouse, plan)
    for table, keys in plan.raw.items():
        for chunk in in_chunks(keys):
            condition = f"{ROW_KEY} in {{keys:Array(String)}}"
            if warehouse.scalar(f"select count() from {table} where {condition}", keys=chunk):
                alter(warehouse, table, f"delete where {condition}", keys=chunk)


def tick_off(warehouse: Warehouse) -> None:
    """Every plan was carried out."""
    warehouse.command(
        f"truncate table {warehouse.table('raw', PENDING)}{on_cluster(warehouse.target)}"
    )


def _correct_ledgers(warehouse: Warehouse, plan: Plan) -> None:
    if plan.loads:
        alter(
            warehouse,
            warehouse.table("raw", "loads"),
            "update rows_loaded = transform(load_id, {ids:Array(String)},"
            " {loaded:Array(UInt64)}, rows_loaded),"
            " rows_rejected = transform(load_id, {ids:Array(String)},"
            " {refused:Array(UInt64)}, rows_rejected)"
            " where load_id in {ids:Array(String)}",
            ids=list(plan.loads),
            loaded=[row[0] for row in plan.loads.values()],
            refused=[row[1] for row in plan.loads.values()],
        )
    if plan.recount:
        alter(
            warehouse,
            warehouse.table("staging", "load_days"),
            "delete where load_id in {ids:Array(String)}",
            ids=plan.recount,
        )
    if plan.accounting:
        key = "concat(toString(load_id), ':', toString(event_date))"
        names = ("kept", "duplicates", "rejected")
        changes = ", ".join(
            f"{name} = transform({key}, {{keys:Array(String)}}, {{{name}:Array(UInt64)}}, {name})"
            for name in names
        )
        alter(
            warehouse,
            warehouse.table("staging", "load_accounting"),
            f"update {changes} where {key} in {{keys:Array(String)}}",
            keys=list(plan.accounting),
            **{n: [row[i] for row in plan.accounting.values()] for i, n in enumerate(names)},
        )
        # A load's day counts what it accounts for; a frozen one is not counted again.
        alter(
            warehouse,
            warehouse.table("staging", "load_days"),
            f"update rows = transform({key}, {{keys:Array(String)}}, {{counts:Array(UInt64)}},"
            f" rows) where {key} in {{keys:Array(String)}} and event_date != toDate(0)",
            keys=list(plan.accounting),
            counts=[sum(numbers) for numbers in plan.accounting.values()],
        )
    for report, by, reason, expected, rows in plan.refused:
        _correct_refused(warehouse, report, by, reason, expected, rows)
    for table in MADE_OF_RAW:
        if plan.frozen and warehouse.has_table("core", table):
            _record(warehouse, table, plan.frozen)
    if plan.refused:
        _record(warehouse, "rejected_rows", [NO_DAY])


def _correct_refused(
    warehouse: Warehouse, report: str, by: str, reason: str, expected: str, rows: int
) -> None:
    change = f"update rows = {int(rows)}" if rows else "delete"
    alter(
        warehouse, warehouse.table("core", "rejected_rows"), f"{change} where {REFUSED}",
        report=report, by=by, reason=reason, expected=expected,
    )  # fmt: skip


def _record(warehouse: Warehouse, model: str, days: Sequence[str]) -> None:
    """Have the build ledger take these days as they are: raw cannot rebuild them."""
    ledger = warehouse.table("raw", "build_days")
    warehouse.command(
        f"""
        insert into {ledger}
        select {{model:String}}, recorded.day, recorded.inputs, coalesce(held.content, 0),
            coalesce(held.rows, 0), 1, now64(3)
        from (
            select day, argMax(inputs, built_at) as inputs from {ledger}
            where model = {{model:String}} and toString(day) in {{days:Array(String)}}
            group by day having argMax(is_wanted, built_at)
        ) as recorded
        left join (
            select event_date as day, sum(cityHash64(tuple(*))) as content, count() as rows
            from {warehouse.table("core", model)}
            where toString(event_date) in {{days:Array(String)}} group by day
        ) as held on held.day = recorded.day
        """,
        model=model,
        days=list(days),
    )
