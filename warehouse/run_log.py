"""The ledger of runs: rows of a run count only once its row stands here, written last."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.durations import format_duration, format_instant, utc_now
from clickward.warehouse.sources import tables
from clickward.warehouse.tables import ensure_tables

# On a server another process may be in the middle of a run; none lasts this long.
INSTANT = pl.Datetime("ms", "UTC")
ABANDONED_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Run:
    """One run of snapshot, train, validate or score, before it is committed."""

    kind: str
    feature_set: FeatureSet
    parameters: dict[str, Any]
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started_at: datetime = field(default_factory=utc_now)

    def commit(self, warehouse: Warehouse, rows: int, model_version: str = "") -> None:
        """Write the ledger row: from here on the run's other rows count."""
        row = {
            "run_id": self.run_id,
            "kind": self.kind,
            "feature_set": self.feature_set.name,
            "target": self.feature_set.target,
            "model_version": model_version,
            "parameters": to_json(self.parameters),
            "rows": rows,
            "started_at": self.started_at,
            "committed_at": utc_now(),
        }
        warehouse.insert(
            warehouse.table("ml", "runs"),
            one_row(row, rows=pl.UInt64, started_at=INSTANT, committed_at=INSTANT),
        )


def ensure_ml_tables(warehouse: Warehouse) -> None:
    """Make the `ml` tables and columns that a store of an earlier version lacks."""
    ensure_tables(warehouse, [table for table in tables(warehouse.project) if table.stage == "ml"])


def is_committed(warehouse: Warehouse, kind: str, run_id: str) -> bool:
    """Whether the run stands in the ledger."""
    return bool(
        warehouse.scalar(
            f"select count() from {warehouse.table('ml', 'runs')}"
            " where kind = {kind:String} and run_id = {run_id:String}",
            kind=kind,
            run_id=run_id,
        )
    )


def drop_uncommitted(warehouse: Warehouse, kind: str, table: str, written_at: str) -> int:
    """Remove rows of runs that were never committed; how many there were.

    `kind` is the kind of run that writes the table, or its kinds with commas between.

    The embedded store has one process, so a run without a ledger row is dead. On a server it
    may still be at work: there only runs are removed whose last row, by column `written_at`,
    is older than `ABANDONED_AFTER`.
    """
    name = warehouse.table("ml", table)
    kinds = ", ".join(f"'{part}'" for part in kind.split(","))
    committed = f"select run_id from {warehouse.table('ml', 'runs')} where kind in ({kinds})"
    cutoff = utc_now() + ABANDONED_AFTER * (1 if warehouse.target.is_embedded else -1)
    abandoned = warehouse.query(
        f"select toString(run_id) as run, count() as rows from {name}"
        f" where run_id not in ({committed}) group by run"
        f" having max({written_at}) < {{cutoff:DateTime64(3, 'UTC')}}",
        cutoff=cutoff,
    )
    if abandoned.is_empty():
        return 0
    delete_rows(warehouse, table, "run_id", abandoned["run"].to_list())
    return int(abandoned["rows"].sum())


def delete_rows(warehouse: Warehouse, table: str, column: str, values: list[str]) -> None:
    """Remove the rows whose `column` is among `values`, and wait until they are gone."""
    warehouse.command(
        f"alter table {warehouse.table('ml', table)}"
        f" delete where {column} in {{values:Array(String)}} settings mutations_sync = 2",
        values=values,
    )


def to_json(value: Any) -> str:
    """JSON with sorted keys, instants and durations as text: the same value, the same text."""

    def plain(item: Any) -> str:
        if isinstance(item, datetime):
            return format_instant(item)
        if isinstance(item, timedelta):
            return format_duration(item)
        return str(item)

    return json.dumps(value, sort_keys=True, default=plain, ensure_ascii=False)


def one_row(row: dict[str, Any], **types: Any) -> pl.DataFrame:
    """A frame of one row; columns not named in `types` take the type of their value."""
    return pl.DataFrame([row], schema_overrides=types)
