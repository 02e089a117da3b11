"""Values as users of the vendor's exports meet them: what core holds of each, once and right."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from harness import run, use_schema
from made import GOOD, File, compare, in_utc, write_csv
from oracles import appsflyer as oracle

from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse, connect
from clickward.warehouse.profile import find_project

SCHEMA = "values"
MODELS = ["staging", "installs", "labels", "rejected_rows"]
WORDS = ("", "null", "N/A", "None", "nan", "Unknown", "UNDEFINED", "-", " - ", "NULL\t")
ZERO = "00000000-0000-0000-0000-000000000000"
IDFA = "BBBBBBBB-0000-4000-8000-0000000000{:02}"
ADDRESSES = {
    "192.0.2.7": ("192.0.2.7", "192.0.2.0/24"),
    " 192.0.2.7": ("192.0.2.7", "192.0.2.0/24"),
    "192.000.002.007": ("192.0.2.7", "192.0.2.0/24"),
    "::ffff:192.0.2.7": ("192.0.2.7", "192.0.2.0/24"),
    "::FFFF:C000:0207": ("192.0.2.7", "192.0.2.0/24"),
    "::ffff:198.51.100.7": ("198.51.100.7", "198.51.100.0/24"),
    "2001:DB8::1": ("2001:db8::1", "2001:db8::/48"),
    "2001:0db8:0:0::0001": ("2001:db8::1", "2001:db8::/48"),
    "2001:db8:7:1:0:0:0:1": ("2001:db8:7:1::1", "2001:db8:7::/48"),
    "0.0.0.0": (None, None),
    "::": (None, None),
    "127.0.0.9": (None, None),
    "::1": (None, None),
    "::ffff:127.0.0.1": (None, None),
    "::198.51.100.8": ("198.51.100.8", "198.51.100.0/24"),
    "::ffff:0:203.0.113.8": ("203.0.113.8", "203.0.113.0/24"),
    "64:ff9b::cb00:7109": ("203.0.113.9", "203.0.113.0/24"),
    "64:ff9b::1:cb00:7109": ("64:ff9b::1:cb00:7109", "64:ff9b::/48"),
    "64:ff9b::127.0.0.1": (None, None),
    "::127.0.0.1": (None, None),
    "169.254.3.4": (None, None),
    "fe80::1": (None, None),
    "febf::ffff": (None, None),
    "unknown": (None, None),
    "192.0.2": (None, None),
    "192.0.2.7:80": (None, None),
    "fe80::1%eth0": (None, None),
    "3221225991": (None, None),
}
NUMBERS = {
    "1.5": 1.5, "NaN": None, "inf": None, "-Infinity": None, "1e400": None, "1,5": None,
    " 2.5 ": 2.5, "+3": 3.0, "1e2": 100.0, "free": None, "": None, "1e40": None,
    "-1e20": None, "1e15": 1e15,
    "N/A": None, "-0.25": -0.25,
}  # fmt: skip
# Local times of Berlin: of the click, of the install; and the seconds between them.
CLOCKS = [
    ("2025-10-26 02:50:00", "2025-10-26 02:05:00", 900),
    ("2025-10-26 01:50:00", "2025-10-26 02:05:00", 900),
    ("2025-10-26 02:10:00", "2025-10-26 02:40:00", 1800),
    ("2025-10-26 02:59:59", "2025-10-26 03:00:00", 3601),
    ("2025-03-30 02:30:00", "2025-03-30 03:05:00", 2100),
    ("2025-03-30 01:55:00", "2025-03-30 02:05:00", 600),
    ("2025-03-30 01:55:00", "2025-03-30 03:05:00", 600),
    ("2025-10-26 04:50:00", "2025-10-26 02:05:00", -13500),
    ("2025-07-01 02:50:00", "2025-07-01 02:05:00", -2700),
]
DAY = datetime(2026, 1, 5, tzinfo=UTC)


def installs(*changes: dict[str, str], first: int = 0) -> list[dict[str, str]]:
    """A good row for each change, a second apart, of another device each."""
    return [
        GOOD
        | {
            "install_time": f"2026-01-05 10:{place // 60:02}:{place % 60:02}",
            "appsflyer_id": f"1767607500000-{first + place:07}",
            "advertising_id": f"aaaaaaaa-0000-4000-8000-{first + place:012}",
        }
        | change
        for place, change in enumerate(changes)
    ]


def stray_times(loaded_at: datetime) -> list[dict[str, str]]:
    """Times before, at and after the ends of what a row without a told arrival can have."""
    later = loaded_at + timedelta(days=3)
    years = ("0000", "0001", "1900", "1969", "1970", "1999", "2106", "2149", "2299", "9999")
    times = [f"{year}-12-31 23:59:59" for year in years]
    times += ["1970-01-01 00:00:00", "2149-06-07 00:00:00", "2000-01-01 00:00:00"]
    times += [f"{later:%Y-%m-%d %H:%M:%S}", "2016-12-31 23:59:60"]
    touched = [{"attributed_touch_time": time} for time in times]
    assisted = [{"contributor1_touch_time": time, "gp_click_time": time} for time in times]
    return installs(*({"install_time": time} for time in times), *touched, *assisted, first=500)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, File]:
    folder = tmp_path_factory.mktemp("values")
    now = datetime.now(UTC)
    made: dict[str, tuple[str, list[dict[str, str]]]] = {
        "words": ("UTC", installs(
            *(
                {"advertising_id": word, "idfa": IDFA.format(place), "ip": word, "af_siteid": word,
                 "af_sub_siteid": word, "os_version": word, "campaign": word, "wifi": word,
                 "country_code": word, "af_cost_value": word, "attributed_touch_time": word,
                 "contributor1_touch_time": word, "media_source": word, "carrier": word,
                 "operator": "Op"}
                for place, word in enumerate(WORDS)
            ),
            {"app_id": "null"}, {"appsflyer_id": "None"}, {"af_siteid": "0"}, {"campaign": "0"},
            {"advertising_id": ZERO, "idfa": "0000-0000", "android_id": "9774D56D682E549C",
             "idfv": "0a"},
            first=0,
        )),
        "addresses": ("UTC", installs(*({"ip": text} for text in ADDRESSES), first=100)),
        "numbers": ("UTC", installs(*({"af_cost_value": text} for text in NUMBERS), first=200)),
        "clocks": ("Europe/Berlin", installs(
            *({"attributed_touch_time": click, "install_time": install}
              for click, install, _ in CLOCKS),
            first=300,
        )),
        "keys": ("UTC", installs(
            {"af_siteid": "a/b"}, {"af_siteid": "a", "af_sub_siteid": "b"}, {"af_siteid": "a/"},
            {"af_siteid": "a%2Fb"}, {"af_siteid": "a", "af_sub_siteid": "/b"},
            {"af_siteid": "a/", "af_sub_siteid": "b"}, {"af_siteid": "", "af_sub_siteid": "b"},
            {"af_siteid": " A ", "af_sub_siteid": "b"}, {"af_siteid": "a%2Fb/"},
            first=400,
        )),
        "times": ("UTC", stray_times(now)),
        "seconds": ("UTC", installs({}, {}, {}, first=600)),
    }  # fmt: skip
    return {
        name: File(write_csv(folder / f"{name}_installs.csv", rows), zone, rows, loaded_at=now)
        for name, (zone, rows) in made.items()
    }


@pytest.fixture(scope="module")
def built(
    store: str, files: dict[str, File], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """All files in one store, beside the same installs to the millisecond and a verdict on one."""
    project = find_project(target="local")
    locker = tmp_path_factory.mktemp("locker") / "t=installs" / "dt=2026-01-05" / "h=10"
    locker.mkdir(parents=True)
    finer = [
        row | {name: row[name] + ".123" for name in ("install_time", "attributed_touch_time")}
        for row in files["seconds"].rows
    ]
    pl.DataFrame(finer).write_parquet(locker / "part-0.parquet")
    arrived = DAY.replace(hour=11)
    files["finer"] = File(locker / "part-0.parquet", "UTC", finer, arrived)
    verdicts = (
        locker.parents[2] / "t=post_attribution_installs" / "dt=2026-01-08" / "part-0.parquet"
    )
    verdicts.parent.mkdir(parents=True)
    verdict = finer[1] | {"detection_date": "2026-01-08 09:00:00", "fraud_reason": "bots"}
    again = verdict | {name: verdict[name].removesuffix(".123") for name in ("install_time",)}
    pl.DataFrame([verdict, again]).write_parquet(verdicts)
    with pytest.MonkeyPatch.context() as patch:
        use_schema(patch, SCHEMA)
        for file in files.values():
            words = () if file.arrived_at else ("--report", "installs", "--timezone", file.zone)
            run(project, "load", "appsflyer", file.path, *words)
        run(project, "load", "appsflyer", verdicts)
        selected = [word for model in MODELS for word in ("--select", model)]
        run_dbt(project, ["build", *selected, "--exclude-resource-type", "unit_test"])
        warehouse = connect(project)
    yield warehouse
    warehouse.close()


def core(warehouse: Warehouse, file: File, columns: str) -> list[tuple[object, ...]]:
    """Columns of the file's installs in core, by the last digits of their AppsFlyer id."""
    rows = warehouse.query(
        f"select {columns} from {warehouse.table('staging', 'stg_appsflyer__installs')} as staged"
        f" inner join {warehouse.table('core', 'installs')} as installs using install_id"
        f" where staged.source_file like {{file:String}} order by staged.source_row",
        file=f"%{file.path.name}",
    )
    return [tuple(in_utc(value) for value in row) for row in rows.rows()]


def test_core_holds_what_python_reads(built: Warehouse, files: dict[str, File]) -> None:
    compare(built, list(files.values()))


def test_words_for_nothing(built: Warehouse, files: dict[str, File]) -> None:
    columns = (
        "installs.subpublisher, installs.ip_hash, installs.ip_subnet, installs.os_version,"
        " installs.campaign, installs.is_on_wifi, installs.country, installs.payout,"
        " installs.touched_at, installs.assisted_at, installs.publisher, installs.carrier"
    )
    nothing = core(built, files["words"], columns)[: len(WORDS)]
    assert nothing == [(None,) * 10 + ("organic", "op")] * len(WORDS)
    devices = core(built, files["words"], "installs.device_hash")
    # The next id that says something is taken: another for each of them.
    assert len(set(devices)) == len(devices)
    # Zero is a word as any other, but in an id of a device or an address.
    assert core(built, files["words"], "installs.subpublisher, installs.campaign")[-3:] == [
        ("0", "c1"), ("s1", "0"), ("s1", "c1"),
    ]  # fmt: skip


def test_an_address_has_one_hash_and_its_own_network(
    built: Warehouse, files: dict[str, File]
) -> None:
    found = core(built, files["addresses"], "installs.ip_hash, installs.ip_subnet")
    assert [subnet for _, subnet in found] == [subnet for _, subnet in ADDRESSES.values()]
    hashes: dict[str | None, set[object]] = {}
    for (spelled, _), (hashed, _) in zip(ADDRESSES.values(), found, strict=True):
        hashes.setdefault(spelled, set()).add(hashed)
    assert hashes.pop(None) == {None}
    assert all(len(each) == 1 for each in hashes.values())
    assert len(set.union(*hashes.values())) == len(hashes) == 8


def test_numbers_are_finite_or_nothing(built: Warehouse, files: dict[str, File]) -> None:
    assert core(built, files["numbers"], "installs.payout") == [
        (value,) for value in NUMBERS.values()
    ]
    # NaN, infinities, 1e400, 1e40, -1e20, 1,5 and `free` were there; '' and N/A say nothing.
    unread = built.scalar(
        f"select sum(unread_values) from {built.table('staging', 'load_accounting')}"
        f" where load_id in (select load_id from {built.table('raw', 'loads')}"
        " where file_name like '%numbers_%')"
    )
    assert unread == 8


def test_the_order_of_a_rows_times_tells_the_hour_that_comes_twice(
    built: Warehouse, files: dict[str, File]
) -> None:
    found = core(built, files["clocks"], "installs.ctit_seconds")
    assert found == [(seconds,) for _, _, seconds in CLOCKS]


def test_keys_of_two_parts_do_not_collide(built: Warehouse, files: dict[str, File]) -> None:
    found = [key for (key,) in core(built, files["keys"], "installs.subpublisher")]
    assert found == [
        "a%2Fb//",
        "a/b",
        "a%2F//",
        "a%2Fb",
        "a//%2Fb",
        "a%2F//b",
        "/b",
        " A /b",
        "a%252Fb%2F//",
    ]
    assert len(set(found)) == len(found)


def test_labels_of_two_names_do_not_collide(built: Warehouse) -> None:
    labels = {
        ("p", "s"): "p / s", ("a", "b / c"): "a / b / c", ("a / b", "c"): "a %2F b // c",
        ("a /", "b"): "a %2F // b", ("a", "/ b"): "a / / b", ("a%2Fb", "c"): "a%2Fb / c",
        ("a/b", "c"): "a%2Fb // c", ("a%/b", "/ c"): "a%25%2Fb // / c",
    }  # fmt: skip
    pairs = ", ".join(f"('{publisher}', '{own}')" for publisher, own in labels)
    label = "{{ subpublisher_label('p.1', 'p.2') }}"
    inline = f"select {label} from (select [{pairs}] as a) array join a as p"
    compiled = run_dbt(built.project, ["compile", "--inline", inline]).results[0].node.compiled_code
    found = [label for (label,) in built.client.query(compiled).result_rows]
    assert found == list(labels.values())
    assert len(set(found)) == len(labels)


def test_times_that_cannot_be_are_refused_and_counted(
    built: Warehouse, files: dict[str, File]
) -> None:
    kept = core(built, files["times"], "installs.event_at")
    assert kept[:2] == [(datetime(2000, 1, 1, tzinfo=UTC),), (datetime(2017, 1, 1, tzinfo=UTC),)]
    days = built.query(f"select distinct event_date from {built.table('core', 'installs')}")
    assert days["event_date"].max().year == 2026
    assert days["event_date"].min().year == 2000
    listed = built.query(
        "select toString(reason) as reason, sum(rows) as rows from"
        f" {built.table('core', 'rejected_rows')} group by reason"
    )
    # 0000 is no time; of the others two are in the span, and twelve are not.
    assert dict(listed.iter_rows()) == {
        "invalid_install_time": 1, "implausible_install_time": 12,
        "invalid_attributed_touch_time": 1, "implausible_attributed_touch_time": 12,
        "missing_app_id": 1, "missing_appsflyer_id": 1,
    }  # fmt: skip


def test_an_install_of_two_exports_is_one_and_its_verdict_reaches_it(
    built: Warehouse, files: dict[str, File]
) -> None:
    rows = built.query(
        "select installs.event_at as event_at, duplicate_count,"
        " labels.subject_id is not null as judged from"
        f" {built.table('core', 'installs')} as installs"
        f" left join {built.table('core', 'labels')} as labels on labels.subject_id = install_id"
        " where installs.arrived_at is not null order by event_at"
    )
    assert rows["duplicate_count"].to_list() == [1, 1, 1]
    assert rows["judged"].to_list() == [0, 1, 0]
    assert [time.microsecond for time in rows["event_at"]] == [123_000] * 3
    assert built.scalar(f"select count() from {built.table('core', 'labels')}") == 1


def test_the_oracle_itself() -> None:
    """A few of its answers by hand, for it stands against all else here."""
    assert oracle.address("::ffff:10.0.0.1") == oracle.address("010.000.000.001")
    assert oracle.site_key("a/b", "") == "a%2Fb//"
    berlin = oracle.readings("2025-10-26 02:05:00", "Europe/Berlin")
    assert berlin == (
        datetime(2025, 10, 26, 0, 5, tzinfo=UTC), datetime(2025, 10, 26, 1, 5, tzinfo=UTC)
    )  # fmt: skip
    assert oracle.readings("0000-01-01 00:00:00", "UTC") is None
    assert oracle.readings("2026-02-30 00:00:00", "UTC") is None
