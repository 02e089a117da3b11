"""Which report a file holds and in which zone, told by its topic, its name, or its own folder."""

import re
from pathlib import Path
from zoneinfo import available_timezones

import pytest

from clickward.warehouse.errors import UserError
from clickward.warehouse.loading.file_name import FileName
from clickward.warehouse.loading.files import Format
from clickward.warehouse.loading.plan import Plan
from clickward.warehouse.loading.recognise import Names, recognise
from clickward.warehouse.loading.timezones import same_zone, timezone_of
from clickward.warehouse.profile import find_project
from clickward.warehouse.sources import Report, other_reports, reports

PERIOD = "2026-01-05_2026-01-06"


@pytest.fixture(scope="module")
def known() -> list[Report]:
    return reports(find_project(), "appsflyer")


@pytest.fixture(scope="module")
def names(known: list[Report]) -> Names:
    return Names.of(known, other_reports(find_project(), "appsflyer"))


def told(path: str, names: Names, searched: str | None = None) -> tuple[str | None, str] | None:
    """The report and what it is; searched in `searched` where that is given."""
    found = recognise(Path(path), Path(searched) if searched else None, names)
    return found and (found.report.name if found.report else None, found.what)


@pytest.mark.parametrize(
    ("path", "report"),
    [
        ("t=installs/dt=2026-01-02/part-00000.parquet", "installs"),
        ("t=inapps/h=3/part.parquet", "in_app_events"),
        ("t=fraud_post_attribution_installs/part.parquet", "detection"),
        ("t=post_attribution_installs/part.parquet", "detection"),
        ("t=organic_installs/part.parquet", "installs"),
        # The topic decides alone: not the name, the app, the hour, nor folders above.
        ("af_clicks/t=installs/dt=2026-01-02/h=3/app_id=com.super.clicks/clicks.csv", "installs"),
        ("t=sessions/export/t=clicks/part.csv", "clicks"),
        ("installs.csv", "installs"),
        ("INSTALLS_2026.csv.gz", "installs"),
        ("installs-2026-01.csv.zst", "installs"),
        ("in-app-events_2026.csv", "in_app_events"),
        ("2026-01-05_installs.csv", "installs"),
        ("stray_1970_installs.csv", "installs"),
        ("c4_installs_berlin.csv", "installs"),
        ("installs_report_2026-01-05.csv", "installs"),
        ("blocked-installs/installs_1.csv", "installs"),
        (f"com.example.app_installs_{PERIOD}_UTC.csv", "installs"),
        (f"com.example.app_non-organic-installs_{PERIOD}_UTC.csv", "installs"),
        (f"com.example.app_organic-installs_{PERIOD}_Asia_Singapore.csv", "installs"),
        (f"com.super.clicks_installs_{PERIOD}_UTC.csv", "installs"),
        (f"com.super.clicks_free_installs_{PERIOD}_UTC.csv", "installs"),
        (f"com.my-clicks_in-app-events_{PERIOD}_UTC (1).csv", "in_app_events"),
        (f"id1_non-organic-in-app-events_{PERIOD}_America_New_York.csv", "in_app_events"),
        (f"id1_organic-in-app-events_{PERIOD}_UTC.csv.gz", "in_app_events"),
        (f"id1_blocked-installs_{PERIOD}_UTC.csv", "blocked_installs"),
        (f"id1_detection_{PERIOD}_UTC.csv", "detection"),
        ("com.super.clicks_installs.csv", "installs"),
    ],
)
def test_report_is_told(path: str, report: str, names: Names) -> None:
    assert told(path, names) == (report, report)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("af_installs_and_clicks/t=sessions/dt=2026-01-05/part.csv.gz", "sessions"),
        ("t=attributed_ad_revenue/installs.csv", "ad revenue"),
        ("t=conversions_retargeting/part.csv", "conversions of retargeting"),
        ("t=inapps_retargeting/part.csv", "in-app events of retargeting"),
        ("t=blocked_clicks/part.parquet", "blocked clicks"),
        ("t=installs_retargeting/part.parquet", "conversions of retargeting"),
        ("t=something_new/clicks.csv", "the topic something_new"),
        (f"id1_fraud-post-inapps_{PERIOD}_UTC.csv", "in-app events judged after attribution"),
        ("id1_fraud-post-inapps_2026-01-05.csv", "in-app events judged after attribution"),
        (f"id1_installs-retarget_{PERIOD}_UTC.csv", "conversions of retargeting"),
        (f"id1_in-app-events-retarget_{PERIOD}_UTC.csv", "in-app events of retargeting"),
        (f"id1_reinstalls_{PERIOD}_UTC.csv", "reinstalls"),
        (f"id1_organic-uninstalls_{PERIOD}_UTC.csv", "uninstalls"),
        (f"id1_blocked-in-app-events_{PERIOD}_UTC.csv", "blocked in-app events"),
        (f"id1_install-postbacks_{PERIOD}_UTC.csv", "postbacks"),
        ("uninstalls.csv", "uninstalls"),
    ],
)
def test_what_is_not_loaded_is_told(path: str, what: str, names: Names) -> None:
    assert told(path, names) == (None, what)


@pytest.mark.parametrize(
    "path",
    [
        "export.csv",
        "installs/export.csv",
        "af_installs/app_id=com.super.clicks/dt=2026-01-05/part.csv",
        "aggregated_installs.csv",
        f"id1_rejected-installs_{PERIOD}_UTC.csv",
        f"com.my-installs_{PERIOD}_UTC.csv",
    ],
)
def test_nothing_is_guessed(path: str, names: Names) -> None:
    assert told(path, names) is None


def test_name_of_two_reports_is_an_error(names: Names) -> None:
    with pytest.raises(UserError, match="its name tells of clicks and of installs"):
        told("installs_and_clicks.csv", names)


@pytest.mark.parametrize(
    ("path", "searched", "expected"),
    [
        ("lake/installs/2026/x.csv", "lake", "installs"),
        ("lake/installs/detection/x.csv", "lake", "detection"),
        ("lake/in-app-events/x.csv", "lake", "in_app_events"),
        ("installs/x.csv", "installs", "installs"),
        ("installs/x.csv", "installs/", "installs"),
        # A word of a folder is none, and what stands above the argument does not count.
        ("lake/all_installs/x.csv", "lake", None),
        ("installs/lake/x.csv", "installs/lake", None),
    ],
)
def test_whole_name_of_a_folder_below_the_argument(
    path: str, searched: str, expected: str | None, names: Names
) -> None:
    found = told(path, names, searched)
    assert (found and found[0]) == expected


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        (f"a_installs_{PERIOD}_Asia_Singapore.csv", "Asia/Singapore"),
        (f"a_installs_{PERIOD}_America_Argentina_Buenos_Aires.csv.gz",
         "America/Argentina/Buenos_Aires"),
        (f"a_installs_{PERIOD}_america_port-au-prince (2).csv", "America/Port-au-Prince"),
        (f"a_installs_{PERIOD}_UTC_1.csv", "UTC"),
        (f"a_installs_{PERIOD}_Singapore.csv", "Singapore"),
        (f"a_installs_{PERIOD}.csv", None),
        (f"a_installs_{PERIOD}_Asia-Singapore.csv", "Asia/Singapore"),
        (f"a_installs_{PERIOD}_Europe-Berlin.csv.gz", "Europe/Berlin"),
        (f"a_installs_{PERIOD}_EuropeBerlin.csv", "Europe/Berlin"),
        (f"a_installs_{PERIOD}_EUROPE-berlin (1).csv", "Europe/Berlin"),
        (f"a_installs_{PERIOD}_america-new_york.parquet", "America/New_York"),
        (f"a_installs_{PERIOD}_AmericaNewYork_2.csv", "America/New_York"),
        (f"a_installs_{PERIOD}_America-Argentina-Buenos-Aires.csv",
         "America/Argentina/Buenos_Aires"),
        (f"a_installs_{PERIOD}_AmericaPortAuPrince.csv", "America/Port-au-Prince"),
        (f"a_installs_{PERIOD}_Etc_GMT+5.csv", "Etc/GMT+5"),
        (f"a_installs_{PERIOD}_Etc-GMT-5.csv", "Etc/GMT-5"),
        (f"a_installs_{PERIOD}-Asia-Singapore.csv", "Asia/Singapore"),
        (f"a_installs_{PERIOD}-UTC.csv", "UTC"),
        (f"a_installs_{PERIOD} Asia Singapore.csv", "Asia/Singapore"),
        ("a_installs_20260105_20260106_Asia-Singapore.csv", "Asia/Singapore"),
        ("a_installs_20260105_20260106_Japan.csv", "Japan"),
        ("a_installs_20260105_20260106.csv", None),
        ("a_installs_20260105-20260106_UTC.csv", "UTC"),
        (f"a_installs_{PERIOD}_UTC_raw.csv", "UTC"),
        (f"a_installs_{PERIOD}_Asia_Singapore_raw.csv", "Asia/Singapore"),
        (f"a_installs_{PERIOD}_EuropeBerlin_raw.csv", "Europe/Berlin"),
        # One word followed by others may mean anything.
        (f"a_installs_{PERIOD}_Japan_raw.csv", None),
        (f"a_installs_{PERIOD}_west.csv", None),
        (f"a_installs_{PERIOD}_europewide.csv", None),
        (f"a_installs_{PERIOD}_android-v2.csv", None),
        ("installs_EuropeBerlin.csv", "Europe/Berlin"),
        ("installs_UTC_20260106.csv", "UTC"),
        ("installs_pst.csv", None),
        ("id20011345_installs_IST.csv", None),
        (f"a_installs_{PERIOD}_UTC_3days.csv", "UTC"),
        ("installs_2026-01-05-10.csv", None),
        ("installs_2026-01_Europe_Berlin.csv", "Europe/Berlin"),
        ("installs_utc.csv", "UTC"),
        ("installs_berlin.csv", None),
        # A country elsewhere may mean the users of the country.
        ("installs_Japan.csv", None),
        ("c4_installs_2026-01-05_android.csv", None),
    ],
)  # fmt: skip
def test_zone_of_a_name(name: str, zone: str | None) -> None:
    assert FileName.read(name).zone == zone


NO_ZONES = [
    "Asia_Atlantis",
    "Asia-Atlantis",
    "AsiaAtlantis",
    "Europe-Berln_raw",
    "UTC+8",
    "UTC-8",
    "utc+0800",
    "GMT-03:00",
    "UTC_+8",
    "UTC_plus8",
    "UTC_plus_8",
    "UTC+8_raw",
    "+0800",
    "-0800",
    "+08:00",
    "PST",
    "pst",
    "JST",
    "IST",
    "CEST",
    "PST_raw",
    "raw_PST",
    "Asia_Singapore_+0800",
]


@pytest.mark.parametrize("tail", NO_ZONES)
@pytest.mark.parametrize("days", [PERIOD, "2026-01-05", "20260105_20260106"])
def test_zone_that_is_none_is_an_error(tail: str, days: str) -> None:
    with pytest.raises(UserError, match="no time zone that is known"):
        FileName.read(f"a_installs_{days}_{tail}.csv")


def test_offset_that_ends_a_name_without_days_is_an_error() -> None:
    with pytest.raises(UserError, match=r"ends in UTC\+8, which is no time zone"):
        FileName.read("installs_UTC+8.csv")


@pytest.mark.parametrize("separator", ["_", "-", ""])
def test_every_zone_is_read_in_every_spelling(separator: str) -> None:
    """But those whose names hold numbers, which signs keep apart."""
    for zone in available_timezones():
        spelt = zone.replace("/", separator)
        if not re.search(r"\d", zone):
            spelt = re.sub("[-_]", separator, spelt)
        for text in (spelt, spelt.upper(), spelt.lower()):
            assert FileName.read(f"a_installs_{PERIOD}_{text}.csv").zone == zone


def test_zone_is_that_of_the_name_the_option_or_the_format(known: list[Report]) -> None:
    installs = next(report for report in known if report.name == "installs")
    [clicks] = reports(find_project(), "talkingdata")
    csv, parquet = Format("csv"), Format("parquet")
    named = Path(f"a_installs_{PERIOD}_Asia_Singapore.csv")
    bare = Path("installs.csv")
    locker = Path("t=installs/part.csv")
    assert timezone_of(named, installs, csv, None) == "Asia/Singapore"
    assert timezone_of(named, installs, csv, "Singapore") == "Singapore"
    assert timezone_of(bare, installs, csv, "Europe/Berlin") == "Europe/Berlin"
    assert timezone_of(locker, installs, csv, None) == "UTC"
    assert timezone_of(bare, installs, parquet, None) == "UTC"
    assert timezone_of(bare, clicks, csv, None) == "UTC"
    for path, report, asked, message in (
        (named, installs, "UTC", "its name tells that times are in Asia/Singapore, found .* UTC"),
        (bare, installs, None, "does not say in which time zone"),
        (named, clicks, None, "times of talkingdata are UTC, found Asia/Singapore in its name"),
        (bare, clicks, "Asia/Tokyo", "times of talkingdata are UTC, found --timezone Asia/Tokyo"),
    ):
        with pytest.raises(UserError, match=message):
            timezone_of(path, report, csv, asked)


def test_two_names_of_one_clock() -> None:
    assert same_zone("Asia/Calcutta", "Asia/Kolkata")
    assert same_zone("UTC", "Etc/UTC")
    assert not same_zone("UTC", "Europe/London")
    assert not same_zone("Europe/Berlin", "Africa/Lagos")


def test_every_name_of_the_vendor_means_one_thing(known: list[Report]) -> None:
    ours = [name for report in known for name in (report.name, *report.aliases)]
    others = other_reports(find_project(), "appsflyer")
    assert len(ours) == len(set(ours))
    assert not set(ours) & set(others)


def test_file_of_another_report_than_asked_for(known: list[Report]) -> None:
    from clickward.warehouse.loading.files import Found

    plan = Plan.of(find_project(), [report for report in known if report.name == "installs"])
    assert plan.report_of(Found(Path("lake/t=clicks/a.csv"), Path("lake"))) is None
    assert plan.report_of(Found(Path("lake/t=clicks/b.csv"), Path("lake"))) is None
    assert plan.left_out() == [
        "lake/t=clicks: left out, 2 files: it is clicks, and --report installs was asked for"
    ]
    with pytest.raises(UserError, match="t=clicks tells that it is clicks, found --report inst"):
        plan.report_of(Found(Path("lake/t=clicks/a.csv")))
    untold = plan.report_of(Found(Path("export.csv")))
    assert untold is not None
    assert untold.name == "installs"
