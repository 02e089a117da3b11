"""What tests of the whole share: run a command, build, and compare tables."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from clickward.cli.main import app
from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import STAGES, Project
from clickward.warehouse.store import open_store

# What core is made of, and its tests.
CORE = ["--select", "staging", "--select", "core"]
# Counted per load, so they differ with how rows were loaded.
PER_LOAD = {"load_days", "load_accounting"}


@dataclass(frozen=True)
class Small:
    """Reports of `days` days, some rows a day or two late, and the schema built of them."""

    reports: Path
    days: int
    schema: str


def dbt_target(schema: str = "none") -> str:
    """Where dbt keeps what it parsed: one folder for each worker and schema, since it parses the
    whole project again where the schema is another.
    """
    return f"target/{os.environ.get('PYTEST_XDIST_WORKER', 'tests')}/{schema}"


def use_schema(patch: pytest.MonkeyPatch, name: str) -> None:
    """Lead commands and dbt to the schema `name`."""
    patch.setenv("CLICKWARD_SCHEMA", name)
    patch.setenv("DBT_TARGET_PATH", dbt_target(name))


def drop_schemas(prefix: str) -> None:
    """Drop the stages of every schema of the session's store whose name begins with `prefix`.

    The schemas' own databases, which are empty, stay: dbt remembers that they are there.
    """
    client = open_store(Path(os.environ["CLICKWARD_STORE"]), {})
    databases = client.query(
        "select name from system.databases where match(name, {pattern:String})",
        parameters={"pattern": f"^{prefix}_(\\w+_)?({'|'.join(STAGES)})$"},
    ).result_rows
    for (database,) in databases:
        client.command(f"drop database {database} sync")
    client.close()


def copy_schema(warehouse: Warehouse, original: str, copy: str) -> None:
    """Every table and view of `original` under `copy`, views after what they read."""
    relations = warehouse.client.query(
        "select database, name, engine, create_table_query from system.tables"
        " where match(database, {pattern:String}) and name not like '%\\_\\_dbt\\_%'"
        " order by engine = 'View', metadata_modification_time",
        parameters={"pattern": f"^{original}_(raw|staging|core|features|marts|ml)$"},
    ).result_rows
    for database in sorted({row[0] for row in relations}):
        warehouse.command(f"create database {database.replace(original, copy, 1)}")
    views = []
    for database, name, engine, create in relations:
        if engine == "View":
            views.append(create.replace(f"{original}_", f"{copy}_"))
        else:
            there = database.replace(original, copy, 1)
            warehouse.command(f"create table {there}.`{name}` clone as {database}.`{name}`")
    for view in views:
        warehouse.command(view)


def run(project: Project, *words: str | Path) -> None:
    """Run `clickward WORDS` in this process, on the test's project."""
    code = app([*map(str, words), *where(project)], standalone_mode=False)
    assert not code, f"clickward {words[0]} ended with exit code {code}"


def build_untested(project: Project) -> None:
    """Build everything, without the project's own tests."""
    kinds = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
    run_dbt(project, ["build", *kinds])


def where(project: Project) -> list[str]:
    """Options that lead a command to the test's project and target."""
    return [
        "--project-dir",
        str(project.project_dir),
        "--profiles-dir",
        str(project.profiles_dir),
        "--target",
        project.target_name or "local",
    ]


def table_hashes(warehouse: Warehouse) -> dict[str, tuple[int, int]]:
    """Rows and order-free content hash of every table from core on, by `stage.table`."""
    stages = [warehouse.target.database(stage) for stage in ("core", "features", "marts")]
    tables = warehouse.client.query(
        "select database, name from system.tables"
        " where database in {databases:Array(String)} and engine like '%MergeTree'",
        parameters={"databases": stages},
    ).result_rows
    hashes = {}
    for database, name in tables:
        if name not in PER_LOAD:
            rows, content = warehouse.client.query(
                f"select count(), groupBitXor(cityHash64(tuple(*))) from {database}.{name}"
            ).result_rows[0]
            hashes[f"{database.removeprefix(warehouse.target.schema + '_')}.{name}"] = (
                rows,
                content,
            )
    return hashes


def written_blocks(warehouse: Warehouse) -> set[tuple[str, str, str, int, int]]:
    """The last written block of every partition of every stage but the diaries of builds and the
    seeds, which dbt fills anew, and the last mutation of it, which ends a part's name.

    A write anywhere takes a higher number; a merge in the background keeps both.
    """
    return set(
        warehouse.client.query(
            "select database, table, partition_id, max(max_block_number),"
            " max(toUInt64OrZero(splitByChar('_', name)[5])) from system.parts"
            " where active and startsWith(database, {schema:String})"
            " and table not in ('build_runs', 'build_states', 'passed_tests')"
            " and (database, table) not in (({schema:String} || 'marts', 'app_economics'),"
            " ({schema:String} || 'marts', 'exchange_rates')) group by all",
            parameters={"schema": warehouse.target.schema + "_"},
        ).result_rows
    )


def leftovers(warehouse: Warehouse) -> list[str]:
    """Tables that only a killed run can have left."""
    return [
        row[0]
        for row in warehouse.client.query(
            "select database || '.' || name from system.tables"
            " where startsWith(database, {schema:String}) and name like '%\\_\\_dbt\\_%'",
            parameters={"schema": warehouse.target.schema + "_"},
        ).result_rows
    ]


def take_parsed(project_dir: Path, copy: Path) -> None:
    """Give a copy of a dbt project what dbt has parsed of the original."""
    parsed = Path(os.environ["DBT_TARGET_PATH"]) / "partial_parse.msgpack"
    if (project_dir / parsed).is_file():
        (copy / parsed).parent.mkdir(parents=True)
        shutil.copy(project_dir / parsed, copy / parsed)


def with_fault(project: Project, folder: Path, file: str, old: str, new: str) -> Project:
    """A copy of the dbt project with a planted fault; dbt parses only what the fault touches."""
    copy = shutil.copytree(
        project.project_dir, folder / "dbt_project", ignore=shutil.ignore_patterns("target", "logs")
    )
    take_parsed(project.project_dir, copy)
    text = (copy / file).read_text()
    assert text.count(old) >= 1, f"{old!r} is no longer in {file}: plant the fault elsewhere"
    (copy / file).write_text(text.replace(old, new))
    return Project(copy, project.profiles_dir, project.target_name)
