"""`clickward unload`: after the next build it is as though the loads had never been."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from harness import Small, build_untested, run, table_hashes, where

from clickward.cli.main import app
from clickward.simulator import load_scenario, simulate
from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project

Unload = Callable[..., dict[str, Any]]


@pytest.fixture
def unload(project: Project, capsys: pytest.CaptureFixture[str]) -> Unload:
    """Run `clickward unload WORDS --yes --json`; returns what it printed."""

    def call(*words: str | Path) -> dict[str, Any]:
        capsys.readouterr()
        run(project, "unload", *words, "--yes", "--json")
        return json.loads(capsys.readouterr().out)

    return call


def accounts(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """What the ledgers of loads say, and rows of raw by load."""
    raw = warehouse.table("raw", "appsflyer__clicks")
    queries = {
        "loads": f"select * from {warehouse.table('raw', 'loads')}",
        "load_days": f"select * from {warehouse.table('staging', 'load_days')}",
        "load_accounting": f"select * from {warehouse.table('staging', 'load_accounting')}",
        "raw": f"select _load_id, count(), groupBitXor(cityHash64(*)) from {raw} group by all",
        "lines": f"select * from {warehouse.table('raw', 'rejected_lines')}",
    }
    found = {name: warehouse.client.query(query).result_rows for name, query in queries.items()}
    return {name: sorted(rows, key=str) for name, rows in found.items()}


@pytest.fixture
def wrong(small: Small, tmp_path: Path) -> Path:
    """Reports that should not have been loaded: other days, other rows of the same days, copies
    of rows that were loaded, a line that cannot be read, verdicts on installs of before.
    """
    folder = tmp_path / "wrong"
    simulate(load_scenario("demo", days=2, clicks=1000, seed=6), folder / "same_days")
    later = load_scenario("demo", days=2, clicks=1000, seed=7, start=date(2026, 3, 1))
    simulate(later, folder / "later")
    clicks = sorted((small.reports / "t=clicks").rglob("*.parquet"))[0]
    copies = pl.read_parquet(clicks)
    verdicts = sorted((small.reports / "t=detection").rglob("*.parquet"))
    assert copies.height > 100
    for name, frame in (("clicks", copies.head(90)), ("detection", pl.read_parquet(verdicts[0]))):
        place = folder / "copies" / f"t={name}" / "dt=2026-01-09"
        place.mkdir(parents=True)
        frame.write_parquet(place / "part-0.parquet")
    return folder


@pytest.mark.after_check
def test_a_store_is_as_though_the_load_had_never_been(
    project: Project, on_small: Warehouse, wrong: Path, unload: Unload
) -> None:
    before, ledgers = table_hashes(on_small), accounts(on_small)
    last = on_small.scalar(f"select max(event_date) from {on_small.table('core', 'clicks')}")
    run(project, "load", "appsflyer", wrong)
    build_untested(project)
    spoiled = table_hashes(on_small)
    assert spoiled["core.clicks"][0] > before["core.clicks"][0] + 1000
    assert spoiled["core.labels"] != before["core.labels"]
    days = f"select max(event_date) from {on_small.table('core', 'clicks')}"
    assert on_small.scalar(days) > last + timedelta(days=30)

    taken = unload(wrong)
    assert {load["file"] for load in taken["loads"]} == {
        str(path) for path in wrong.glob("*/t=*/**/*.parquet")
    }
    assert (taken["scores"], taken["claimed_installs"], taken["forgotten_rows"]) == (0, 0, 0)
    build_untested(project)
    assert table_hashes(on_small) == before
    assert accounts(on_small) == ledgers
    assert on_small.scalar(days) == last


@pytest.mark.after_check
def test_a_copy_is_kept_by_the_load_that_stays(
    project: Project, on_small: Warehouse, small: Small, tmp_path: Path, unload: Unload
) -> None:
    """Of copies the load of the least id keeps one: whichever goes, the row stays."""
    file = sorted((small.reports / "t=clicks").rglob("*.parquet"))[0]
    rows = pl.read_parquet(file)
    copy = tmp_path / "t=clicks" / file.parent.parent.name / file.parent.name / "copy.parquet"
    copy.parent.mkdir(parents=True)
    rows.reverse().write_parquet(copy)
    run(project, "load", "appsflyer", copy)
    run_dbt(project, ["run", "--select", "staging", "core"])
    clicks = on_small.table("core", "clicks")
    ids = f"select groupBitXor(cityHash64(click_id)), count() from {clicks}"
    held = on_small.client.query(ids).result_rows
    assert on_small.scalar(f"select sum(duplicate_count) from {clicks}") >= rows.height
    unload(file)
    run_dbt(project, ["run", "--select", "staging", "core"])
    assert on_small.client.query(ids).result_rows == held
    (load,) = on_small.query(
        f"select kept, duplicates, rejected from (select load_id, sum(kept) as kept,"
        f" sum(duplicates) as duplicates, sum(rejected) as rejected from"
        f" {on_small.table('staging', 'load_accounting')} group by load_id) where load_id in"
        f" (select load_id from {on_small.table('raw', 'loads')} where file_name = {{f:String}})",
        f=str(copy),
    ).rows()
    assert sum(load) == rows.height


def test_the_same_file_is_loaded_again_and_a_repeated_unload_says_so(
    project: Project, on_small: Warehouse, small: Small, unload: Unload,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = sorted((small.reports / "t=installs").rglob("*.parquet"))[0]
    rows = pl.read_parquet(file).height
    (load,) = unload(file)["loads"]
    assert load["rows"] == rows
    assert unload(load["load_id"])["loads"] == []
    assert unload(file)["loads"] == []
    run(project, "unload", file, "--yes")
    assert f"load {load['load_id']} was taken back before" in capsys.readouterr().err
    table = on_small.table("raw", "appsflyer__installs")
    of_load = f"select count() from {table} where _load_id = {{id:String}}"
    assert on_small.scalar(of_load, id=load["load_id"]) == 0
    run(project, "load", "appsflyer", file)
    assert on_small.scalar(of_load, id=load["load_id"]) == rows
    assert [again["load_id"] for again in unload(file)["loads"]] == [load["load_id"]]


def test_what_is_left_of_a_killed_run_goes(
    project: Project, on_small: Warehouse, small: Small, unload: Unload
) -> None:
    """Killed once the ledger no longer has the load, before its rows are gone."""
    file = sorted((small.reports / "t=installs").rglob("*.parquet"))[0]
    table = on_small.table("raw", "appsflyer__installs")
    on_small.command(f"create table {table}_kept as {table} engine = Memory")
    id_ = on_small.scalar(
        f"select load_id from {on_small.table('raw', 'loads')} where file_name = {{f:String}}",
        f=str(file),
    )
    on_small.command(f"insert into {table}_kept select * from {table} where _load_id = '{id_}'")
    unload(file)
    on_small.command(f"insert into {table} select * from {table}_kept")
    assert on_small.scalar(f"select count() from {table} where _load_id = '{id_}'") > 0
    assert unload(file)["loads"] == []
    assert on_small.scalar(f"select count() from {table} where _load_id = '{id_}'") == 0


def test_what_cannot_be_taken_back_is_refused_and_stays(
    project: Project, on_small: Warehouse, small: Small, unload: Unload, tmp_path: Path
) -> None:
    file = sorted((small.reports / "t=installs").rglob("*.parquet"))[0]
    before = accounts(on_small)
    loads, raw = on_small.table("raw", "loads"), on_small.table("raw", "appsflyer__installs")
    with pytest.raises(UserError, match=r"no load is named 'installs_2026-01.csv'"):
        unload("installs_2026-01.csv")
    with pytest.raises(UserError, match=r"(?s)loads are named part-\S+.*name them by load id"):
        unload(file.name)

    install = on_small.scalar(
        f"select any(install_id) from {on_small.table('staging', 'stg_appsflyer__installs')}"
        f" where load_id = (select load_id from {loads} where file_name = {{f:String}})",
        f=str(file),
    )
    ml = {name: on_small.table("ml", name) for name in ("scores", "runs", "claims", "claim_rows")}
    score = "(run_id, subject, subject_id, target, model_version, score)"
    on_small.command(
        f"insert into {ml['scores']} {score}"
        f" values ('r1', 'install', '{install}', 'is_fraud', 'm', 1)"
    )
    # A run that was never committed scored nothing.
    assert unload(file, "--dry-run")["scores"] == 0
    on_small.command(f"insert into {ml['runs']} (run_id, kind) values ('r1', 'score')")
    on_small.command(
        f"insert into {ml['claim_rows']} (claim_id, install_id) values ('c', '{install}')"
    )
    on_small.command(f"insert into {ml['claims']} (claim_id, installs) values ('c', 1)")
    with pytest.raises(UserError, match=r"there are 1 scores of its clicks .*, 1 claimed installs"):
        unload(file)
    told = unload(file, "--dry-run")
    assert (told["scores"], told["claimed_installs"], told["dry_run"]) == (1, 1, True)
    assert accounts(on_small) == before

    # Rows that `forget` removed are fewer in the ledger than the file had.
    on_small.command(
        f"alter table {loads} update rows_read = rows_read + 2 where file_name = '{file}'"
        " settings mutations_sync = 2"
    )
    with pytest.raises(UserError, match="2 rows that `clickward forget` removed"):
        unload(file)
    assert len(unload(file, "--force")["loads"]) == 1
    assert on_small.scalar(f"select count() from {ml['scores']}") == 1
    assert on_small.scalar(f"select count() from {ml['claim_rows']}") == 1

    # Another load of the same days has expired: core could not be built again without it.
    other = sorted((small.reports / "t=installs").rglob("*.parquet"))[1]
    expired = sorted((small.reports / "t=clicks").rglob("*.parquet"))[1]
    clicks = on_small.table("raw", "appsflyer__clicks")
    on_small.command(
        f"alter table {clicks} delete where _load_id = (select load_id from {loads} where file_name"
        f" = '{expired}') settings mutations_sync = 2, allow_nondeterministic_mutations = 1"
    )
    with pytest.raises(UserError, match=r"raw rows of load .* have expired"):
        unload(expired, "--force")
    with pytest.raises(UserError, match="cannot be built again without the load: it also holds"):
        unload(other, "--force")
    assert on_small.scalar(f"select count() from {raw}") > 0


def test_nothing_goes_without_a_yes(
    project: Project, on_small: Warehouse, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = sorted((small.reports / "t=installs").rglob("*.parquet"))[0]
    before = accounts(on_small)
    with pytest.raises(UserError, match="no terminal to ask on"):
        app(["unload", str(file), *where(project)], standalone_mode=False)
    assert accounts(on_small) == before
