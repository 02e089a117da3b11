"""The project's models built a second time, of fewer rows or of other ones, in databases that go.

dbt's own code computes them, so what is checked is what was built.
"""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import read_manifest
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import STAGES, read_target
from clickward.warehouse.tables import create_database, on_cluster

# What all features are made of, and when a row of it was there to be seen.
SEEN_AT = {
    "clicks": "event_at",
    "installs": "event_at",
    "app_events": "event_at",
    "labels": "known_at",
}
# Which rows stand for a built relation: a condition in SQL, of its model's name and its columns.
Rows = Callable[[str, Collection[str]], str]


@contextmanager
def scratch(warehouse: Warehouse, empty: Collection[str] = ()) -> Iterator[Warehouse]:
    """The project under a schema of its own, in which no day is built and core's tables `empty`
    have no rows; all is dropped at the end.
    """
    schema = f"{warehouse.target.schema}_check"
    before = os.environ.get("CLICKWARD_SCHEMA")
    os.environ["CLICKWARD_SCHEMA"] = schema
    try:
        copy = Warehouse(warehouse.project, read_target(warehouse.project), warehouse.client)
        if copy.target.schema != schema:
            raise UserError(
                "the profile's schema is not read from CLICKWARD_SCHEMA",
                "write schema: \"{{ env_var('CLICKWARD_SCHEMA', 'clickward') }}\" in profiles.yml",
            )
        _drop(copy)
        try:
            for stage in STAGES:
                copy.command(create_database(copy.target, stage))
            for stage, table in [("raw", "build_days"), *(("core", name) for name in empty)]:
                real = warehouse.table(stage, table)
                copy.command(f"create table {copy.table(stage, table)} as {real}")
            yield copy
        finally:
            _drop(copy)
    finally:
        if before is None:
            del os.environ["CLICKWARD_SCHEMA"]
        else:
            os.environ["CLICKWARD_SCHEMA"] = before


def _drop(copy: Warehouse) -> None:
    for stage in STAGES:
        copy.command(
            f"drop database if exists {copy.target.database(stage)}{on_cluster(copy.target)}"
        )


def build(copy: Warehouse, *words: str) -> None:
    """Build the models that dbt's selectors `words` name."""
    folder = copy.project.home / "check"  # dbt keeps the names of relations there
    run_dbt(copy.project, ["run", "--select", *words, "--target-path", str(folder)])


def rebuild(
    warehouse: Warehouse, copy: Warehouse, models: list[str], rows: Rows, day: date | None = None
) -> None:
    """Build `models` and what lies between them and their base, which is `rows` as views.

    The base are models made of staging, and seeds. Of models that no other is made of only `day`
    is built, where it is given.
    """
    nodes = {
        node["name"]: node
        for node in read_manifest(warehouse.project)["nodes"].values()
        if node["resource_type"] in ("model", "seed")
    }
    names = {node["unique_id"]: name for name, node in nodes.items()}
    parents = {
        name: [names.get(key) for key in node["depends_on"].get("nodes", ())]
        for name, node in nodes.items()
    }
    # Made of anything but core and features, or of nothing.
    base = {
        name
        for name, own in parents.items()
        if not own or any(parent is None or "staging" in nodes[parent]["fqn"] for parent in own)
    }
    above = [name for name in _ancestors(parents, models, base) if name not in models]
    between = [name for name in above if name not in base]
    # Windows may look back at what lies between, and it may be made of features itself.
    whole = between + [model for model in models if model in _ancestors(parents, between, set())]
    views = [name for name in above if name in base]
    for name in views:
        _view(warehouse, copy, nodes[name], rows)
    if day is None:
        build(copy, *whole, *models)
        return
    if whole:
        build(copy, *whole)
    # From here on there is one day to build: the day of every other one is nobody's to define.
    copy.command(
        f"alter table {copy.table('raw', 'build_days')} delete"
        " where model in {built:Array(String)} and day != {day:Date} settings mutations_sync = 2",
        built=views + whole,
        day=day,
    )
    build(copy, *(model for model in models if model not in whole))


def _view(warehouse: Warehouse, copy: Warehouse, node: dict[str, Any], rows: Rows) -> None:
    """A view in place of a built relation, and its days."""
    stage = node["config"]["schema"]
    database, real = (
        f"{one.target.schema}_{stage}" if stage else one.target.schema for one in (copy, warehouse)
    )
    view, real = f"{database}.{node['alias']}", f"{real}.{node['alias']}"
    columns = set(warehouse.query(f"describe table {real}")["name"])
    copy.command(f"create database if not exists {database}{on_cluster(copy.target)}")
    kept = rows(node["name"], columns)
    copy.command(f"create or replace view {view} as select * from {real} where {kept}")
    if "event_date" in columns:
        record_days(copy, node["alias"], view, "1")


def record_days(copy: Warehouse, model: str, relation: str, content: str) -> None:
    """Write the days of `relation` into the run log: a build sees by `content` what changed."""
    copy.command(
        f"insert into {copy.table('raw', 'build_days')} (model, day, inputs, content, rows,"
        f" is_wanted, built_at) select '{model}', event_date, 1, {content},"
        f" count(), 1, now64(3) from {relation} group by event_date"
    )


def _ancestors(
    parents: dict[str, list[str | None]], models: Collection[str], ends: Collection[str]
) -> list[str]:
    """What `models` are made of, the parents of `ends` left out."""
    found: list[str] = []
    waiting = list(models)
    while waiting:
        for parent in parents[waiting.pop()]:
            if parent is not None and parent not in found:
                found.append(parent)
                waiting += [] if parent in ends else [parent]
    return found
