"""What the simulator writes: columns, folders, keys, determinism, refusals."""

import hashlib
import itertools
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from simulated_reports import Reports, moment, scenario

from clickward.simulator import Scenario, simulate
from clickward.simulator.reports.columns import COMMON_COLUMNS, DEFAULT_COLUMNS
from clickward.warehouse.errors import UsageError

FIRST_DAY = date(2026, 1, 1)
ALL_REPORTS = ["clicks", "installs", "in_app_events", "blocked_installs", "detection"]
EXTRA = {
    "blocked_installs": ["blocked_reason", "blocked_sub_reason"],
    "detection": ["detection_date", "fraud_reason", "fraud_sub_reason"],
}
DOCUMENTED = """
attributed_touch_type attributed_touch_time install_time event_time event_name event_value
event_revenue event_revenue_currency event_revenue_usd event_source is_receipt_validated af_prt
media_source af_channel af_keywords campaign af_c_id af_adset af_adset_id af_ad af_ad_id
af_ad_type af_siteid af_sub_siteid af_sub1 af_sub2 af_sub3 af_sub4 af_sub5 af_cost_model
af_cost_value af_cost_currency contributor1_af_prt contributor1_media_source
contributor1_campaign contributor1_touch_type contributor1_touch_time contributor2_af_prt
contributor2_media_source contributor2_campaign contributor2_touch_type contributor2_touch_time
contributor3_af_prt contributor3_media_source contributor3_campaign contributor3_touch_type
contributor3_touch_time region country_code state city postal_code dma ip wifi operator carrier
language appsflyer_id advertising_id idfa android_id customer_user_id imei idfv platform
device_type os_version app_version sdk_version app_id app_name bundle_id is_retargeting
retargeting_conversion_type af_attribution_lookback af_reengagement_window
is_primary_attribution user_agent http_referrer original_url
"""
TIMES = [name for name in COMMON_COLUMNS if name.endswith("_time") or name == "gp_install_begin"]


def fingerprint(out: Path) -> str:
    """One hash over the names and the bytes of all files."""
    whole = hashlib.sha256()
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        whole.update(str(path.relative_to(out)).encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


@pytest.fixture(scope="module")
def tiny() -> Scenario:
    """Two days that are quickly written."""
    return scenario("demo", days=2, clicks=5_000, seed=3)


def test_same_seed_same_bytes_whoever_writes_them(tiny: Scenario, tmp_path: Path) -> None:
    simulate(tiny, tmp_path / "a", workers=1)
    simulate(tiny, tmp_path / "b", workers=1)
    simulate(tiny, tmp_path / "c", workers=2)
    first = fingerprint(tmp_path / "a")
    assert fingerprint(tmp_path / "b") == first
    assert fingerprint(tmp_path / "c") == first


def test_another_seed_is_another_world(tiny: Scenario, tmp_path: Path) -> None:
    worlds = []
    for seed in (3, 4):
        out = tmp_path / str(seed)
        worlds.append(Reports(out, simulate(tiny.model_copy(update={"seed": seed}), out)))
    one, other = (set(world.read("installs")["appsflyer_id"]) for world in worlds)
    assert one
    assert not one & other
    assert not worlds[0].truth().equals(worlds[1].truth())


def test_default_columns_are_the_documented_81() -> None:
    assert len(DEFAULT_COLUMNS) == 81
    assert list(DEFAULT_COLUMNS) == DOCUMENTED.split()
    assert COMMON_COLUMNS[81:] == (
        "gp_click_time",
        "gp_install_begin",
        "gp_referrer",
        "device_download_time",
        "match_type",
        "is_lat",
        "store_reinstall",
        "device_model",
        "install_app_store",
        "total_candidates",
    )


@pytest.mark.parametrize("report", ALL_REPORTS)
def test_every_file_has_the_report_columns_in_order_as_text(reports: Reports, report: str) -> None:
    wanted = [*COMMON_COLUMNS, *EXTRA.get(report, [])]
    files = sorted(reports.out.glob(f"t={report}/dt=*/part-*.parquet"))
    assert files
    for path in files:
        schema = pl.read_parquet_schema(path)
        assert list(schema) == wanted
        assert set(schema.values()) <= {pl.String, pl.Categorical}


@pytest.mark.parametrize("report", ALL_REPORTS)
def test_empty_values_are_null_never_blank(reports: Reports, report: str) -> None:
    rows = reports.read(report)
    assert len(rows) > 0
    assert rows.select((pl.all().cast(pl.String) == "").any()).row(0).count(True) == 0


def test_times_are_text_with_milliseconds(reports: Reports) -> None:
    pattern = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$"
    told = set()
    for report in ALL_REPORTS:
        rows = reports.read(report)
        for column in [*TIMES, "detection_date"]:
            if column in rows.columns:
                values = rows[column].drop_nulls()
                assert values.str.contains(pattern).all(), (report, column)
                told |= {column} if len(values) else set()
    assert told == {*TIMES, "detection_date"}


def test_clicks_are_counted_exactly_and_carry_no_install(small: Scenario, reports: Reports) -> None:
    clicks = reports.read("clicks")
    assert reports.summary is not None
    assert len(clicks) == small.clicks == reports.summary.rows["clicks"]
    assert clicks["install_time"].null_count() == clicks["appsflyer_id"].null_count() == len(clicks)
    assert (clicks["event_time"] == clicks["attributed_touch_time"]).all()
    assert clicks["attributed_touch_type"].unique().to_list() == ["click"]
    for column in ("media_source", "af_sub_siteid", "ip", "user_agent", "app_id", "device_model"):
        assert clicks[column].null_count() == 0, column


def test_every_row_names_one_branch_of_the_hierarchy(reports: Reports) -> None:
    levels = ["media_source", "af_siteid", "af_sub_siteid"]
    for report in ALL_REPORTS:
        named = reports.read(report, levels).drop_nulls("af_sub_siteid").unique()
        assert named["af_sub_siteid"].is_unique().all(), report
        inside = pl.col("af_sub_siteid").str.starts_with(pl.col("af_siteid") + "_")
        assert named.select(inside.all()).item(), report


def test_rows_lie_in_the_folder_of_the_day_they_arrived(reports: Reports) -> None:
    lateness = {}
    for report in ("clicks", "installs", "in_app_events", "blocked_installs"):
        days = reports.read(report).select(
            late=(pl.col("dt").str.to_date() - moment("event_time").dt.date()).dt.total_days()
        )["late"]
        assert days.min() == 0, report
        assert days.max() <= 2, report
        lateness[report] = (days > 0).mean()
    assert lateness["blocked_installs"] == 0
    assert 0.001 < lateness["clicks"] < 0.006
    assert 0.002 < lateness["installs"] < 0.02
    assert 0.01 < lateness["in_app_events"] < 0.035


def test_nothing_happens_outside_the_span(small: Scenario, reports: Reports) -> None:
    for report in ("clicks", "installs", "in_app_events"):
        happened = reports.read(report).select(moment("event_time").dt.date())["event_time"]
        assert happened.min() == FIRST_DAY, report
        assert happened.max() == FIRST_DAY + timedelta(days=small.days - 1), report


def test_a_files_rows_are_in_order_of_time(reports: Reports) -> None:
    for path in reports.out.glob("t=*/dt=*/part-00000.parquet"):
        rows = pl.read_parquet(path, columns=["event_time", "appsflyer_id"])
        rows = rows.unique(maintain_order=True)
        if "t=installs" in str(path) or "t=clicks" in str(path):
            assert rows["event_time"].is_sorted(), path


def test_install_ids_are_unique_but_for_exact_duplicates(reports: Reports) -> None:
    rows = reports.read("installs")
    distinct = rows.drop("dt").unique()
    assert distinct["appsflyer_id"].is_unique().all()
    assert distinct["appsflyer_id"].str.contains(r"^\d{13}-\d{19}$").all()
    repeats = len(rows) - len(distinct)
    assert 0.001 < repeats / len(distinct) < 0.012


def test_truth_lists_frauds_and_only_frauds(reports: Reports, installs: pl.DataFrame) -> None:
    truth = reports.truth()
    keys = ["app_id", "appsflyer_id", "install_time"]
    assert truth.columns == [*keys, "attack", "actor"]
    assert set(truth.schema.values()) == {pl.String}
    assert truth["appsflyer_id"].is_unique().all()
    assert sum(truth.null_count().row(0)) == 0
    assert len(truth.join(installs, on=keys, how="anti")) == 0
    matched = installs.join(truth, on=keys, how="semi")
    assert "organic" not in matched["media_source"].to_list()
    blocked = reports.read("blocked_installs")
    assert 0 < len(truth.join(blocked, on=keys, how="semi")) < len(truth)


def test_no_report_tells_the_truth(reports: Reports) -> None:
    secrets = set(reports.truth()["actor"]) | {"honest"}
    for report in ALL_REPORTS:
        rows = reports.read(report)
        found = rows.select(pl.all().cast(pl.String).is_in(list(secrets)).any()).row(0)
        assert not any(found), report


def test_blocked_installs_are_nowhere_else(reports: Reports) -> None:
    blocked = reports.read("blocked_installs")["appsflyer_id"].implode()
    for report in ("installs", "in_app_events", "detection"):
        assert not reports.read(report)["appsflyer_id"].is_in(blocked).any(), report


def test_events_belong_to_installs_and_follow_them(reports: Reports) -> None:
    events = reports.read("in_app_events")
    known = reports.read("installs").select("appsflyer_id", "app_id", "install_time").unique()
    assert len(events.join(known, on=known.columns, how="anti")) == 0
    assert (events["event_time"] >= events["install_time"]).all()
    names = set(events["event_name"])
    assert {"af_login", "af_purchase"} <= names
    assert "install" not in names
    bought = events["event_name"] == "af_purchase"
    assert bought.any()
    for column in ("event_revenue", "event_revenue_usd", "event_revenue_currency", "event_value"):
        assert (events[column].is_not_null() == bought).all(), column


def test_honest_purchases_follow_their_prerequisite(
    reports: Reports, installs: pl.DataFrame
) -> None:
    people = installs.filter(pl.col("attack").is_null()).select("appsflyer_id")
    events = reports.read("in_app_events").join(people, on="appsflyer_id", how="semi")
    bought = events.filter(pl.col("event_name") == "af_purchase")
    middle = events.filter(~pl.col("event_name").is_in(["af_purchase", "af_login"]))
    day = moment("event_time").dt.date().alias("day")
    assert len(bought) > 20
    assert (
        len(
            bought.select("appsflyer_id", day).join(
                middle.select("appsflyer_id", day), on=["appsflyer_id", "day"], how="anti"
            )
        )
        <= 0.1 * len(bought)  # a session over midnight, or a late row of one of the two
    )


def test_winning_and_assisting_clicks_are_in_the_clicks_report(
    reports: Reports, installs: pl.DataFrame
) -> None:
    keys = ["app_id", "media_source", "af_sub_siteid", "campaign", "event_time"]
    clicks = reports.read("clicks").select(keys)
    winners = installs.drop_nulls("attributed_touch_time")
    assert len(winners) == len(installs.filter(pl.col("kind") != "organic"))
    left = [*keys[:-1], "attributed_touch_time"]
    assert len(winners.join(clicks, left_on=left, right_on=keys, how="anti")) == 0
    for number in (1, 2, 3):
        assisted = installs.drop_nulls(f"contributor{number}_touch_time")
        left = ["app_id", *(f"contributor{number}_{n}" for n in ("media_source", "campaign"))]
        left.append(f"contributor{number}_touch_time")
        right = ["app_id", "media_source", "campaign", "event_time"]
        assert len(assisted) > 0
        assert len(assisted.join(clicks, left_on=left, right_on=right, how="anti")) == 0


def test_contributors_come_before_the_winner_latest_first(installs: pl.DataFrame) -> None:
    order = [f"contributor{n}_touch_time" for n in (3, 2, 1)] + ["attributed_touch_time"]
    for earlier, later in itertools.pairwise(order):
        both = installs.drop_nulls([earlier])
        assert len(both) > 0
        assert (both[earlier] < both[later]).all()
    named = sum(installs[name].is_not_null().cast(pl.Int64) for name in order)
    assert (named.cast(pl.String) == installs["total_candidates"]).all()


def test_a_click_is_at_most_seven_days_older_than_its_install(installs: pl.DataFrame) -> None:
    assert installs["ctit"].min() >= 1
    assert installs["ctit"].max() <= 7 * 86_400


def test_the_true_source_is_told_beside_the_last_click(
    reports: Reports, installs: pl.DataFrame
) -> None:
    journeys = reports.hidden("journeys")
    assert (journeys["winner"] != journeys["true_source"]).any()
    told = journeys.join(installs, on="appsflyer_id", how="left")
    assert told["kind"].null_count() == 0
    assert (told["winner"] == told["af_sub_siteid"].fill_null("organic")).all()
    sources = told.group_by("kind").agg(pl.col("true_source").unique())
    whose = dict(sources.select("kind", "true_source").iter_rows())
    assert whose["click_flooding"] == ["organic"]
    assert whose["device_farm"] == ["nobody"]
    assert not {"organic", "nobody"} & set(whose["honest"])


def test_summary_counts_what_was_written(reports: Reports, installs: pl.DataFrame) -> None:
    summary = reports.summary
    assert summary is not None
    files = [path for path in reports.out.rglob("*") if path.is_file()]
    kinds = dict(installs["kind"].value_counts().iter_rows())
    assert summary.rows == {report: len(reports.read(report)) for report in ALL_REPORTS}
    assert summary.files == len(files)
    assert summary.bytes == sum(path.stat().st_size for path in files)
    assert summary.installs == len(installs)
    assert summary.organic_installs == kinds["organic"]
    assert summary.blocked_installs == len(reports.read("blocked_installs"))
    attacks = {k: n for k, n in kinds.items() if k not in ("honest", "organic")}
    assert summary.fraudulent == attacks


def test_days_are_written_as_they_pass_and_never_kept(tiny: Scenario, tmp_path: Path) -> None:
    out = tmp_path / "world"
    told: list[int] = []
    written: list[int] = []

    def count(clicks: int) -> None:
        told.append(clicks)
        files = tmp_path.glob(".world.partial/t=clicks/*/*.parquet")
        written.append(sum(pl.scan_parquet(f).select(pl.len()).collect().item() for f in files))

    simulate(tiny, out, progress=count)
    assert len(told) == tiny.days
    assert sum(told) == tiny.clicks
    # When a day is told of, it is on disk, and no later day is.
    assert written == list(itertools.accumulate(told))


def interrupted(after: int) -> Iterator[int]:
    yield from range(after)
    raise KeyboardInterrupt


def test_an_interrupted_run_leaves_nothing_under_the_final_name(
    tiny: Scenario, tmp_path: Path
) -> None:
    out, left = tmp_path / "world", tmp_path / ".world.partial"
    steps = interrupted(1)
    with pytest.raises(KeyboardInterrupt):
        simulate(tiny, out, progress=lambda _: next(steps) and None)
    assert not out.exists()
    (left / "t=clicks" / "rubbish.parquet").write_text("of the run that was killed")
    summary = simulate(tiny, out)
    assert not left.exists()
    assert not list(out.rglob("rubbish.parquet"))
    assert summary.rows["clicks"] == tiny.clicks


def test_a_folder_that_holds_something_is_refused_and_left_alone(
    tiny: Scenario, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty") as refused:
        simulate(tiny, tmp_path)
    assert refused.value.hint == "name a new or empty folder, or remove it"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(UsageError, match="is not a folder"):
        simulate(tiny, tmp_path / "notes.txt")
    (tmp_path / "empty").mkdir()
    simulate(tiny, tmp_path / "empty")
    assert (tmp_path / "empty" / "truth.parquet").is_file()


@pytest.mark.parametrize(
    ("name", "days"), [("default", 1), ("default", 15), ("quiet", 1), ("evolving", 1), ("hard", 3)]
)
def test_the_smallest_worlds_are_written(tmp_path: Path, name: str, days: int) -> None:
    out = tmp_path / "world"
    summary = simulate(scenario(name, days=days, clicks=1_000, seed=2), out)
    assert summary.rows["clicks"] == 1_000
    assert sum(summary.rows.values()) == sum(
        len(pl.read_parquet(path, columns=["ip"])) for path in out.glob("t=*/*/*.parquet")
    )
    assert (out / "_world" / "app_economics.csv").is_file()
