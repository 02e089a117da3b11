"""A build ends at once where nothing that it reads or wrote has changed, and notices what has.

The small world is built once. A change made by hand is noticed, and then taken as what the last
build left, so that the next test starts from there.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from harness import run, use_schema, where, with_fault, written_blocks
from test_promise_kills import Bench

from clickward.cli.main import app
from clickward.simulator import load_scenario, simulate
from clickward.warehouse import build_states
from clickward.warehouse.build import UNCHANGED, build, parse_variables, render, run_dbt
from clickward.warehouse.build_states import Standing, standing
from clickward.warehouse.connection import Warehouse, connect
from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.profile import Project, find_project

DAYS = 4
SCHEMA = "nothing_to_do"
HEADER = "ip,app,device,os,channel,click_time,attributed_time,is_attributed"


@dataclass(frozen=True)
class World:
    """The built project, and the reports of a day that is not loaded yet."""

    project: Project
    later: list[Path]


@pytest.fixture(scope="module")
def world(store: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    home = tmp_path_factory.mktemp("nothing")
    checkout = find_project(target="local")
    profiles = shutil.copytree(checkout.profiles_dir, home / "profiles")
    project = Project(checkout.project_dir, profiles, "local")
    simulate(load_scenario("demo", days=DAYS, clicks=3000, seed=5), home / "world")
    folders = sorted((home / "world").glob("t=*/dt=*"))
    days = sorted({folder.name for folder in folders})
    early = [folder for folder in folders if folder.name in days[: DAYS - 1]]
    with pytest.MonkeyPatch.context() as patch:
        use_schema(patch, SCHEMA)
        run(project, "load", "appsflyer", *early)
        run(project, "load", "truth", home / "world" / "truth.parquet")
        run(project, "build")
    return World(project, [folder for folder in folders if folder.name == days[DAYS - 1]])


@pytest.fixture
def built(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    use_schema(monkeypatch, SCHEMA)
    connected = connect(world.project)
    assert standing(connected, {}).is_current, str(standing(connected, {}))
    yield connected
    accept(connected)
    connected.close()


def accept(warehouse: Warehouse) -> None:
    """Take the store as it stands for what the last build left."""
    now = standing(warehouse, {})
    assert now.record is not None
    tables = [part.removeprefix("table ") for part in now.record.parts if " " in part]
    held = {name: now.relations[name] for name in tables if name in now.relations}
    parts = now.parts | {f"table {name}": str(relation) for name, relation in held.items()}
    written_at = max(relation.written_at for relation in held.values())
    columns = ["run_id", "started_at", "parts", "written_at", "nodes"]
    row = ["accepted", warehouse.scalar("select now64(3)"), parts, written_at, now.record.nodes]
    states = warehouse.table("raw", "build_states")
    warehouse.command(f"truncate table {states}")
    warehouse.client.insert(states, [row], column_names=columns)


def change(warehouse: Warehouse, stage: str, table: str, statement: str) -> Standing:
    """How the store stands after `statement` on a table."""
    warehouse.command(statement.replace("{}", warehouse.table(stage, table)))
    return standing(warehouse, {})


def copy_of(project: Project, folder: Path) -> Project:
    """The project with a comment more in a model."""
    return with_fault(project, folder, "models/core/installs.sql", "with\n", "-- edited\nwith\n")


def test_a_build_with_nothing_to_do_runs_and_writes_nothing(
    built: Warehouse, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    before = written_blocks(built)
    capsys.readouterr()
    run(world.project, "build", "--json")
    done = json.loads(capsys.readouterr().out)
    assert (done["passed"], done["failed"], done["days"]) == (0, 0, [])
    assert done["unchanged"] > 150
    run(world.project, "build")
    said = capsys.readouterr().err
    assert "nothing has changed since the build of 20" in said
    assert f"{done['unchanged']} models and tests not run again" in said
    assert written_blocks(built) == before


def test_merges_and_tables_that_nothing_reads_ask_for_no_build(built: Warehouse) -> None:
    # Tables of several blocks: a single one is rewritten by hand only, which asks for a build.
    for stage, table in (("raw", "build_days"), ("raw", "loads")):
        assert change(built, stage, table, "optimize table {} final").is_current
    for table in ("trials", "thresholds", "evaluations", "snapshots"):
        assert change(built, "ml", table, "insert into {} (target) values ('a')").is_current
    assert change(built, "ml", "scratch", "create table {} (x UInt8) engine Memory").is_current


@pytest.mark.parametrize(
    ("stage", "table", "statement"),
    [
        ("core", "installs", "alter table {} delete where event_at = (select max(event_at) from {})"
         " settings mutations_sync = 2"),
        ("core", "clicks", "delete from {} where event_at = (select max(event_at) from {})"),
        ("core", "labels", "alter table {} update value = 1 - value where 1"
         " settings mutations_sync = 2"),
        ("features", "fs_install", "alter table {} drop partition '2026-01-01'"),
        ("marts", "mart_publisher_daily", "truncate table {}"),
        ("ml", "truth", "alter table {} delete where actor = (select max(actor) from {})"
         " settings mutations_sync = 2"),
        # A run of scores that was ended before its marts were built.
        ("ml", "scores", "insert into {} (run_id) values ('a')"),
        ("ml", "runs", "insert into {} (run_id, kind) values ('a', 'score')"),
        ("ml", "promotions", "insert into {} (model_version) values ('a')"),
        ("ml", "block_decisions", "insert into {} (decision_id) values ('a')"),
        ("ml", "app_economics", "insert into {} (app_id) values ('a')"),
        ("raw", "build_plan", "insert into {} (model, day) values ('clicks', '2026-01-01')"),
    ],
)  # fmt: skip
def test_what_changes_a_table_is_noticed(
    built: Warehouse, stage: str, table: str, statement: str
) -> None:
    now = change(built, stage, table, statement)
    assert now.changed == [f"table {built.table(stage, table)}"]
    assert str(now) == f"changed since the last build: {built.table(stage, table)}"


def test_a_row_written_in_place_of_the_last_one_is_noticed(built: Warehouse) -> None:
    """Where an engine that starts anew gives out the number of a part that is gone once more."""
    table = built.table("ml", "claims")
    assert change(built, "ml", "claims", "insert into {} (claim_id) values ('a')").changed
    accept(built)
    assert standing(built, {}).is_current
    built.command(
        f"insert into {built.table('raw', 'build_states')} select run_id, now64(3), parts,"
        f" written_at - 5, nodes from {built.table('raw', 'build_states')}"
        " order by started_at desc limit 1"
    )
    assert f"table {table}" in standing(built, {}).changed
    # Nor does rewriting the part hide it, which is no merge of several.
    built.command(f"optimize table {table} final")
    assert f"table {table}" in standing(built, {}).changed


def test_a_state_that_ignores_mutations_is_caught(
    built: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = build_states.STATES.replace(
        "partition_rows, block, mutation)", "partition_rows, block)"
    )
    assert fault != build_states.STATES
    fault = fault.replace("toUnixTimestamp(modification_time)", "0")
    delete = "delete from {} where event_at = (select max(event_at) from {})"
    with monkeypatch.context() as patch:
        patch.setattr(build_states, "STATES", fault)
        accept(built)
        assert change(built, "core", "clicks", delete).is_current
    accept(built)
    assert change(built, "core", "clicks", delete).changed


def test_what_was_dropped_by_hand_is_noticed(built: Warehouse) -> None:
    mart, view = built.table("marts", "install_facts"), built.table("marts", "fct_scored_installs")
    assert change(built, "marts", "x", f"rename table {mart} to " + "{}").changed == [
        f"table {mart}"
    ]
    assert change(built, "marts", "x", "rename table {} to " + mart).is_current
    made = built.scalar(
        "select create_table_query from system.tables"
        " where database || '.' || name = {view:String}",
        view=view,
    )
    built.command(f"drop view {view}")
    assert standing(built, {}).changed == [f"table {view}"]
    built.command(made)
    assert standing(built, {}).is_current


def test_rows_that_expire_are_noticed(built: Warehouse) -> None:
    raw = built.table("raw", "rejected_lines")
    built.command(f"system stop ttl merges {raw}")
    built.command(f"insert into {raw} (reason, _loaded_at) values ('old', now() - interval 2 year)")
    accept(built)
    built.command(f"insert into {raw} (reason, _loaded_at) values ('new', now())")
    accept(built)
    held = built.scalar(f"select count() from {raw}")
    assert standing(built, {}).is_current
    built.command(f"system start ttl merges {raw}")
    built.command(f"optimize table {raw} final settings optimize_skip_merged_partitions = 0")
    assert built.scalar(f"select count() from {raw}") == held - 1
    assert standing(built, {}).changed == [f"table {raw}"]


def test_builds_that_failed_or_did_not_end_are_noticed(built: Warehouse) -> None:
    def begun(event: str) -> Standing:
        return change(
            built, "raw", "build_runs",
            "insert into {} (run_id, event, at) values ('x', '" + event + "', now64(3))",
        )  # fmt: skip

    assert begun("begun").faults == ["a build that did not end"]
    assert begun("failed").faults == ["a build that failed"]
    # Of plain dbt, say: what it changed is seen in the tables.
    assert begun("passed").is_current
    left = change(built, "core", "clicks__dbt_new_data_1", "create table {} (x UInt8) engine Log")
    assert left.faults == [built.table("core", "clicks__dbt_new_data_1")]
    built.command(f"drop table {built.table('core', 'clicks__dbt_new_data_1')}")
    assert standing(built, {}).is_current


def test_what_is_beside_the_store_is_noticed(
    built: Warehouse, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = replace(built, project=copy_of(world.project, tmp_path))
    assert standing(edited, {}).changed == ["file models/core/installs.sql"]
    core = edited.project.project_dir / "models" / "core"
    (core / ".#clicks.sql").symlink_to("me@host.1:9")  # as an editor locks a file
    (core / "above").symlink_to(core.parent)
    assert standing(edited, {}).changed == ["file models/core/installs.sql"]
    assert standing(built, {"raw_ttl_days": 30}).changed == ["variables"]
    for name in ("CLICKWARD_HASH_KEY", "DBT_INDIRECT_SELECTION"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "other")
            now = standing(built, {})
            assert now.changed == [f"environment {name}"]
            assert "other" not in json.dumps(now.parts)
    with monkeypatch.context() as patch:
        patch.setenv("CLICKWARD_STORE", f"{os.environ['CLICKWARD_STORE']}/.")
        assert standing(built, {}).is_current
    profile = world.project.profiles_dir / "profiles.yml"
    text = profile.read_text()
    profile.write_text(text + "\n")
    assert standing(built, {}).changed == ["profile"]
    profile.write_text(text)
    states = built.table("raw", "build_states")
    for part in ("version of clickward", "version of dbt-core", "version of the engine", "target"):
        built.command(
            f"insert into {states} select run_id, now64(3), mapUpdate(parts, map('{part}', '0')),"
            f" written_at, nodes from {states} order by started_at desc limit 1"
        )
        assert standing(built, {}).changed == [part]
        accept(built)


def test_forget_is_noticed(built: Warehouse, world: World) -> None:
    install = built.scalar(
        f"select toString(any(install_id)) from {built.table('core', 'installs')}"
    )
    run(world.project, "forget", install, "--yes")
    assert f"table {built.table('core', 'installs')}" in standing(built, {}).changed


def test_variables_are_a_mapping(world: World) -> None:
    assert parse_variables("{build_from: 2026-01-01}").keys() == {"build_from"}
    with pytest.raises(UsageError, match="is no mapping"):
        app(["build", "--vars", "raw_ttl_days", *where(world.project)], standalone_mode=False)


def test_only_tests_whose_data_changed_run_again(built: Warehouse, world: World) -> None:
    """Scored clicks are a view on views: what those read decides, and so does `--test`."""
    model = ["fct_scored_clicks"]
    first = build(built, model, run_tests=True)
    assert (first.passed, first.unchanged) == (2, 0)
    again = build(built, model)
    assert (again.passed, again.unchanged) == (1, 1)
    assert build(built, model, run_tests=True).unchanged == 0
    plain = run_dbt(world.project, ["test", "--select", *model]).results
    assert [one.status for one in plain if one.node.resource_type == "test"] == ["pass"]
    assert not any(one.adapter_response.get("code") == UNCHANGED for one in plain)
    # A row of no committed run: in the table below, not in the view.
    built.command(f"insert into {built.table('ml', 'scores')} (run_id) values ('none')")
    assert build(built, model).unchanged == 0
    assert build(built, model).unchanged == 1


def test_a_build_after_a_load_says_so_and_is_what_the_next_one_goes_by(
    built: Warehouse, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    built.command(f"alter table {built.table('core', 'clicks')} delete where 1"
                  " settings mutations_sync = 2")  # fmt: skip
    run(world.project, "load", "appsflyer", *world.later)
    capsys.readouterr()
    run(world.project, "build", "--json")
    printed = capsys.readouterr()
    assert "changed since the last build: " in printed.err
    assert f" loads, {built.table('core', 'clicks')}" in printed.err
    days = {one["model"]: one["days"] for one in json.loads(printed.out)["days"]}
    assert days["clicks"] == DAYS
    assert json.loads(printed.out)["unchanged"] > 0
    assert build(built).since is not None
    # Some days only, or a subset, is no build of everything.
    assert build(built, ["app_economics"]).since is None
    assert build(built).since is not None


@pytest.mark.full
def test_a_build_that_fails_is_followed_by_another(
    built: Warehouse, world: World, tmp_path: Path
) -> None:
    failing = "assert_loads_reconcile"

    def passed() -> set[str]:
        table = built.table("raw", "passed_tests")
        return {row[0] for row in built.client.query(f"select test from {table}").result_rows}

    assert f"test.clickward.{failing}" in passed()
    faulty = with_fault(
        world.project, tmp_path, f"tests/{failing}.sql", "and loads.rows_loaded !=",
        "and loads.rows_loaded + 1 !=",
    )  # fmt: skip
    with pytest.raises(UserError, match=failing):
        build(replace(built, project=faulty))
    # With the fault taken out again, all is as it was recorded, but for the failure.
    now = standing(built, {})
    assert now.faults == ["a build that failed"]
    assert f"test.clickward.{failing}" not in passed()
    assert len(passed()) > 50
    assert build(built, ["load_accounting"]).passed > 0
    assert f"test.clickward.{failing}" in passed()


@pytest.mark.parametrize(
    ("sql", "asks"),
    [
        ("select 1 where now() > event_at", True),
        ("select 1 where day = TODAY ()", True),
        ("select current_date", True),
        ("select randConstant(3)", True),
        ("select * from file('x.csv')", True),
        ("select * from system.parts", True),
        ("select known_at, file, url, now from clicks", False),
        ("select snow(1), subsystem.x", False),
    ],
)
def test_what_no_table_tells(world: World, sql: str, asks: bool) -> None:
    """The rule itself; a name that only looks like a function asks for nothing."""
    with pytest.MonkeyPatch.context() as patch:
        use_schema(patch, SCHEMA)
        assert render(world.project, f'{{{{ asks_for_more("{sql}") }}}}') == str(asks)


@pytest.mark.full
def test_nothing_vouches_for_a_test_that_asks_for_the_time(
    built: Warehouse, world: World, tmp_path: Path
) -> None:
    asking = replace(built, project=copy_of(world.project, tmp_path))
    clock = asking.project.project_dir / "tests" / "assert_clock.sql"
    clock.write_text("select 1 from {{ ref('app_economics') }} where now() < '2000-01-01'")
    unchanged = [build(asking).unchanged for _ in range(2)]
    assert build(asking).since is None
    clock.write_text("select 1 from {{ ref('app_economics') }} where '1990-01-01' > '2000-01-01'")
    build(asking)
    assert build(asking).since is not None
    assert unchanged[1] > 50


@pytest.mark.full
def test_nothing_vouches_for_a_source_that_is_a_view(built: Warehouse) -> None:
    truth, below = built.table("ml", "truth"), built.table("ml", "truth_below")
    built.command(f"rename table {truth} to {below}")
    built.command(f"create view {truth} as select * from {below}")
    build(built)
    built.command(f"insert into {below} (attack) values ('new')")
    assert build(built).since is None
    built.command(f"drop view {truth}")
    built.command(f"rename table {below} to {truth}")
    build(built)


@pytest.mark.full
def test_a_killed_build_is_noticed_by_the_next_process(tmp_path: Path) -> None:
    """Killed once days were swapped in. What is recorded holds in a process started anew, too."""
    bench = Bench(tmp_path)
    checkout = find_project(target="local")
    shutil.copytree(checkout.profiles_dir, tmp_path / "profiles")
    shutil.copytree(
        checkout.project_dir, tmp_path / "dbt_project",
        ignore=shutil.ignore_patterns("target", "logs"),
    )  # fmt: skip
    files = []
    for name, click in (("first", "1,2,1,13"), ("second", "3,2,1,13")):
        files.append(tmp_path / f"{name}.csv")
        files[-1].write_text(f"{HEADER}\n{click},99,2024-01-01 00:00:00,,0\n")
    environment = bench.environment() | {"DBT_LOG_PATH": str(tmp_path / "log")}
    del environment["DBT_INDIRECT_SELECTION"]

    def start(*words: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            bench.command(*words), env=environment, stderr=subprocess.PIPE, text=True
        )

    def said(*words: str | Path) -> str:
        process = start(*words)
        _, text = process.communicate()
        assert process.returncode == 0, text
        return text

    said("load", "talkingdata", files[0])
    said("build")
    assert "nothing has changed since the build of" in said("build")
    said("load", "talkingdata", files[1])
    log = tmp_path / "log" / "dbt.log"
    length = len(log.read_text())
    process = start("build")
    while process.poll() is None and "days built:" not in log.read_text()[length:]:
        time.sleep(0.1)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert "changed since the last build: a build that did not end, 1 load" in said("build")
    assert "nothing has changed since the build of" in said("build")
