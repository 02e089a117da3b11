"""What tests of the whole share: run a command, build, and compare tables."""

import shutil
from pathlib import Path

from clickward.cli.main import app
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import Project

# Counted per load, so they differ with how rows were loaded.
PER_LOAD = {"load_days", "load_accounting"}


def run(project: Project, *words: str | Path) -> None:
    """Run `clickward WORDS` in this process, on the test's project."""
    code = app([*map(str, words), *where(project)], standalone_mode=False)
    assert not code, f"clickward {words[0]} ended with exit code {code}"


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
    """The last written block of every partition of every stage but the diary of builds and the
    seed, which dbt fills anew, and the last mutation of it, which ends a part's name.

    A write anywhere takes a higher number; a merge in the background keeps both.
    """
    return set(
        warehouse.client.query(
            "select database, table, partition_id, max(max_block_number),"
            " max(toUInt64OrZero(splitByChar('_', name)[5])) from system.parts"
            " where active and startsWith(database, {schema:String}) and table != 'build_runs'"
            " and (database, table) != ({schema:String} || 'marts', 'app_economics') group by all",
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


def with_fault(project: Project, folder: Path, file: str, old: str, new: str) -> Project:
    """A copy of the dbt project with a planted fault."""
    copy = shutil.copytree(
        project.project_dir, folder / "dbt_project", ignore=shutil.ignore_patterns("target", "logs")
    )
    text = (copy / file).read_text()
    assert text.count(old) >= 1, f"{old!r} is no longer in {file}: plant the fault elsewhere"
    (copy / file).write_text(text.replace(old, new))
    return Project(copy, project.profiles_dir, project.target_name)
