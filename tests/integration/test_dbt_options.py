"""Options of dbt that would spoil what is counted: refused before anything is written."""

from pathlib import Path

import pytest
from harness import build_untested, dbt_target, run, table_hashes, with_fault, written_blocks

from clickward.simulator import load_scenario, simulate
from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project
from clickward.warehouse.sources import reports

# Where the manifest of the small world's own schema stands, to defer to and to clone.
STATE = "STATE"


def everything(warehouse: Warehouse) -> tuple[object, ...]:
    """All that a run could write: blocks of tables, texts of views, builds begun and ended."""
    views = warehouse.client.query(
        "select database, name, create_table_query from system.tables"
        " where engine = 'View' and startsWith(database, {schema:String}) order by all",
        parameters={"schema": warehouse.target.schema + "_"},
    ).result_rows
    runs = warehouse.scalar(f"select count() from {warehouse.table('raw', 'build_runs')}")
    return written_blocks(warehouse), table_hashes(warehouse), views, runs


def everything_made(warehouse: Warehouse) -> list[tuple[str, ...]]:
    return list(
        warehouse.client.query(
            "select database, name from system.tables where startsWith(database, {schema:String})",
            parameters={"schema": warehouse.target.schema + "_"},
        ).result_rows
    )


def dbt(project: Project, *words: str) -> None:
    """Run dbt; `STATE` stands for the folder of the small world's manifest."""
    state = project.project_dir / dbt_target("small")
    run_dbt(project, [str(state) if word == STATE else word for word in words])


# Runs, and how each is refused; those that only read are not.
RUNS = (
    (["build", "--empty"], "--empty is refused"),
    (["run", "--empty", "--select", "load_days"], "--empty is refused"),
    (["build", "--sample", "1 day", "--select", "marts"], "--sample is refused"),
    (
        ["build", "--select", "feat_click_by_ip", "--defer", "--state", STATE],
        "feat_click_by_ip cannot be built with --defer of clicks",
    ),
    (
        ["run", "--select", "load_days", "--defer", "--favor-state", "--state", STATE],
        "load_days cannot be built with --defer of ",
    ),
    (["clone", "--state", STATE, "--select", "load_days"], "dbt clone is refused"),
    (["clone", "--full-refresh", "--state", STATE, "--select", "core"], "dbt clone is refused"),
    (["compile", "--empty", "--select", "clicks"], ""),
    (["show", "--select", "clicks"], ""),
    (["snapshot"], ""),
    (["test", "--select", "clicks"], ""),
    (["ls", "--select", "clicks+"], ""),
)


def test_no_run_writes_less_than_there_is(project: Project, on_small: Warehouse) -> None:
    before = everything(on_small)
    for words, refusal in RUNS:
        if refusal:
            with pytest.raises(UserError, match=refusal):
                dbt(project, *words)
        else:
            dbt(project, *words)
        assert everything(on_small) == before, words


def test_nothing_is_empty_in_a_new_schema_either(project: Project, warehouse: Warehouse) -> None:
    """Views that show no row would be read by the next build of what is above them."""
    with pytest.raises(UserError, match="--empty is refused"):
        dbt(project, "build", "--empty")
    assert everything_made(warehouse) == []
    # What is refused where raw has expired is not where nothing was ever loaded.
    dbt(project, "run", "--full-refresh", "--select", "staging")
    assert warehouse.scalar(f"select count() from {warehouse.table('staging', 'load_days')}") == 0


def test_counts_of_expired_loads_are_not_made_anew(project: Project, on_small: Warehouse) -> None:
    """A full refresh would count them as nothing, and build their days empty."""
    raw = on_small.table("raw", "appsflyer__clicks")
    on_small.command(f"alter table {raw} delete where true settings mutations_sync = 2")
    before = everything(on_small)
    for words in (["build"], ["run", "--select", "load_days"], ["run", "--select", "staging+"]):
        with pytest.raises(UserError, match=r"cannot be built anew: raw rows of .*clicks"):
            dbt(project, *words, "--full-refresh")
    assert everything(on_small) == before
    # What is made of core needs no raw.
    dbt(project, "run", "--select", "feat_click_by_ip", "--full-refresh")
    assert table_hashes(on_small) == before[1]


def test_a_build_that_selects_nothing_is_no_success(project: Project, on_small: Warehouse) -> None:
    with pytest.raises(UserError, match="no model is selected by clikcs"):
        run(project, "build", "--select", "clikcs")


def test_rows_expire_after_whole_days_from_0_up(
    project: Project, on_small: Warehouse, tmp_path: Path
) -> None:
    """A negative number let every row of a new table expire at once, and a word none."""
    for days in ("-5", "soon", "1.5", "true"):
        with pytest.raises(UserError, match=r"raw_ttl_days .*expected whole days from 0 up"):
            dbt(project, "run", "--select", "clicks", "--vars", f"{{raw_ttl_days: {days}}}")
    old = "raw_ttl_days: 400"
    broken = with_fault(project, tmp_path, "dbt_project.yml", old, "raw_ttl_days: -5")
    with pytest.raises(UserError, match="raw_ttl_days is -5, expected whole days from 0 up"):
        reports(broken)


@pytest.mark.full
def test_retry_builds_the_days_that_failed(
    project: Project, on_small: Warehouse, tmp_path: Path
) -> None:
    expected = table_hashes(on_small)
    on_small.command(f"drop table {on_small.table('features', 'feat_click_by_ip')}")
    file = "models/features/ip/feat_click_by_ip.sql"
    whole = (project.project_dir / file).read_text()
    faulty = '["no_such_column"]'
    broken = with_fault(project, tmp_path / "broken", file, '["ip_hash"]', faulty)
    select = ["--select", "feat_click_by_ip", "fs_click"]
    with pytest.raises(UserError, match="feat_click_by_ip"):
        dbt(broken, "build", *select)
    (broken.project_dir / file).write_text(whole)
    dbt(broken, "retry")
    assert table_hashes(on_small) == expected


@pytest.mark.full
def test_a_later_build_finds_what_one_left_out(
    project: Project, on_small: Warehouse, tmp_path: Path
) -> None:
    simulate(load_scenario("demo", days=2, clicks=1000, seed=6), tmp_path / "more")
    run(project, "load", "appsflyer", tmp_path / "more")
    kinds = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
    dbt(project, "build", *kinds, "--exclude", "clicks", "load_days")
    build_untested(project)
    found = table_hashes(on_small)
    assert found["core.clicks"][0] == on_small.scalar(
        f"select uniqExact(click_id) from {on_small.table('staging', 'stg_appsflyer__clicks')}"
    )
    for stage in ("core", "features", "marts"):
        on_small.command(f"drop database {on_small.target.database(stage)} sync")
    build_untested(project)
    assert table_hashes(on_small) == found


def test_columns_that_came_later_are_added_once_and_to_tables_alone(
    project: Project, on_small: Warehouse
) -> None:
    installs = on_small.table("core", "installs")
    rows = on_small.scalar(f"select count() from {installs}")
    on_small.command(f"alter table {installs} drop column payout_currency")

    def added() -> list[str]:
        said: list[str] = []
        words = ["run", "--select", "rates_in_force"]
        run_dbt(project, words, lambda event: said.append(event.info.msg))
        return [line for line in said if "is added to" in line]

    assert added() == [f"column payout_currency is added to {installs}"]
    assert added() == []
    assert on_small.scalar(f"select countIf(payout_currency is null) from {installs}") == rows > 0
    on_small.command(f"rename table {installs} to {installs}_kept")
    on_small.command(
        f"create view {installs} as select * except (payout_currency) from {installs}_kept"
    )
    assert added() == []
