"""What the simulator writes: columns, folders, keys, determinism, refusals."""

import itertools
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from simulated_reports import CLICKS, DAYS, SEED, Reports, moment

from simulator import simulate
from simulator.columns import COMMON_COLUMNS, DEFAULT_COLUMNS
from warehouse.errors import UserError

ALL_REPORTS = ["clicks", "installs", "in_app_events", "blocked_installs", "detection"]
EXTRA = {
    "blocked_installs": ["blocked_reason", "blocked_sub_reason"],
    "detection": ["detection_date", "fraud_reason", "fraud_sub_reason"],
}


def contents(out: Path) -> dict[str, pl.DataFrame]:
    return {
        str(path.relative_to(out)): pl.read_parquet(path, hive_partitioning=False)
        for path in sorted(out.rglob("*.parquet"))
    }


def test_same_arguments_give_the_same_files_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        simulate(tmp_path / name, days=3, clicks=5_000, seed=seed)
    first, second, other = (contents(tmp_path / name) for name in "abc")
    assert first.keys() == second.keys()
    assert all(first[name].equals(second[name]) for name in first)
    assert not first["truth.parquet"].equals(other["truth.parquet"])


def test_default_columns_are_the_documented_81() -> None:
    assert len(DEFAULT_COLUMNS) == len(set(DEFAULT_COLUMNS)) == 81
    assert DEFAULT_COLUMNS[:3] == ("attributed_touch_type", "attributed_touch_time", "install_time")
    assert DEFAULT_COLUMNS[-3:] == ("user_agent", "http_referrer", "original_url")
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
    )


@pytest.mark.parametrize("report", ALL_REPORTS)
def test_every_file_has_the_report_columns_in_order_as_text(reports: Reports, report: str) -> None:
    wanted = [*COMMON_COLUMNS, *EXTRA.get(report, [])]
    files = sorted(reports.out.glob(f"t={report}/dt=*/part-00000.parquet"))
    assert files
    for path in files:
        schema = pl.read_parquet_schema(path)
        assert list(schema) == wanted
        assert set(schema.values()) == {pl.String}


@pytest.mark.parametrize("report", ALL_REPORTS)
def test_empty_values_are_null_never_blank(reports: Reports, report: str) -> None:
    rows = reports.read(report)
    assert rows.select((pl.all() == "").any()).row(0).count(True) == 0


def test_times_are_text_with_milliseconds(reports: Reports) -> None:
    pattern = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$"
    for report in ALL_REPORTS:
        for column in ("event_time", "install_time", "attributed_touch_time", "gp_install_begin"):
            values = reports.read(report)[column].drop_nulls()
            assert values.str.contains(pattern).all(), (report, column)


def test_clicks_are_counted_exactly_and_carry_no_install(reports: Reports) -> None:
    clicks = reports.read("clicks")
    assert len(clicks) == CLICKS == reports.summary.rows["clicks"]
    assert clicks["install_time"].null_count() == clicks["appsflyer_id"].null_count() == CLICKS
    assert (clicks["event_time"] == clicks["attributed_touch_time"]).all()
    assert clicks["attributed_touch_type"].unique().to_list() == ["click"]
    for column in ("media_source", "af_sub_siteid", "ip", "user_agent", "app_id", "device_model"):
        assert clicks[column].null_count() == 0, column


def test_rows_lie_in_the_folder_of_the_day_they_arrived(reports: Reports) -> None:
    lateness = {}
    for report in ("clicks", "installs", "in_app_events", "blocked_installs"):
        days = reports.read(report).select(
            late=(pl.col("dt").str.to_date() - moment("event_time").dt.date()).dt.total_days()
        )["late"]
        assert days.min() == 0, report
        assert days.max() <= 3, report  # two days late, and a duplicate one day more
        lateness[report] = (days > 0).mean()
    assert lateness["blocked_installs"] == 0
    assert 0.001 < lateness["clicks"] < 0.006
    assert 0.01 < lateness["in_app_events"] < 0.035


def test_nothing_happens_outside_the_span(reports: Reports) -> None:
    end = date(2026, 1, 1) + timedelta(days=DAYS)
    for report in ("clicks", "installs", "in_app_events"):
        happened = reports.read(report).select(moment("event_time").dt.date())["event_time"]
        assert happened.min() == date(2026, 1, 1), report
        assert happened.max() == end - timedelta(days=1), report


def test_install_ids_are_unique_but_for_exact_duplicates(reports: Reports) -> None:
    rows = reports.read("installs")
    distinct = rows.drop("dt").unique()
    assert distinct["appsflyer_id"].is_unique().all()
    assert distinct["appsflyer_id"].str.contains(r"^\d{13}-\d{19}$").all()
    repeats = len(rows) - len(distinct)
    assert 0.001 < repeats / len(distinct) < 0.01
    later = rows.group_by("appsflyer_id").agg(pl.col("dt").n_unique())
    assert (later["dt"] > 1).any()


def test_truth_lists_attributed_installs_and_blocked_ones_only(
    reports: Reports, installs: pl.DataFrame
) -> None:
    truth = reports.truth()
    keys = ["app_id", "appsflyer_id", "install_time"]
    assert truth.columns == [*keys, "attack", "actor"]
    assert truth["appsflyer_id"].is_unique().all()
    assert len(truth.join(installs, on=keys, how="anti")) == 0
    matched = installs.join(truth, on=keys, how="semi")
    assert "organic" not in matched["media_source"].to_list()
    blocked = reports.read("blocked_installs")
    assert 0 < len(truth.join(blocked, on=keys, how="semi")) < len(truth)


def test_blocked_installs_are_nowhere_else(reports: Reports) -> None:
    blocked = reports.read("blocked_installs")["appsflyer_id"].implode()
    for report in ("installs", "in_app_events", "detection"):
        assert not reports.read(report)["appsflyer_id"].is_in(blocked).any(), report


def test_events_belong_to_installs_and_follow_them(reports: Reports) -> None:
    events = reports.read("in_app_events")
    known = reports.read("installs")["appsflyer_id"].unique()
    assert events["appsflyer_id"].is_in(known.implode()).all()
    assert (events["event_time"] >= events["install_time"]).all()
    names = set(events["event_name"])
    assert {"af_login", "af_purchase"} <= names
    assert "install" not in names
    bought = events["event_name"] == "af_purchase"
    assert (events["event_revenue_usd"].is_not_null() == bought).all()


def test_winning_and_assisting_clicks_are_in_the_clicks_report(
    reports: Reports, installs: pl.DataFrame
) -> None:
    clicks = reports.read("clicks").select("app_id", "media_source", "event_time")
    winners = installs.filter(
        moment("attributed_touch_time") >= pl.lit(date(2026, 1, 1)).cast(pl.Datetime("ms"))
    )
    assert len(winners) == len(installs.filter(pl.col("kind") != "organic"))
    left = ["app_id", "media_source", "attributed_touch_time"]
    assert len(winners.join(clicks, left_on=left, right_on=clicks.columns, how="anti")) == 0
    assisted = installs.filter(pl.col("contributor1_touch_time").is_not_null())
    left = ["app_id", "contributor1_media_source", "contributor1_touch_time"]
    assert len(assisted) > 0
    assert len(assisted.join(clicks, left_on=left, right_on=clicks.columns, how="anti")) == 0


def test_contributors_come_before_the_winner_latest_first(installs: pl.DataFrame) -> None:
    order = [f"contributor{n}_touch_time" for n in (3, 2, 1)] + ["attributed_touch_time"]
    for earlier, later in itertools.pairwise(order):
        both = installs.drop_nulls([earlier])
        assert len(both) > 0
        assert (both[earlier] < both[later]).all()


def test_summary_counts_what_was_written(reports: Reports, installs: pl.DataFrame) -> None:
    summary = reports.summary
    files = list(reports.out.rglob("*.parquet"))
    kinds = dict(installs["kind"].value_counts().iter_rows())
    assert summary.rows == {report: len(reports.read(report)) for report in ALL_REPORTS}
    assert summary.files == len(files)
    assert summary.bytes == sum(path.stat().st_size for path in files)
    assert summary.installs == len(installs)
    assert summary.organic_installs == kinds["organic"]
    assert summary.fraudulent == {
        kind: kinds[kind] for kind in ("click_flooding", "click_injection", "device_farm")
    }


def test_progress_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    simulate(tmp_path / "world", days=2, clicks=1_000, seed=SEED, progress=said.append)
    assert "clicks of day 2 of 2" in said


@pytest.mark.parametrize(
    ("days", "clicks", "seed", "message"),
    [
        (0, 5_000, 1, "cannot simulate 0 days"),
        (2, 999, 1, "cannot simulate 999 clicks"),
        (2, 5_000, -1, "cannot use seed -1"),
    ],
)
def test_arguments_that_make_no_world_are_refused(
    tmp_path: Path, days: int, clicks: int, seed: int, message: str
) -> None:
    with pytest.raises(UserError, match=message) as refused:
        simulate(tmp_path / "world", days=days, clicks=clicks, seed=seed)
    assert refused.value.hint
    assert not (tmp_path / "world").exists()


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        simulate(tmp_path, days=2, clicks=1_000, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(UserError, match="is not a folder"):
        simulate(tmp_path / "notes.txt", days=2, clicks=1_000, seed=1)


@pytest.mark.parametrize(("days", "clicks"), [(1, 1_000), (40, 1_000)])
def test_the_smallest_worlds_are_written(tmp_path: Path, days: int, clicks: int) -> None:
    summary = simulate(tmp_path / "empty", days=days, clicks=clicks, seed=2)
    assert summary.rows["clicks"] == clicks
    assert summary.rows["installs"] > 0
