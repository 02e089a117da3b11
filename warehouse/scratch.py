"""A copy of core in a schema of its own, for what is to be built of fewer rows or of other ones."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import STAGES, Project, read_target
from clickward.warehouse.tables import create_database, on_cluster

# What all features are made of, and when a row of it was there to be seen.
SEEN_AT = {
    "clicks": "event_at",
    "installs": "event_at",
    "app_events": "event_at",
    "labels": "known_at",
}


@contextmanager
def scratch(warehouse: Warehouse) -> Iterator[tuple[Project, Warehouse]]:
    """The project under a schema of its own, core's tables empty; all is dropped at the end."""
    schema = f"{warehouse.target.schema}_check"
    before = os.environ.get("CLICKWARD_SCHEMA")
    folder = Path(tempfile.mkdtemp(prefix="clickward-check-"))
    try:
        os.environ["CLICKWARD_SCHEMA"] = schema
        # A copy, for dbt keeps names of relations in the project's folder.
        shutil.copytree(
            warehouse.project.project_dir,
            folder / "dbt_project",
            ignore=shutil.ignore_patterns("target", "logs"),
        )
        own = warehouse.project
        project = Project(folder / "dbt_project", own.profiles_dir, own.target_name)
        copy = Warehouse(project, read_target(project), warehouse.client)
        if copy.target.schema != schema:
            raise UserError(
                "the profile's schema is not read from CLICKWARD_SCHEMA",
                "write schema: \"{{ env_var('CLICKWARD_SCHEMA', 'clickward') }}\" in profiles.yml",
            )
        _drop(copy)
        for stage in ("raw", "core"):
            copy.command(create_database(copy.target, stage))
        for stage, table in [("raw", "build_days"), *(("core", table) for table in SEEN_AT)]:
            copy.command(
                f"create table {copy.table(stage, table)} as {warehouse.table(stage, table)}"
            )
        yield project, copy
        _drop(copy)
    finally:
        if before is None:
            os.environ.pop("CLICKWARD_SCHEMA", None)
        else:
            os.environ["CLICKWARD_SCHEMA"] = before
        shutil.rmtree(folder, ignore_errors=True)


def _drop(copy: Warehouse) -> None:
    for stage in STAGES:
        copy.command(
            f"drop database if exists {copy.target.database(stage)}{on_cluster(copy.target)}"
        )


def record_core(copy: Warehouse) -> None:
    """Write core's days as they stand into the ledger, so that a build sees what has changed."""
    for table in SEEN_AT:
        copy.command(
            f"insert into {copy.table('raw', 'build_days')} (model, day, inputs, content, rows,"
            f" is_wanted, built_at) select '{table}', event_date, 0, sum(cityHash64(tuple(*))),"
            f" count(), 1, now64(3) from {copy.table('core', table)} group by event_date"
        )
