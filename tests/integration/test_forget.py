"""`clickward forget`: no trace in any stage, and the others as if the person had never been."""

import io
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from harness import build_untested, copy_schema, run, table_hashes, use_schema

from clickward.simulator import load_scenario, simulate
from clickward.warehouse.connection import Warehouse, connect
from clickward.warehouse.content import ContentHash
from clickward.warehouse.errors import UsageError
from clickward.warehouse.forget import find, parse_id, resume
from clickward.warehouse.profile import Project, find_project

IDS = ("advertising_id", "idfa", "oaid", "android_id", "idfv", "ip")
ADDRESS = "198.51.100.77"
HEADER = "ip,app,device,os,channel,click_time,attributed_time,is_attributed"


@dataclass(frozen=True)
class World:
    """Reports with one person in them, and the same reports without."""

    whole: Path
    without: Path
    person: str
    install: str
    address: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The person has a verdict, clicks and events; a line of the clicks cannot be loaded."""
    folder = tmp_path_factory.mktemp("forget")
    whole, without = folder / "whole", folder / "without"
    simulate(load_scenario("demo", days=4, clicks=4000, seed=3), whole)
    reports = {p: pl.read_parquet(p) for p in sorted(whole.glob("t=*/**/*.parquet"))}
    installs = pl.concat([f for p, f in reports.items() if "t=installs" in str(p)])
    verdicts = pl.concat([f for p, f in reports.items() if "t=detection" in str(p)])
    clicks = pl.concat([f for p, f in reports.items() if "t=clicks" in str(p)])
    counts = clicks.group_by("advertising_id").len()
    person = (
        installs.filter(pl.col("advertising_id").is_not_null())
        .filter(pl.col("appsflyer_id").is_in(verdicts["appsflyer_id"].implode()))
        .join(counts, on="advertising_id")
        .sort("len", "advertising_id")
        .row(-1, named=True)
    )
    # Another of the person's reports says the id in a link only, and one event has no id at all.
    for path in reports:
        if "t=in_app_events" in str(path):
            mine = pl.col("appsflyer_id") == person["appsflyer_id"]
            hidden = pl.when(mine).then(None).otherwise(pl.col("advertising_id"))
            reports[path] = reports[path].with_columns(hidden.alias("advertising_id"))
            reports[path].write_parquet(path)
    truth = pl.read_parquet(whole / "truth.parquet")
    for path, frame in [*reports.items(), (whole / "truth.parquet", truth)]:
        rest = without_person(frame, person["advertising_id"], person["appsflyer_id"])
        target = without / path.relative_to(whole)
        target.parent.mkdir(parents=True, exist_ok=True)
        if rest.height:
            rest.write_parquet(target)
    others = clicks.filter(pl.col("advertising_id") != person["advertising_id"])
    address = others.group_by("ip").len().sort("len", "ip").row(-1)[0]
    return World(whole, without, person["advertising_id"], person["appsflyer_id"], address)


def without_person(frame: pl.DataFrame, person: str, install: str) -> pl.DataFrame:
    """An independent reading of whose a row is."""
    mine = pl.lit(False)
    for name in frame.columns:
        if name in (*IDS, "appsflyer_id"):
            lower = pl.col(name).str.to_lowercase()
            mine = mine | lower.is_in([person.lower(), install.lower()]).fill_null(False)
    return frame.filter(~mine)


@pytest.fixture(scope="module")
def built(store: str, world: World, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The schema where all reports, and clicks of the person's address, are loaded and built."""
    home, name = tmp_path_factory.mktemp("built"), "forget"
    checkout = find_project(target="local")
    profiles = shutil.copytree(checkout.profiles_dir, home / "profiles")
    project = Project(checkout.project_dir, profiles, "local")
    with pytest.MonkeyPatch.context() as patch:
        use_schema(patch, name)
        load(project, world.whole, home, contest(ADDRESS))
        build_untested(project)
    return name


@pytest.fixture
def copied(built: str, warehouse: Warehouse) -> Warehouse:
    """The test's own schema, a copy of the built one."""
    copy_schema(warehouse, built, warehouse.target.schema)
    return warehouse


def load(project: Project, world: Path, folder: Path, lines: list[str]) -> None:
    run(project, "load", "appsflyer", world)
    if (world / "truth.parquet").is_file():
        run(project, "load", "truth", world / "truth.parquet")
    folder.mkdir(exist_ok=True)
    path = folder / "clicks.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    run(project, "load", "talkingdata", path, "--max-rejected", "0.9")


def contest(address: str | None) -> list[str]:
    """Clicks of another source; the person's three: good, refused by staging, refused before."""
    lines = [
        f"{number % 5},{number % 3},1,13,{number},2026-01-02 00:{number % 60:02d}:00,,0"
        for number in range(80)
    ]
    lines.append("7,1,1,13,99,2026-01-02 00:00:00,,1")
    if address is not None:
        lines += [
            f"{address},1,1,13,9,2026-01-02 03:00:00,2026-01-02 04:00:00,1",
            f"{address},1,1,13,9,2026-01-02 03:00:00,,1",
            f"{address},2,1,13,",
        ]
    return [*lines, "8,2,1,13,"]


def forget(project: Project, capsys: pytest.CaptureFixture[str], id_: str) -> dict[str, int]:
    capsys.readouterr()
    run(project, "forget", id_, "--yes", "--json")
    return {row["table"]: row["rows"] for row in json.loads(capsys.readouterr().out)}


@contextmanager
def schema_of(project: Project, monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[Warehouse]:
    """Commands and the connection given work on another schema of the same store."""
    before = os.environ["CLICKWARD_SCHEMA"]
    use_schema(monkeypatch, name)
    connected = connect(project)
    yield connected
    connected.close()
    use_schema(monkeypatch, before)


def traces(warehouse: Warehouse, given: list[str], subjects: Sequence[str] = ()) -> list[str]:
    """Columns of any table of any stage where an id or subject stands, or its keyed hash."""
    texts = [*given, *subjects]
    # 192.0.2.1 is not in 192.0.2.17.
    pattern = rf"(^|[^0-9])({'|'.join(re.escape(text.lower()) for text in texts)})($|[^0-9])"
    key = f"(select (key_0, key_1) from {warehouse.table('raw', 'hash_key')})"
    hashes = warehouse.client.query(
        f"select sipHash64Keyed({key}, arrayJoin({{texts:Array(String)}}))",
        parameters={"texts": texts},
    ).result_rows
    hashed = [row[0] for row in hashes]
    columns = warehouse.client.query(
        "select database, table, name, type from system.columns where (database, table) in ("
        " select database, name from system.tables where engine like '%MergeTree'"
        " and startsWith(database, {schema:String}))",
        parameters={"schema": warehouse.target.schema + "_"},
    ).result_rows
    found = []
    for database, table, name, kind in columns:
        if "String" in kind:
            test = f"match(lower(toString(`{name}`)), {{pattern:String}})"
        elif name.endswith("_hash") or kind == "UInt64":
            test = f"`{name}` in {{hashes:Array(UInt64)}}"
        elif "UUID" in kind:
            test = f"toString(`{name}`) in {{texts:Array(String)}}"
        else:
            continue
        rows = warehouse.scalar(
            f"select count() from {database}.{table} where {test}",
            texts=texts, hashes=hashed, pattern=pattern,
        )  # fmt: skip
        if rows:
            found.append(f"{database}.{table}.{name}: {rows}")
    notes = warehouse.client.query(
        "select command from system.mutations where startsWith(database, {schema:String})",
        parameters={"schema": warehouse.target.schema + "_"},
    ).result_rows
    # Mutations name rows by number and keyed hash, never by what the person gave.
    found += [note for (note,) in notes if any(text.lower() in note.lower() for text in given)]
    return found


def subjects(warehouse: Warehouse, person: str) -> list[str]:
    """UUIDs of the person's clicks and installs in core, straight from the hash."""
    key = f"(select (key_0, key_1) from {warehouse.table('raw', 'hash_key')})"
    return [
        row[0]
        for table, column in (("clicks", "click_id"), ("installs", "install_id"))
        for row in warehouse.client.query(
            f"select toString({column}) from {warehouse.table('core', table)}"
            f" where device_hash = sipHash64Keyed({key}, {{id:String}})",
            parameters={"id": person.lower()},
        ).result_rows
    ]


def accounts(project: Project, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    run(project, "loads", "--json")
    rows = json.loads(capsys.readouterr().out)
    for row in rows:
        if row["report"] != "truth" and row["loaded"]:
            assert row["loaded"] == row["kept"] + row["duplicates"] + row["rejected"], row
    return rows


def add_scores(warehouse: Warehouse) -> None:
    """A committed run that scored every install."""
    warehouse.command(
        f"insert into {warehouse.table('ml', 'scores')}"
        " (run_id, feature_set, subject, subject_id, subject_at, target, model_version, score)"
        " select 'run', 'fs_install', 'install', install_id, event_at, 'is_fraud', 'm', 0.5"
        f" from {warehouse.table('core', 'installs')}"
    )
    warehouse.command(
        f"insert into {warehouse.table('ml', 'runs')} (run_id, kind, feature_set, target, rows)"
        " values ('run', 'score', 'fs_install', 'is_fraud', 1)"
    )


class KilledError(BaseException):
    """Stands for a kill: nothing catches it."""


@contextmanager
def killed_before_each_write() -> Iterator[None]:
    """Every write is killed the first time it is tried: each run gets one further."""
    command, replace, tried = Warehouse.command, Path.replace, set()

    def check(write: str) -> None:
        if not write.startswith("create") and write not in tried:
            tried.add(write)
            raise KilledError

    def killed_command(warehouse: Warehouse, sql: str, **parameters: Any) -> None:
        check(f"{sql} {parameters}")
        command(warehouse, sql, **parameters)

    def killed_replace(path: Path, target: Path) -> Path:
        check(f"put {path} in place")
        return replace(path, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Warehouse, "command", killed_command)
        patch.setattr(Path, "replace", killed_replace)
        yield


@pytest.mark.full
def test_what_is_left_is_what_a_store_without_the_person_holds(
    project: Project,
    copied: Warehouse,
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Though the run is killed before each of its writes in turn, and the next ones too."""
    warehouse, address = copied, ADDRESS
    add_scores(warehouse)
    run(project, "build", "--select", "scores_committed+")
    path = tmp_path / "pulled" / "installs.parquet"
    run(project, "snapshot", "fs_install", "--out", path)
    before = json.loads(Path(f"{path}.manifest.json").read_text())
    gone = subjects(warehouse, world.person)
    assert traces(warehouse, [world.person, world.install, address])

    planned = find(warehouse, parse_id(world.person.upper())).rows
    assert planned[warehouse.table("raw", "appsflyer__in_app_events")] > 0
    assert planned[warehouse.table("core", "labels")] == 1
    assert planned[warehouse.table("ml", "truth")] == 1
    assert planned[warehouse.table("ml", "scores")] == planned[str(path)] == 1
    kills = 0
    with killed_before_each_write():
        with pytest.raises(KilledError):
            run(project, "forget", world.person.upper(), "--yes")
        finished = None
        for _ in range(200):
            try:
                finished = resume(warehouse, ContentHash)
                if finished is not None:
                    break
                # Killed before its plan was written down, it has changed nothing.
                run(project, "forget", world.person.upper(), "--yes")
            except KilledError:
                kills += 1
    assert kills > len(planned)
    assert finished == planned
    assert resume(warehouse, ContentHash) is None
    planned = find(warehouse, parse_id(address)).rows
    with killed_before_each_write(), pytest.raises(KilledError):
        run(project, "forget", address, "--yes")
    assert forget(project, capsys, address) == planned
    assert traces(warehouse, [world.person, world.install, address], gone) == []

    after = json.loads(Path(f"{path}.manifest.json").read_text())
    frame = pl.read_parquet(path)
    content = ContentHash()
    content.update(frame)
    assert not set(frame["install_id"]) & set(gone)
    assert after["snapshot_id"] == before["snapshot_id"]
    assert (after["rows"], after["forgotten_rows"]) == (before["rows"] - 1, 1)
    assert after["rows"] == frame.height
    assert after["content_hash"] == content.hexdigest() != before["content_hash"]
    registered = warehouse.query(
        f"select rows, content_hash, manifest from {warehouse.table('ml', 'snapshots')}"
    ).row(0, named=True)
    assert registered["rows"] == frame.height
    assert registered["content_hash"] == after["content_hash"]
    assert json.loads(registered["manifest"]) == after
    assert sorted(p.name for p in path.parent.iterdir()) == [
        path.name,
        f"{path.name}.manifest.json",
    ]

    run(project, "build")
    assert traces(warehouse, [world.person, world.install, address], gone) == []
    ledger = accounts(project, capsys)
    left = table_hashes(warehouse)
    assert forget(project, capsys, world.person) == {}
    assert table_hashes(warehouse) == left

    with schema_of(project, monkeypatch, warehouse.target.schema + "_without") as fresh:
        load(project, world.without, tmp_path / "without", contest(None))
        run(project, "build")
        add_scores(fresh)
        run(project, "build")
        assert table_hashes(fresh) == left
        fresh_ledger = accounts(project, capsys)
    for column in ("loaded", "rejected_at_load", "kept", "duplicates", "rejected"):
        totals = [sum(row[column] or 0 for row in rows) for rows in (ledger, fresh_ledger)]
        assert totals[0] == totals[1], column
    # The same file again brings nobody back.
    run(project, "load", "appsflyer", world.whole)
    assert accounts(project, capsys) == ledger


@pytest.mark.full
def test_raw_has_expired(
    project: Project,
    copied: Warehouse,
    world: World,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Core is searched by hash, only the person's rows go, and no day is built from empty raw."""
    warehouse = copied
    mine = subjects(warehouse, world.person)
    core = warehouse.target.database("core")
    known = {
        table: warehouse.scalar(f"select count() from {core}.{table}")
        for table in ("clicks", "installs", "app_events", "labels")
    }
    expected = {
        table: warehouse.client.query(
            f"select groupBitXor(cityHash64(tuple(*))) from {core}.{table}"
            f" where {column} not in {{ids:Array(UUID)}}",
            parameters={"ids": mine},
        ).result_rows
        for table, column in (
            ("clicks", "click_id"), ("installs", "install_id"), ("app_events", "install_id"),
            ("labels", "subject_id"),
        )
    }  # fmt: skip
    # As the TTL leaves it: half of the reports are gone, the others are whole.
    for report in ("clicks", "installs", "detection"):
        warehouse.command(f"truncate table {warehouse.table('raw', f'appsflyer__{report}')}")
    removed = forget(project, capsys, world.person)
    assert removed[f"{core}.clicks"] + removed[f"{core}.installs"] == len(mine)
    run(project, "build")  # dbt's tests hold the accounting against core and the load ledger
    for table, rows in known.items():
        left = warehouse.scalar(f"select count() from {core}.{table}")
        assert left == rows - removed[f"{core}.{table}"], table
    for table, content in expected.items():
        found = warehouse.client.query(
            f"select groupBitXor(cityHash64(tuple(*))) from {core}.{table}"
        ).result_rows
        assert found == content, table
    accounts(project, capsys)
    assert forget(project, capsys, world.person) == {}
    assert traces(warehouse, [world.person], mine) == []


def test_by_appsflyer_id_and_by_address(
    project: Project,
    copied: Warehouse,
    world: World,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each id removes its own rows: that of an install leaves the clicks of its device."""
    warehouse = copied
    clicks = warehouse.table("core", "clicks")
    total = warehouse.scalar(f"select count() from {clicks}")
    removed = forget(project, capsys, world.install)
    assert removed[warehouse.table("core", "installs")] == 1
    assert removed[warehouse.table("core", "app_events")] > 0
    assert clicks not in removed
    key = f"(select (key_0, key_1) from {warehouse.table('raw', 'hash_key')})"
    of_address = f"ip_hash = sipHash64Keyed({key}, '{world.address}')"
    rows = warehouse.scalar(f"select count() from {clicks} where {of_address}")
    assert rows > 1
    # What an ended build keeps for the next one is searched too.
    kept = [f"{clicks}__dbt_part_0", f"{clicks}__dbt_part_rows_0"]
    for name in kept:
        warehouse.command(f"create table {name} as {clicks}")
        warehouse.command(f"insert into {name} select * from {clicks}")
    removed = forget(project, capsys, world.address)
    assert [removed[name] for name in (clicks, *kept)] == [rows] * 3
    assert traces(warehouse, [world.address]) == []
    for name in kept:
        warehouse.command(f"drop table {name} sync")
    assert warehouse.scalar(f"select count() from {clicks}") == total - rows
    click, install = (
        warehouse.scalar(f"select toString({column}) from {name} order by event_at limit 1")
        for column, name in (
            ("click_id", clicks), ("install_id", warehouse.table("core", "installs")),
        )
    )  # fmt: skip
    for subject in (click, install):
        assert forget(project, capsys, subject)
        assert traces(warehouse, [], [subject]) == []
    run(project, "build", "--select", "staging", "--select", "core")
    assert warehouse.scalar(f"select count() from {clicks}") == total - rows - 1
    assert traces(warehouse, [world.address], [click, install]) == []


@pytest.mark.parametrize("text", ["", "   ", "abc", "00000000-0000-0000-0000-000000000000"])
def test_an_id_that_could_be_anybodys_is_refused(project: Project, text: str) -> None:
    with pytest.raises(UsageError, match=r"the id has \d characters|stands for 'no id'"):
        run(project, "forget", text, "--yes")


def test_it_asks_and_without_a_terminal_wants_yes(project: Project, warehouse: Warehouse) -> None:
    with pytest.raises(UsageError, match="no terminal") as refused:
        run(project, "forget", "6d92078a-8246-4ba4-ae5b-76104861e7dc")
    assert "--yes" in str(refused.value.hint)


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


def test_before_any_build_it_asks_and_takes_the_id_from_standard_input(
    project: Project,
    warehouse: Warehouse,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(project, "load", "appsflyer", world.whole)
    clicks = warehouse.table("raw", "appsflyer__clicks")
    total = warehouse.scalar(f"select count() from {clicks}")
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    run(project, "forget", world.person)
    assert "nothing was removed" in capsys.readouterr().err
    assert warehouse.scalar(f"select count() from {clicks}") == total
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{world.person}\n"))
    removed = forget(project, capsys, "-")
    assert removed[clicks] > 0
    assert warehouse.scalar(f"select count() from {clicks}") == total - removed[clicks]


def test_an_id_found_nowhere_is_said_so(
    project: Project, warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    run(project, "forget", "6d92078a-8246-4ba4-ae5b-76104861e7dc", "--yes")
    told = capsys.readouterr()
    assert told.out == ""
    assert "nothing belongs to this id" in told.err
    assert "6d92078a" not in told.err


def test_an_address_is_found_in_every_spelling_and_not_inside_another() -> None:
    wanted = parse_id("2001:DB8::0001")
    assert {"2001:db8::1", "2001:0db8:0000:0000:0000:0000:0000:0001"} <= set(wanted.lower)
    assert "2001:DB8::0001" in wanted.exact
    for spelled in ("192.0.2.7", "::ffff:192.0.2.7", "::FFFF:C000:207", "64:ff9b::c000:207"):
        wanted = parse_id(spelled)
        assert {"192.0.2.7", "::ffff:192.0.2.7", "64:ff9b::192.0.2.7"} <= set(wanted.lower)
        assert "192.0.2.7" in wanted.exact
