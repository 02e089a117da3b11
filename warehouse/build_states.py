"""What a build left, so that the next one can tell whether anything has changed since."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clickward.warehouse.build_inputs import surroundings
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.tables import create_database

BUILT = ("model", "seed", "snapshot")
# Read by macros, not as sources: the key of hashes, the ledger of days, and plans at work.
LEDGERS = ("hash_key", "build_days", "build_plan")
# A state that every write changes and no merge in the background does. A part that was written
# before all others can take the block number of one that is gone: hence the time of the last
# write too. Empty where this node cannot tell: replicated tables, dictionaries, other engines.
STATES = r"""
select
    tables.database as database,
    tables.name as name,
    multiIf(
        tables.engine = 'View',
        toString(sipHash64(tables.create_table_query)),
        tables.engine like '%MergeTree' and not match(tables.engine, '^(Replicated|Shared)'),
        toString(sipHash64(tables.uuid, tables.create_table_query, coalesce(parts.blocks, 0))),
        ''
    ) as state,
    coalesce(parts.rows, 0) as rows,
    coalesce(parts.written_at, 0) as written_at,
    tables.engine = 'View' as is_view
from system.tables as tables
left join (
    select
        database,
        table,
        sum(partition_rows) as rows,
        sum(sipHash64(partition_id, partition_rows, block, mutation)) as blocks,
        max(partition_written_at) as written_at
    from (
        select
            database,
            table,
            partition_id,
            sum(rows) as partition_rows,
            max(max_block_number) as block,
            -- A part that was changed has the number of the change at the end of its name.
            max(toUInt64OrZero(splitByChar('_', name)[5])) as mutation,
            -- A part of one block was not merged, but for one that was rewritten by hand.
            max(
                if(
                    level = 0 or min_block_number = max_block_number,
                    toUnixTimestamp(modification_time),
                    0
                )
            ) as partition_written_at
        from system.parts
        where active and rows > 0
        group by database, table, partition_id
    )
    group by database, table
) as parts on parts.database = tables.database and parts.table = tables.name
where tables.database not in ('system', 'information_schema', 'INFORMATION_SCHEMA')
"""


@dataclass(frozen=True)
class Relation:
    """A table or view as it stands; `state` is empty where it cannot be told."""

    state: str
    rows: int
    written_at: int
    is_view: bool = False

    def __str__(self) -> str:
        return f"{self.rows} {self.state}"


@dataclass(frozen=True)
class Record:
    """What the last build that passed, and covered everything, was made of and left."""

    run_id: str
    started_at: datetime
    parts: dict[str, str]
    written_at: int
    nodes: int


@dataclass(frozen=True)
class Standing:
    """The store and its surroundings now, beside the record.

    `changed` names the parts that differ; `faults` says in words what else asks for a build.
    """

    record: Record | None
    parts: dict[str, str]
    relations: dict[str, Relation]
    changed: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def is_current(self) -> bool:
        return self.record is not None and not self.changed and not self.faults

    def __str__(self) -> str:
        """What changed, on one line."""
        if self.record is None:
            return ""
        tables = [name.removeprefix("table ") for name in self.changed if _is_table(name)]
        loads = next((name for name in tables if name.endswith("_raw.loads")), None)
        told = [name.removeprefix("file ") for name in self.changed if not _is_table(name)]
        if loads is not None and loads in self.relations:
            before = int(self.record.parts[f"table {loads}"].split()[0])
            if (more := self.relations[loads].rows - before) > 0:
                told.insert(0, f"{more:,} load{'s' if more > 1 else ''}")
                # What they filled goes without saying.
                raw = loads.removesuffix("loads")
                tables = [name for name in tables if not name.startswith(raw)]
        told = [*self.faults, *told, *tables]
        rest = f" and {len(told) - 8} more" if len(told) > 8 else ""
        return "changed since the last build: " + ", ".join(told[:8]) + rest


def prepare(warehouse: Warehouse) -> None:
    """Make the view of states, by which macros tell which tests need not run again."""
    warehouse.command(create_database(warehouse.target, "raw"))
    view = warehouse.table("raw", "relation_states")
    warehouse.command(f"create or replace view {view} as {STATES}")


def standing(warehouse: Warehouse, variables: Mapping[str, Any]) -> Standing:
    """How the store stands beside what the last build left."""
    parts, relations = surroundings(warehouse, variables), _states(warehouse)
    record = _record(warehouse, relations)
    if record is None:
        return Standing(None, parts, relations)
    tables = [name.removeprefix("table ") for name in record.parts if _is_table(name)]
    now = parts | {f"table {name}": str(relations.get(name, "")) for name in tables}
    changed = {name for name in {*now, *record.parts} if now.get(name) != record.parts.get(name)}
    changed |= {
        f"table {name}"
        for name in tables
        if name in relations and relations[name].written_at > record.written_at
    }
    faults = [*_unfinished(warehouse, record), *_leftovers(relations, tables)]
    return Standing(record, parts, relations, sorted(changed), faults)


def keep(
    warehouse: Warehouse, before: Standing, outcomes: Mapping[str, str], begun_since: datetime
) -> None:
    """Record the store as built, where all that had to run is in `outcomes`, and passed.

    Nothing is recorded where a test warned or must run each time, where sources changed meanwhile,
    where another build began, or where the state of a table cannot be told: a source that is a
    view may read anything.
    """
    # One node of a cluster sees its own tables only.
    if warehouse.target.options.get("cluster"):
        return
    path = warehouse.project.target_path / "manifest.json"
    manifest = json.loads(path.read_text()) if path.is_file() else None
    runs = warehouse.client.query(
        f"select run_id from {warehouse.table('raw', 'build_runs')} group by run_id"
        " having min(at) >= {since:DateTime64(3, 'UTC')}",
        parameters={"since": begun_since},
    ).result_rows
    # The manifest is this build's own, and no other build began meanwhile.
    if manifest is None or [manifest["metadata"]["invocation_id"]] != [row[0] for row in runs]:
        return
    passed = {node for node, status in outcomes.items() if status in ("success", "pass", "no-op")}
    relations = _relations(warehouse, manifest)
    if not passed.issuperset(_to_run(manifest, before, relations)):
        return
    after, names = _states(warehouse), set(relations.values())
    if any(name not in after or not after[name].state for name in names):
        return
    sources = [name for node, name in relations.items() if node.startswith("source.")]
    if any(
        after[name].is_view or _was_written(before.relations.get(name), after[name])
        for name in sources
    ):
        return
    if not _passed_tests(warehouse).issuperset(_data_tests(manifest)):
        return
    table = warehouse.table("raw", "build_states")
    parts = before.parts | {f"table {name}": str(after[name]) for name in sorted(names)}
    warehouse.command(f"truncate table {table}")
    warehouse.client.insert(
        table,
        [[runs[0][0], begun_since, parts, max(after[name].written_at for name in names),
          len(_nodes(manifest))]],
        column_names=["run_id", "started_at", "parts", "written_at", "nodes"],
    )  # fmt: skip


def _states(warehouse: Warehouse) -> dict[str, Relation]:
    found = warehouse.client.query(STATES).result_rows
    return {
        f"{database}.{name}": Relation(state, rows, written_at, bool(is_view))
        for database, name, state, rows, written_at, is_view in found
    }


def _passed_tests(warehouse: Warehouse) -> set[str]:
    """Tests that need not run again while what they read stays as it is."""
    table = warehouse.table("raw", "passed_tests")
    return {row[0] for row in warehouse.client.query(f"select test from {table}").result_rows}


def _data_tests(manifest: Mapping[str, Any]) -> set[str]:
    return {key for key, node in manifest["nodes"].items() if node["resource_type"] == "test"}


def _was_written(before: Relation | None, after: Relation) -> bool:
    """Whether something came in between; a table that was made meanwhile is empty."""
    if before is None:
        return after.rows > 0
    return str(before) != str(after) or after.written_at > before.written_at


def _is_table(part: str) -> bool:
    return part.startswith("table ")


def _record(warehouse: Warehouse, relations: Mapping[str, Relation]) -> Record | None:
    table = warehouse.table("raw", "build_states")
    if table not in relations:
        return None
    rows = warehouse.client.query(
        f"select run_id, started_at, parts, written_at, nodes from {table}"
        " order by started_at desc limit 1"
    ).result_rows
    return Record(*rows[0]) if rows else None


def _unfinished(warehouse: Warehouse, record: Record) -> list[str]:
    """Builds since the record's that failed or did not end, by whoever ran them."""
    rows = warehouse.client.query(
        f"select argMax(event, at) as latest from {warehouse.table('raw', 'build_runs')}"
        " where run_id != {run_id:String} group by run_id"
        " having min(at) >= {since:DateTime64(3, 'UTC')} and latest != 'passed'",
        parameters={"run_id": record.run_id, "since": record.started_at},
    ).result_rows
    events = {row[0] for row in rows}
    said = {"begun": "a build that did not end", "failed": "a build that failed"}
    return [text for event, text in said.items() if event in events]


def _leftovers(relations: Iterable[str], tables: Iterable[str]) -> list[str]:
    """Temporary tables of dbt in the databases of the tables."""
    databases = {name.split(".")[0] for name in tables}
    return [n for n in sorted(relations) if "__dbt_" in n and n.split(".")[0] in databases]


def _nodes(manifest: Mapping[str, Any]) -> set[str]:
    """Everything that a build of everything runs."""
    kept = {
        key
        for key, node in manifest["nodes"].items()
        if node["resource_type"] in (*BUILT, "test")
        and node["config"].get("materialized") != "ephemeral"
    }
    return kept | set(manifest.get("unit_tests", {}))


def _relations(warehouse: Warehouse, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Tables and views that a build reads or writes, by node; sources only where they are read."""
    nodes = manifest["nodes"]
    found = {
        key: f"{node['schema']}.{node['alias']}"
        for key, node in nodes.items()
        if node["resource_type"] in BUILT and node["config"].get("materialized") != "ephemeral"
    }
    read = {
        parent for node in nodes.values() for parent in node.get("depends_on", {}).get("nodes", [])
    }
    for key, source in manifest["sources"].items():
        if key in read:
            found[key] = f"{source['schema']}.{source['identifier']}"
    return found | {name: warehouse.table("raw", name) for name in LEDGERS}


def _to_run(
    manifest: Mapping[str, Any], before: Standing, relations: Mapping[str, str]
) -> set[str]:
    """Nodes that had to run for the store to be as a build of everything leaves it."""
    everything = _nodes(manifest)
    nodes = {f"table {name}": node for node, name in relations.items() if node not in LEDGERS}
    if before.record is None or before.faults or not nodes.keys() >= set(before.changed):
        return everything
    reached, ahead = set[str](), [nodes[name] for name in before.changed]
    while ahead:
        node = ahead.pop()
        if node not in reached:
            reached.add(node)
            ahead += manifest["child_map"].get(node, [])
    return reached & everything
