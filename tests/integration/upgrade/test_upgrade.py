"""A store made by the version before: what changes, what stays, and what follows.

`project-0.2.0.tar.gz` is that version's dbt project as it was released.
"""

import tarfile
import uuid
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from harness import run

from clickward.simulator import load_scenario, simulate
from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import Project

pytestmark = pytest.mark.full
HERE = Path(__file__).parent
CORE = ["--select", "staging", "--select", "core", "--exclude-resource-type", "unit_test"]
COLUMNS = (
    "Attributed Touch Time,Install Time,Media Source,Site ID,Sub Site ID,IP,AppsFlyer ID,"
    "Advertising ID,App ID,Cost Value"
)
# Sites whose key of old was `a/b`: one by a slash of its own, one of two parts; and one alone.
SITES = {"x1": ("a/b", ""), "x2": ("a", "b"), "x3": ("c/d", ""), "x4": ("plain", "")}
NOON = "2026-03-03 12:00:0"


@pytest.fixture
def before(project: Project, tmp_path: Path) -> Project:
    """The project of the version before, on the same store."""
    with tarfile.open(HERE / "project-0.2.0.tar.gz") as archive:
        archive.extractall(tmp_path / "before", filter="data")
    return Project(tmp_path / "before" / "dbt_project", project.profiles_dir, "local")


def test_a_store_of_the_version_before(
    project: Project, before: Project, warehouse: Warehouse, tmp_path: Path
) -> None:
    reports = tmp_path / "reports"
    simulate(load_scenario("demo", days=4, clicks=3000, seed=3), reports)
    sites = [COLUMNS]
    for place, (name, (site, sub_site)) in enumerate(SITES.items()):
        sites.append(
            f"2026-03-03 11:00:00,{NOON}{place},net,{site},{sub_site},::ffff:198.51.100.{place},"
            f"177000-{name},,com.example.app,1.5"
        )
    (tmp_path / "sites.csv").write_text("\n".join(sites) + "\n")
    run(project, "load", "appsflyer", reports)
    run(
        project, "load", "appsflyer", tmp_path / "sites.csv",
        "--report", "installs", "--timezone", "UTC",
    )  # fmt: skip
    # Clicks told in another zone are known by their instant now, by the text of their time before.
    clicked = [
        f"2026-03-03 {hour}:00:00,click,com.example.app,net,198.51.100.{hour}"
        for hour in range(10, 16)
    ]
    head = "Attributed Touch Time,Attributed Touch Type,App ID,Media Source,IP"
    (tmp_path / "clicks.csv").write_text("\n".join([head, *clicked]) + "\n")
    run(
        project, "load", "appsflyer", tmp_path / "clicks.csv",
        "--report", "clicks", "--timezone", "Asia/Singapore",
    )  # fmt: skip
    for table in ("contents", "moved_ids"):
        warehouse.command(f"drop table {warehouse.table('raw', table)} sync")
    run_dbt(before, ["build", *CORE])
    run_dbt(before, ["run-operation", "create_sources"])
    old = installs(warehouse)
    score_all(warehouse, old)
    old_clicks = of_singapore(warehouse)
    score_clicks(warehouse, old_clicks)
    claim(warehouse, old)
    decide(warehouse, ("net", "a/b"), ("net", "c/d"), ("net", "plain"))
    is_moved = pl.col("event_at").dt.millisecond() != 0
    judged = old.filter(is_moved, is_blocked=0, publisher="organic").row(0, named=True)
    expired = judged["event_date"]
    named = raw_install(warehouse, judged["event_at"])
    expire(warehouse, expired)
    kept_day = day_content(warehouse, expired)

    run_dbt(project, ["build", *CORE])

    new = installs(warehouse)
    assert new.height == old.height
    assert day_content(warehouse, expired) == kept_day
    # By device, address apart: the second and what names the install are what they were.
    both = old.join(new, on=["event_at", "device_hash", "payout"], suffix="_new", nulls_equal=True)
    assert both.height == old.height
    stays = (both["event_date"] == expired) | (both["event_at"].dt.millisecond() == 0)
    same = both["install_id"] == both["install_id_new"]
    assert same.to_list() == stays.to_list()
    assert 4 < stays.sum() < both.height
    # Scores and claims stand on the same installs as before, and none is lost or doubled.
    names = dict(both.select("install_id", "install_id_new").iter_rows())
    assert scored(warehouse) == {
        (names[each], place) for place, each in enumerate(old["install_id"].to_list())
    }
    assert claimed(warehouse) == {names[each] for each in old["install_id"].to_list()[::7]}
    new_clicks = of_singapore(warehouse)
    assert old_clicks.drop("id").equals(new_clicks.drop("id"))
    assert new_clicks.height == 6
    assert not set(new_clicks["id"]) & set(old_clicks["id"])
    assert scored(warehouse, "click") == {
        (each, place) for place, each in enumerate(new_clicks["id"].to_list())
    }
    # An address in IPv6's clothes has its own network now; where raw is gone the old one stays.
    subnets = new.filter(pl.col("publisher") == "net")["ip_subnet"].to_list()
    assert set(subnets) == {"198.51.100.0/24"}
    keys = new.filter(pl.col("publisher") == "net")["subpublisher"].to_list()
    assert sorted(keys) == ["a%2Fb//", "a/b", "c%2Fd//", "plain"]
    # A decision on two sources of one name holds for both; one on a name that is gone has moved.
    assert decided(warehouse) == {"a/b", "a%2Fb//", "c%2Fd//", "plain"}

    # Nothing moves again; a verdict reaches an install that cannot be built again.
    (tmp_path / "verdict.csv").write_text(
        "App ID,AppsFlyer ID,Install Time,Detection Date,Fraud Reason\n"
        f"{named['app_id']},{named['appsflyer_id']},{named['install_time']},2026-04-01,bots\n"
    )
    run(
        project, "load", "appsflyer", tmp_path / "verdict.csv",
        "--report", "detection", "--timezone", "UTC",
    )  # fmt: skip
    # Without tests: the day's accounting stands still as well, so they tell of the late row.
    run_dbt(project, ["run", "--select", "staging", "--select", "core"])
    verdicts = warehouse.query(
        f"select toString(subject_id) as id from {warehouse.table('core', 'labels')}"
        " where known_at = '2026-04-02 00:00:00'"
    )
    assert verdicts["id"].to_list() == [judged["install_id"]]
    assert installs(warehouse).equals(new)
    moved = warehouse.query(
        f"select count() as n from {warehouse.table('raw', 'moved_ids')} where kind like 'reading%'"
    )
    assert moved["n"].to_list() == [2]


def installs(warehouse: Warehouse) -> pl.DataFrame:
    return warehouse.query(
        "select toString(install_id) as install_id, event_at, event_date, device_hash, payout,"
        " toString(publisher) as publisher, toString(subpublisher) as subpublisher, ip_subnet,"
        " is_blocked"
        f" from {warehouse.table('core', 'installs')} order by event_at, install_id"
    )


def day_content(warehouse: Warehouse, day: date) -> list[dict[str, object]]:
    """What the day's installs held before columns came."""
    return warehouse.query(
        "select toString(install_id) as id, toString(tuple(event_at, app_id, publisher,"
        " subpublisher, touched_at, payout, ip_hash, device_hash, duplicate_count)) as content"
        f" from {warehouse.table('core', 'installs')} where event_date = {{day:Date}} order by id",
        day=day,
    ).to_dicts()


def score_all(warehouse: Warehouse, installs: pl.DataFrame) -> None:
    """A committed run that gave the n-th install the score n."""
    now = datetime.now(UTC)
    run_row = {"run_id": "r1", "kind": "score", "feature_set": "fs_install", "target": "is_fraud",
               "model_version": "m1", "started_at": now, "committed_at": now}  # fmt: skip
    fill(warehouse, "runs", [run_row])
    fill(warehouse, "scores", [
        {"run_id": "r1", "feature_set": "fs_install", "subject": "install", "target": "is_fraud",
         "model_version": "m1", "subject_id": row["install_id"], "subject_at": row["event_at"],
         "score": float(place)}
        for place, row in enumerate(installs.to_dicts())
    ])  # fmt: skip


def of_singapore(warehouse: Warehouse) -> pl.DataFrame:
    return warehouse.query(
        "select toString(click_id) as id, event_at, toString(ip_subnet) as subnet"
        f" from {warehouse.table('core', 'clicks')} where app_id = 'com.example.app'"
        " and publisher = 'net' order by event_at"
    )


def score_clicks(warehouse: Warehouse, clicks: pl.DataFrame) -> None:
    fill(warehouse, "scores", [
        {"run_id": "r1", "feature_set": "fs_click", "subject": "click", "target": "is_fraud",
         "model_version": "m1", "subject_id": row["id"], "subject_at": row["event_at"],
         "score": float(place)}
        for place, row in enumerate(clicks.to_dicts())
    ])  # fmt: skip


def claim(warehouse: Warehouse, installs: pl.DataFrame) -> None:
    fill(warehouse, "claim_rows", [
        {"claim_id": "c1", "install_id": row["install_id"], "installed_at": row["event_at"]}
        for row in installs.to_dicts()[::7]
    ])  # fmt: skip


def decide(warehouse: Warehouse, *sources: tuple[str, str]) -> None:
    for publisher, subpublisher in sources:
        warehouse.command(
            f"insert into {warehouse.table('ml', 'block_decisions')}"
            " (decision_id, candidate_id, decision, scope, app_id, publisher, subpublisher)"
            " select {id:String}, lower(hex(sipHash64('subpublisher', 'com.example.app',"
            " {publisher:String}, {site:String}))), 'approve', 'subpublisher',"
            " 'com.example.app', {publisher:String}, {site:String}",
            id=str(uuid.uuid4()),
            publisher=publisher,
            site=subpublisher,
        )


def fill(warehouse: Warehouse, table: str, rows: list[dict[str, object]]) -> None:
    warehouse.insert(warehouse.table("ml", table), pl.DataFrame(rows))


def scored(warehouse: Warehouse, subject: str = "install") -> set[tuple[str, int]]:
    rows = warehouse.query(
        f"select toString(subject_id) as id, score from {warehouse.table('ml', 'scores')}"
        f" where subject = '{subject}'"
    )
    assert rows.height == rows["id"].n_unique()
    return {(each, int(score)) for each, score in rows.iter_rows()}


def claimed(warehouse: Warehouse) -> set[str]:
    rows = warehouse.query(
        f"select toString(install_id) as id from {warehouse.table('ml', 'claim_rows')}"
    )
    assert rows.height == rows["id"].n_unique()
    return set(rows["id"])


def decided(warehouse: Warehouse) -> set[str]:
    rows = warehouse.query(
        "select subpublisher, candidate_id, lower(hex(sipHash64(scope, app_id, publisher,"
        f" subpublisher))) as wanted from {warehouse.table('ml', 'block_decisions')}"
    )
    assert rows["candidate_id"].to_list() == rows["wanted"].to_list()
    return set(rows["subpublisher"])


def expire(warehouse: Warehouse, day: date) -> None:
    """Take out of raw all that was loaded for a day, as its time to live does."""
    for report in ("installs", "clicks", "in_app_events"):
        table = warehouse.table("raw", f"appsflyer__{report}")
        warehouse.command(
            f"alter table {table} delete where _load_id in (select load_id from"
            f" {warehouse.table('staging', 'load_days')} where event_date = {{day:Date}})"
            " settings mutations_sync = 2",
            day=day,
        )


def raw_install(warehouse: Warehouse, event_at: datetime) -> dict[str, str]:
    """What the reports call the install of that instant."""
    return warehouse.query(
        "select app_id, appsflyer_id, install_time from"
        f" {warehouse.table('raw', 'appsflyer__installs')}"
        " where install_time = {text:String}",
        text=f"{event_at:%Y-%m-%d %H:%M:%S}.{event_at.microsecond // 1000:03}",
    ).row(0, named=True)
