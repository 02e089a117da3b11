"""Creates the tables that dbt's source YAML defines, so that loading needs no dbt run."""

from collections.abc import Iterable

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import Target
from clickward.warehouse.sources import Table


def ensure_tables(warehouse: Warehouse, tables: Iterable[Table]) -> None:
    """Create databases and tables that are missing, and add columns the YAML has gained."""
    wanted = list(tables)
    for stage in dict.fromkeys(table.stage for table in wanted):
        warehouse.command(create_database(warehouse.target, stage))
    for table in wanted:
        warehouse.command(create_table(warehouse.target, table))
    for table in wanted:
        for statement in _missing_columns(warehouse, table):
            warehouse.command(statement)


def create_database(target: Target, stage: str) -> str:
    """The statement that makes a stage's database."""
    return f"create database if not exists {target.database(stage)}{on_cluster(target)}"


def create_table(target: Target, table: Table) -> str:
    """The statement that makes `table`: the same text as dbt's `on-run-start` runs."""
    columns = ", ".join(f"`{column.name}` {column.data_type}" for column in table.columns)
    clauses = [
        f"create table if not exists {target.database(table.stage)}.{table.name}"
        f"{on_cluster(target)} ({columns})",
        f"engine = {engine(target)}",
    ]
    if table.partition_by:
        clauses.append(f"partition by {table.partition_by}")
    clauses.append(f"order by ({', '.join(table.order_by)})")
    if table.ttl_days:
        clauses.append(f"ttl toDateTime(_loaded_at) + toIntervalDay({table.ttl_days})")
    return " ".join(clauses)


def on_cluster(target: Target) -> str:
    """The clause that spreads a statement over the target's cluster, where it has one."""
    cluster = target.options.get("cluster")
    return f" on cluster `{cluster}`" if cluster else ""


def engine(target: Target) -> str:
    """Tables of a cluster are replicated, at the path the server's own default names."""
    return "ReplicatedMergeTree" if target.options.get("cluster") else "MergeTree"


def _missing_columns(warehouse: Warehouse, table: Table) -> list[str]:
    database = warehouse.target.database(table.stage)
    present = set(
        warehouse.query(
            "select name from system.columns"
            " where database = {database:String} and table = {name:String}",
            database=database,
            name=table.name,
        )["name"]
    )
    statements = []
    for before, column in zip((None, *table.columns), table.columns, strict=False):
        if column.name not in present:
            place = f" after `{before.name}`" if before else " first"
            statements.append(
                f"alter table {database}.{table.name}{on_cluster(warehouse.target)}"
                f" add column if not exists `{column.name}` {column.data_type}{place}"
            )
    return statements
