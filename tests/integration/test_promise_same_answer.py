"""Promise 3: same data, same answer, however it came: one load or many, one build or many."""

import pytest
from harness import CORE, Small, build_untested, leftovers, run, table_hashes, written_blocks

from clickward.warehouse.connection import Warehouse, connect
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project


def test_day_by_day_equals_all_at_once(
    project: Project, small: Small, small_built: Warehouse
) -> None:
    at_once = table_hashes(small_built)
    assert at_once["core.installs"][0] > 100
    assert at_once["features.fs_install"][0] == at_once["core.installs"][0]

    # Days as they arrived: each brings late rows of the days before, which are built again.
    arrivals = sorted({folder.name for folder in small.reports.glob("t=*/dt=*")})
    assert len(arrivals) > small.days
    halves = [arrivals[1::2], arrivals[::2]]
    for batch in halves:
        for day in batch:
            run(project, "load", "appsflyer", *sorted(small.reports.glob(f"t=*/{day}")))
        build_untested(project)
    daily = connect(project)
    assert table_hashes(daily) == at_once
    assert leftovers(daily) == []
    daily.close()


def test_a_second_build_and_a_second_load_write_nothing(
    project: Project, small: Small, on_small: Warehouse
) -> None:
    before, content = written_blocks(on_small), table_hashes(on_small)
    run(project, "load", "appsflyer", small.reports)
    run(project, "build")
    assert written_blocks(on_small) == before
    assert table_hashes(on_small) == content


@pytest.mark.full
def test_a_day_that_became_empty_is_dropped(project: Project, on_small: Warehouse) -> None:
    warehouse = on_small
    clicks = warehouse.table("core", "clicks")
    # As a killed first build leaves it: rows of a day that nothing upstream knows.
    strange = f"select * replace (event_date + 400 as event_date) from {clicks} limit 7"
    warehouse.command(f"insert into {clicks} {strange}")
    wrong = warehouse.scalar(f"select count() from {clicks}")
    run(project, "build")
    assert warehouse.scalar(f"select count() from {clicks}") == wrong - 7


@pytest.mark.full
def test_expired_raw_rows_empty_no_day(
    project: Project, warehouse: Warehouse, small: Small
) -> None:
    clicks = small.reports / "t=clicks"
    arrivals = sorted(folder.name for folder in clicks.glob("dt=*"))
    run(project, "load", "appsflyer", clicks / arrivals[0])
    run(project, "build", *CORE)
    content = table_hashes(warehouse)
    assert content["core.clicks"][0] > 100
    # As the expiry of raw does it; the second day brings late rows of the first.
    raw = warehouse.table("raw", "appsflyer__clicks")
    warehouse.command(f"alter table {raw} delete where true settings mutations_sync = 2")
    day = warehouse.table("core", "clicks")
    first_day = warehouse.scalar(f"select min(event_date) from {day}")
    held = warehouse.scalar(f"select count() from {day} where event_date = {{d:Date}}", d=first_day)
    run(project, "load", "appsflyer", clicks / arrivals[1])
    with pytest.raises(UserError, match="assert_loads_reconcile"):
        run(project, "build", *CORE)
    assert held == warehouse.scalar(
        f"select count() from {day} where event_date = {{d:Date}}", d=first_day
    )
    with pytest.raises(UserError, match="cannot be built anew: raw rows of"):
        run(project, "build", "--full-refresh", "--select", "clicks")
