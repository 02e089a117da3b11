"""Tables of raw and ml are those of the source YAML, whether dbt or the loader makes them."""

import pytest

from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import Project
from clickward.warehouse.sources import tables
from clickward.warehouse.tables import ensure_tables

# Columns that no key is made of, the first one too.
GAINED = {
    "raw.appsflyer__clicks": ("attributed_touch_type", "city"),
    "ml.scores": ("probability", "reason_values"),
}


def made(warehouse: Warehouse) -> dict[str, str]:
    """How the engine would make each table of the YAML, without the schema's name."""
    schema = warehouse.target.schema
    found = warehouse.query(
        "select substring(database, length({schema:String}) + 2) || '.' || name as place,"
        " replaceAll(create_table_query, {schema:String} || '_', '') as query"
        " from system.tables where database in"
        " ({schema:String} || '_raw', {schema:String} || '_ml')",
        schema=schema,
    )
    return dict(found.iter_rows())


def lose(warehouse: Warehouse, *places: str) -> None:
    """Take the columns of `GAINED` away, as though a version before had made the tables."""
    for place in places:
        table = warehouse.table(*place.split("."))
        for column in GAINED[place]:
            warehouse.command(f"alter table {table} drop column `{column}`")


def test_dbt_and_the_loader_make_and_mend_the_same_tables(
    project: Project, warehouse: Warehouse
) -> None:
    wanted = tables(project)
    places = {f"{table.stage}.{table.name}" for table in wanted}
    ensure_tables(warehouse, wanted)
    by_loader = made(warehouse)
    assert by_loader.keys() == places
    for stage in ("raw", "ml"):
        warehouse.command(f"drop database {warehouse.target.database(stage)} sync")
    for is_there in (False, True):
        if is_there:
            lose(warehouse, *GAINED)
        run_dbt(project, ["run-operation", "create_sources"])
        by_dbt = made(warehouse)
        assert {place: by_dbt[place] for place in places} == by_loader


@pytest.mark.parametrize("place", GAINED)
def test_the_loader_mends_them_too(project: Project, warehouse: Warehouse, place: str) -> None:
    wanted = [one for one in tables(project) if f"{one.stage}.{one.name}" == place]
    ensure_tables(warehouse, wanted)
    before = made(warehouse)
    for column in GAINED[place]:
        warehouse.command(
            f"alter table {warehouse.table(*place.split('.'))} drop column `{column}`"
        )
    assert made(warehouse) != before
    ensure_tables(warehouse, wanted)
    assert made(warehouse) == before
