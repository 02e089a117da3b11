"""Takes committed loads back: after the next build it is as though they had never been."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.forget.plan import SUBJECT_COLUMNS, alter, columns_of_stages
from clickward.warehouse.loading import ledger
from clickward.warehouse.sources import find_table, reports
from clickward.warehouse.tables import engine, ensure_tables, on_cluster

# Loads that were taken back, or were about to be: what a run that is repeated knows them by.
HISTORY = "unloads"
LOADS = (
    "select load_id, toString(source) as source, toString(report) as report, file_name as file,"
    " rows_loaded as rows, rows_rejected as rejected_at_load"
)


@dataclass(frozen=True)
class Rests:
    """What was made of the loads and is not made again by a build."""

    scores: int = 0
    claims: int = 0
    forgotten: int = 0

    def __str__(self) -> str:
        named = {
            "scores of its clicks and installs": self.scores,
            "claimed installs": self.claims,
            "rows that `clickward forget` removed": self.forgotten,
        }
        return ", ".join(f"{count:,} {name}" for name, count in named.items() if count)


def find(warehouse: Warehouse, words: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Loads named by id, file or folder: those that stand, and those that were taken back.

    Raises `UserError` for a name that is of no load, or of several that are no folder's.
    """
    standing = gone = pl.DataFrame()
    if warehouse.has_table("raw", "loads"):
        standing = warehouse.query(
            f"{LOADS}, rows_read from {warehouse.table('raw', 'loads')} order by file, load_id"
        )
    if warehouse.has_table("raw", HISTORY):
        gone = warehouse.query(
            f"{LOADS}, max(unloaded_at) as unloaded_at from {warehouse.table('raw', HISTORY)}"
            f" where load_id not in {{ids:Array(String)}} group by all order by file, load_id",
            ids=standing["load_id"].to_list() if standing.height else [],
        )
    taken: set[str] = set()
    for word in words:
        taken |= _named(word, standing) or _named(word, gone) or _unknown(word)
    return tuple(
        frame.filter(pl.col("load_id").is_in(sorted(taken))) if frame.height else frame
        for frame in (standing, gone)
    )  # type: ignore[return-value]


def refuse_lasting(warehouse: Warehouse, loads: pl.DataFrame) -> None:
    """Raise `UserError` where the build could not make the days anew without the loads."""
    expired = _expired(warehouse)
    for row in loads.to_dicts():
        if row["load_id"] in expired:
            raise UserError(
                f"{row['file']}: raw rows of load {row['load_id']} have expired, so what was made"
                " of them can no longer be told apart",
                "remove what belongs to one id with `clickward forget`",
            )
    if not expired or not warehouse.has_table("staging", "load_days"):
        return
    days = warehouse.table("staging", "load_days")
    shared = warehouse.query(
        f"select toString(event_date) as day, any(load_id) as other from {days}"
        " where load_id in {expired:Array(String)} and event_date in"
        f" (select event_date from {days} where load_id in {{ids:Array(String)}})"
        " group by event_date order by event_date limit 1",
        expired=sorted(expired),
        ids=loads["load_id"].to_list(),
    )
    for row in shared.to_dicts():
        raise UserError(
            f"{row['day']} cannot be built again without the load: it also holds rows of load"
            f" {row['other']}, whose raw rows have expired",
            "remove what belongs to one id with `clickward forget`",
        )


def what_rests(warehouse: Warehouse, loads: pl.DataFrame) -> Rests:
    """Scores and claims of clicks and installs that no other load tells the same of."""
    ids = loads["load_id"].to_list()
    forgotten = int((loads["rows_read"] - loads["rows"] - loads["rejected_at_load"]).sum())
    subjects = _subjects(warehouse, set(zip(loads["source"], loads["report"], strict=True)))
    if not subjects or not warehouse.has_table("ml", "scores"):
        return Rests(forgotten=forgotten)
    ml = {name: warehouse.table("ml", name) for name in ("scores", "runs", "claim_rows", "claims")}
    scores = warehouse.scalar(
        f"select uniqExact(subject_id, model_version, target) from {ml['scores']}"
        f" where run_id in (select run_id from {ml['runs']}) and subject_id in ({subjects})",
        ids=ids,
    )
    claims = 0
    if warehouse.has_table("ml", "claim_rows"):
        claims = warehouse.scalar(
            f"select count() from {ml['claim_rows']} where toUUID(toString(install_id)) in"
            f" ({subjects}) and claim_id in (select claim_id from {ml['claims']})",
            ids=ids,
        )
    return Rests(int(scores or 0), int(claims or 0), forgotten)


def take_back(warehouse: Warehouse, loads: pl.DataFrame) -> None:
    """Remove the loads' days, ledger rows and rows, in this order.

    Killed at any moment, the loads count as a whole or not at all; `finish` removes what is left.
    """
    _remember(warehouse, loads)
    ids = loads["load_id"].to_list()
    # A load without its days is one that no build has counted yet: the ledger decides.
    _strike(warehouse, "staging", "load_days", ids)
    _strike(warehouse, "raw", "loads", ids)
    finish(warehouse, loads)


def finish(warehouse: Warehouse, loads: pl.DataFrame) -> None:
    """Remove what a killed run left of loads that count no longer."""
    _strike(warehouse, "staging", "load_days", loads["load_id"].to_list())
    known = {(report.source, report.name): report for report in reports(warehouse.project)}
    for row in loads.to_dicts():
        ledger.remove_load(warehouse, known[row["source"], row["report"]], row["load_id"])


def _named(word: str, loads: pl.DataFrame) -> set[str]:
    """Ids of the loads that a word names."""
    if not loads.height:
        return set()
    if word in loads["load_id"]:
        return {word}
    path, files = Path(word).absolute(), dict(loads.select("load_id", "file").iter_rows())
    below = {load for load, file in files.items() if path in Path(file).absolute().parents}
    if below:
        return below
    same = {load for load, file in files.items() if Path(file).absolute() == path}
    found = same or {load for load, file in files.items() if Path(file).name == word}
    if len(found) > 1:
        listed = ", ".join(f"{load} ({files[load]})" for load in sorted(found)[:5])
        raise UserError(f"{len(found)} loads are named {word}: {listed}", "name them by load id")
    return found


def _unknown(word: str) -> set[str]:
    raise UserError(f"no load is named {word!r}", "see `clickward loads` for ids and files")


def _expired(warehouse: Warehouse) -> set[str]:
    """Loads of which raw holds fewer rows than the ledger says."""
    lines = warehouse.table("raw", ledger.REJECTED)
    held = [f"select toString(_load_id) as id, 0 as rows, 1 as lines from {lines}"]
    held += [
        f"select toString(_load_id), 1, 0 from {warehouse.table(r.table.stage, r.table.name)}"
        for r in reports(warehouse.project)
        if warehouse.has_table(r.table.stage, r.table.name)
    ]
    found = warehouse.query(
        f"""
        select load_id from {warehouse.table("raw", "loads")} as loads
        left join (
            select id, sum(rows) as held_rows, sum(lines) as held_lines
            from ({" union all ".join(held)}) group by id
        ) as held on held.id = loads.load_id
        where loads.rows_loaded > coalesce(held_rows, 0)
            or loads.rows_rejected > coalesce(held_lines, 0)
        """
    )
    return set(found["load_id"])


def _subjects(warehouse: Warehouse, of: Iterable[tuple[str, str]]) -> str:
    """SQL of the clicks and installs that rows of the loads `{ids}` are, or belong to."""
    columns, parts = columns_of_stages(warehouse), []
    for source, report in sorted(of):
        view = f"stg_{source}__{report}"
        has = columns.get(("staging", view), set())
        subjects = [name for name in SUBJECT_COLUMNS if name in has and name != "event_id"]
        own = next((n for n in ("verdict_id", "event_id", *subjects) if n in has), None)
        name = warehouse.table("staging", view)
        parts += [
            f"select {column} from {name} where load_id in {{ids:Array(String)}}"
            f" and {column} is not null and {own} not in"
            f" (select {own} from {name} where load_id not in {{ids:Array(String)}})"
            for column in subjects
        ]
    return " union distinct ".join(parts)


def _remember(warehouse: Warehouse, loads: pl.DataFrame) -> None:
    _remember_contents(warehouse, loads["load_id"].to_list())
    name = warehouse.table("raw", HISTORY)
    warehouse.command(
        f"create table if not exists {name}{on_cluster(warehouse.target)} (load_id String,"
        " source String, report String, file_name String, rows_loaded UInt64,"
        " rows_rejected UInt64, unloaded_at DateTime64(3, 'UTC'))"
        f" engine = {engine(warehouse.target)} order by (load_id, unloaded_at)"
    )
    kept = loads.select(
        "load_id", "source", "report", file_name="file", rows_loaded="rows",
        rows_rejected="rejected_at_load",
    )  # fmt: skip
    now = pl.lit(datetime.now(UTC)).cast(pl.Datetime("ms", "UTC"))
    warehouse.insert(name, kept.with_columns(unloaded_at=now))


def _remember_contents(warehouse: Warehouse, ids: list[str]) -> None:
    """When each content was first loaded, for loads from before that was written down."""
    ensure_tables(warehouse, [find_table(warehouse.project, "raw", "contents")])
    contents = warehouse.table("raw", "contents")
    warehouse.command(
        f"insert into {contents} (content_hash, loaded_at)"
        f" select content_hash, min(started_at) from {warehouse.table('raw', 'loads')}"
        " where load_id in {ids:Array(String)}"
        f" and content_hash not in (select content_hash from {contents}) group by content_hash",
        ids=ids,
    )


def _strike(warehouse: Warehouse, stage: str, table: str, ids: list[str]) -> None:
    name = warehouse.table(stage, table)
    condition = "load_id in {ids:Array(String)}"
    if warehouse.has_table(stage, table) and warehouse.scalar(
        f"select count() from {name} where {condition}", ids=ids
    ):
        alter(warehouse, name, f"delete where {condition}", ids=ids)
