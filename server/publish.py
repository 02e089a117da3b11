"""`clickward publish`: a consistent copy of the marts for readers.

Tables are frozen (hard links, at once); views are read once into tables, so that a publication
holds nothing but marts. What was built is only published whole: see `_built`.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clickward
from clickward.server.publication import LOCK, STORE, Facts, Publications
from clickward.server.roles import PUBLISHING_CONFIG
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.store import resolve_store

ATTEMPTS = 3
FROZEN = "clickward_"


@dataclass(frozen=True)
class Published:
    """A new publication: its id, folder, and rows by table."""

    id: str
    folder: Path
    rows: dict[str, int]


def publish(warehouse: Warehouse) -> Published:
    """Publish the marts as they stand after the last build.

    Raises `UserError` where there is no finished, passed build behind them, where something keeps
    changing them, or where the engine's files are not on this machine.
    """
    store = _store(warehouse)
    publications = Publications(store, warehouse.target.schema)
    with publications.publishing() as folder:
        for _ in range(ATTEMPTS):
            before = _built(warehouse)
            with _frozen(warehouse, store) as tables:
                after = _built(warehouse)
                if before != after:
                    continue
                facts = _assemble(warehouse, folder, tables)
            kept = publications.keep(folder, facts)
            return Published(facts.id, kept, facts.rows)
    raise UserError(
        "the marts kept changing while they were copied", "publish when no build or score runs"
    )


def _store(warehouse: Warehouse) -> Path:
    """Folder of the engine's data, which must be on this machine."""
    path = _files(warehouse)
    if not warehouse.target.is_embedded and not path.is_dir():
        raise UserError(
            f"the data of target {warehouse.target.name!r} are not on this machine: there is no"
            f" {path}",
            "publish where the engine runs; readers of a ClickHouse server connect to it directly",
        )
    return path


def _files(warehouse: Warehouse) -> Path:
    """Folder of the engine's data, on whatever machine."""
    if warehouse.target.is_embedded:
        return resolve_store(warehouse.target.options["path"], warehouse.project.profiles_dir)
    return Path(str(warehouse.scalar("select path from system.disks where name = 'default'")))


def _built(warehouse: Warehouse) -> tuple[Any, ...]:
    """What the marts were made by: the last build, the scores, and the rows of marts and scores.

    Raises `UserError` where that build did not end or did not pass, or scores came after it: the
    marts may then be of two minds.
    """
    again = "run `clickward build`, then publish again"
    if not warehouse.has_table("raw", "build_runs"):
        raise UserError("nothing has been built yet", again)
    runs = warehouse.client.query(
        f"""
        select run_id, minIf(at, event = 'begun') as begun_at, argMax(event, at) as latest, count()
        from {warehouse.table("raw", "build_runs")}
        group by run_id order by begun_at desc limit 1
        """
    ).result_rows
    if not runs:
        raise UserError("nothing has been built yet", again)
    _, begun_at, event, _ = runs[0]
    if event == "begun":
        raise UserError("the last build is still running, or was interrupted", again)
    if event == "failed":
        raise UserError("the last build failed, or one of its tests did", again)
    scored_at = warehouse.scalar(
        f"select max(committed_at) from {warehouse.table('ml', 'runs')} where kind = 'score'"
    )
    if scored_at is not None and scored_at > begun_at:
        raise UserError("scores were committed after the last build began", again)
    sizes = warehouse.client.query(
        """
        select database, table, sum(rows) from system.parts
        where active and database in {databases:Array(String)}
        group by database, table order by database, table
        """,
        parameters={"databases": [warehouse.target.database(s) for s in ("marts", "ml")]},
    ).result_rows
    return (*runs, *map(tuple, sizes))


@contextmanager
def _frozen(warehouse: Warehouse, store: Path) -> Iterator[list[dict[str, Any]]]:
    """Every mart as a table's definition and its frozen parts, which go away at the end."""
    marts = warehouse.target.database("marts")
    staging = _staging(warehouse)
    name = FROZEN + secrets.token_hex(8)
    try:
        _remove_left(warehouse, store)
        warehouse.command(f"create database {staging}")
        yield [
            _freeze(warehouse, store, name, *_as_table(warehouse, marts, staging, table, engine))
            for table, engine in _relations(warehouse, marts)
        ]
    finally:
        _remove_left(warehouse, store)


def remove_left(warehouse: Warehouse) -> None:
    """Remove what a killed publisher left: copies of rows that no other command knows of.

    Raises `UserError` where one is at work. Files of another machine's engine are out of reach.
    """
    store = _files(warehouse)
    publications = Publications(store, warehouse.target.schema)
    if publications.root.parent.is_dir():
        with publications.publishing():
            _remove_left(warehouse, store)


def _remove_left(warehouse: Warehouse, store: Path) -> None:
    staging = _staging(warehouse)
    warehouse.command(f"drop database if exists {staging} sync")
    # A drop that was killed would wait eight minutes, in an engine that seldom lives as long.
    half_dropped = warehouse.client.query(
        "select table, toString(uuid) from system.dropped_tables where database = {name:String}",
        parameters={"name": staging},
    ).result_rows
    if half_dropped:
        warehouse.command(f"create database {staging}")
        for table, uuid in half_dropped:
            warehouse.command(f"undrop table {staging}.`{table}` uuid '{uuid}'")
            warehouse.command(f"drop table {staging}.`{table}` sync")
        warehouse.command(f"drop database {staging} sync")
    for left in (store / "shadow").glob(f"{FROZEN}*"):
        try:
            shutil.rmtree(left)
        except OSError as error:
            raise UserError(
                f"cannot remove the frozen parts in {left}: {error.strerror}", "remove them by hand"
            ) from error


def _staging(warehouse: Warehouse) -> str:
    return f"{warehouse.target.schema}_publishing"


def _relations(warehouse: Warehouse, marts: str) -> list[tuple[str, str]]:
    return [
        (name, engine)
        for name, engine in warehouse.client.query(
            "select name, engine from system.tables where database = {marts:String}"
            " and name not like '%\\_\\_dbt\\_%' order by name",
            parameters={"marts": marts},
        ).result_rows
    ]


def _as_table(
    warehouse: Warehouse, marts: str, staging: str, name: str, engine: str
) -> tuple[str, str]:
    """Database and name of a MergeTree table with the rows of a mart: itself, or a view's rows."""
    if engine.endswith("MergeTree"):
        return marts, name
    warehouse.command(
        f"create table {staging}.`{name}` engine = MergeTree order by tuple()"
        f" as select * from {marts}.`{name}`"
    )
    return staging, name


def _freeze(
    warehouse: Warehouse, store: Path, frozen: str, database: str, name: str
) -> dict[str, Any]:
    warehouse.command(f"alter table {database}.`{name}` freeze with name '{frozen}'")
    uuid, create = warehouse.client.query(
        "select toString(uuid), create_table_query from system.tables"
        " where database = {database:String} and name = {name:String}",
        parameters={"database": database, "name": name},
    ).result_rows[0]
    parts = store / "shadow" / frozen / "store" / uuid[:3] / uuid
    return {
        "name": name,
        "create": create.replace(database, warehouse.target.database("marts"), 1),
        "parts": [str(part) for part in sorted(parts.iterdir())] if parts.is_dir() else [],
        "rows": warehouse.scalar(f"select count() from {database}.`{name}`"),
    }


def _assemble(warehouse: Warehouse, folder: Path, tables: list[dict[str, Any]]) -> Facts:
    """The publication's store, made of frozen parts by a process of its own."""
    database = warehouse.target.database("marts")
    shutil.rmtree(folder / STORE, ignore_errors=True)
    config = folder / "config.xml"
    config.write_text(PUBLISHING_CONFIG)
    order = {
        "lock": str(folder / LOCK),
        "store": str(folder / STORE),
        "config": str(config),
        "database": database,
        "tables": tables,
    }
    made = _ask_assembler(order)
    config.unlink()
    wanted = {table["name"]: table["rows"] for table in tables}
    if made["rows"] != wanted:
        raise UserError(f"the copy differs: {made['rows']} rows instead of {wanted}")
    return Facts(
        id=folder.name.split(".")[0],
        published_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        database=database,
        rows=made["rows"],
        system_tables=made["system_tables"],
    )


def _ask_assembler(order: dict[str, Any]) -> dict[str, Any]:
    """The answer of the process that makes the store. It ends with its stdin, and so with us."""
    with (
        tempfile.TemporaryFile("w+") as talk,
        subprocess.Popen(
            [sys.executable, "-m", "clickward.server.assemble"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=talk, text=True,
            cwd=Path(clickward.__file__).parents[1],
            # What its engine leaves there when it is killed goes with the unfinished folder.
            env=os.environ | {"TMPDIR": str(Path(order["lock"]).parent)},
        ) as process,
    ):  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has said why, and ended
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
        answer = process.stdout.read()
        if process.wait():
            talk.seek(0)
            said = talk.read().strip().splitlines() or ["it was killed"]
            raise UserError(f"the publication could not be made: {said[-1][:500]}")
    return dict(json.loads(answer))
