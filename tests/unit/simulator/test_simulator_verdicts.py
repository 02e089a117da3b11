"""What is observed of the fraud: blocks by stated rules, and late, wrong and revised verdicts."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from simulated_reports import Reports, moment, scenario

from clickward.simulator import Scenario
from clickward.simulator.attacks import ATTACKS, NAMES
from clickward.simulator.attacks.base import HOSTING_BASE
from clickward.simulator.defender import Defender
from clickward.simulator.economics import app_economics
from clickward.simulator.planning import DayPlan, Planner
from clickward.simulator.randomness import unit
from clickward.simulator.scenario import DAY_MS, Source
from clickward.simulator.scenario import Defender as Rules
from clickward.simulator.verdicts import Verdict, accuse, chances, next_month_ms
from clickward.simulator.world.catalogue import NETWORKS
from clickward.simulator.world.frames import install_frame
from clickward.simulator.world.people import HOME_BASE
from clickward.simulator.world.world import World

SOURCES = {source.name: source for source in scenario("default").verdicts}


@pytest.fixture(scope="module")
def plans(every_attack: Scenario) -> list[DayPlan]:
    """Installs of all ten attacks in number enough for small shares."""
    planner = Planner(World(every_attack.model_copy(update={"clicks": 240_000})))
    return [planner.plan(day) for day in range(every_attack.days)]


def judged(settings: Scenario, plans: list[DayPlan], *sources: Source) -> pl.DataFrame:
    """One row per install, with a list of its verdicts' sources, reasons and days after it."""
    world = World(settings.model_copy(update={"verdicts": sources}))
    days = []
    for plan in plans:
        found: Verdict = accuse(world, plan.day, plan.installs, plan.blocks.blocked)
        verdicts = pl.DataFrame(
            {
                "row": found.install,
                "source": found.source,
                "reason": found.reason,
                "given_ms": found.given_ms,
            },
            schema=dict.fromkeys(("row", "source", "reason", "given_ms"), pl.Int64),
        )
        installs = plan.installs.with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
        days.append(
            installs.join(verdicts.group_by("row", maintain_order=True).all(), "row", how="left")
        )
    return pl.concat(days).with_columns(accused=pl.col("source").is_not_null())


def close(share: float, count: int) -> object:
    """A share of so many, to four standard deviations."""
    return pytest.approx(share, abs=4 * np.sqrt(max(share * (1 - share), 1e-4) / count))


# Verdicts after attribution.


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_has_its_own_recall_and_precision(
    every_attack: Scenario, plans: list[DayPlan], name: str
) -> None:
    source = SOURCES[name]
    rows = judged(every_attack, plans, source)
    for number, attack in enumerate(NAMES):
        for mimic, odds in ((False, 1.0), (True, source.mimic_odds)):
            mine = rows.filter(pl.col("attack") == number, pl.col("mimic") == mimic)
            recall = source.recall.get(attack, 0.0) * odds
            assert mine["accused"].mean() == close(recall, len(mine)), (attack, mimic)
    paid = rows.filter(pl.col("attack") < 0, pl.col("sub") >= 0)
    assert paid["accused"].mean() == close(source.false_positives, len(paid))
    assert not rows.filter(pl.col("sub") < 0)["accused"].any()  # nobody is paid for these
    accused = rows.filter("accused")
    right = accused.filter(pl.col("attack") >= 0).explode("reason")
    agreeing = (right["attack"] == right["reason"]).mean()
    assert agreeing == close(1 - 0.9 * source.wrong_reason, len(right))


@pytest.mark.parametrize("name", ["protect", "partner"])
def test_verdicts_come_late_but_within_their_time(
    every_attack: Scenario, plans: list[DayPlan], name: str
) -> None:
    rows = judged(every_attack, plans, SOURCES[name]).filter("accused").explode("given_ms")
    days = (rows["given_ms"] - rows["install_ms"]) / DAY_MS
    limit = SOURCES[name].delay_days
    assert days.min() > 0
    assert 0.7 * limit < days.max() <= limit
    assert days.median() == pytest.approx(0.33 * limit, rel=0.2)


def test_a_monthly_review_comes_in_the_first_days_of_the_next_month(
    every_attack: Scenario, plans: list[DayPlan]
) -> None:
    rows = judged(every_attack, plans, SOURCES["month_end"]).filter("accused").explode("given_ms")
    given = rows["given_ms"].cast(pl.Datetime("ms"))
    assert given.min() >= datetime(2026, 2, 1)
    assert given.max() < datetime(2026, 2, 1) + timedelta(days=SOURCES["month_end"].delay_days)
    assert given.dt.date().n_unique() == 7


def test_the_next_month_begins_at_its_first_moment() -> None:
    moments = [datetime(2025, 12, 31, 23, 59), datetime(2026, 2, 1), datetime(2026, 2, 14, 5)]
    stamps = pl.Series(moments).cast(pl.Datetime("ms")).cast(pl.Int64).to_numpy()
    found = pl.Series(next_month_ms(stamps)).cast(pl.Datetime("ms")).to_list()
    assert found == [datetime(2026, 1, 1), datetime(2026, 3, 1), datetime(2026, 3, 1)]


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_later_source_revises_a_share_of_the_verdicts(
    every_attack: Scenario, plans: list[DayPlan], share: float
) -> None:
    everything = dict.fromkeys(NAMES, 1.0)
    first = Source(name="first", recall=everything, mimic_odds=1.0, delay_days=7)
    review = Source(
        name="review", recall=everything, mimic_odds=1.0, is_monthly_review=True, revises=share
    )
    rows = judged(every_attack, plans, first, review).filter(pl.col("attack") >= 0)
    assert rows["accused"].all()
    assert (rows["source"].list.first() == 0).all()
    revised = rows["source"].list.len() == 2
    assert revised.mean() == close(share, len(rows))
    twice = rows.filter(revised)
    assert (twice["given_ms"].list.diff().list.last() > 0).all()
    if share:
        changed = twice["reason"].list.n_unique() == 2
        assert 0.02 < changed.mean() < 0.2  # either may be wrong about the reason


def test_sources_do_not_know_each_other(every_attack: Scenario, plans: list[DayPlan]) -> None:
    alone = judged(every_attack, plans, SOURCES["protect"])
    both = judged(every_attack, plans, SOURCES["protect"], SOURCES["month_end"])
    mine = both["source"].list.contains(0).fill_null(False)
    assert (alone["accused"] & ~mine).sum() == 0  # the review comes after it and takes none away
    assert (both["accused"] & ~alone["accused"]).sum() > 100


def test_nobody_judges_where_there_is_no_source(
    every_attack: Scenario, plans: list[DayPlan]
) -> None:
    assert not judged(every_attack, plans)["accused"].any()


def test_blocked_installs_get_no_verdict(every_attack: Scenario, plans: list[DayPlan]) -> None:
    world = World(every_attack.model_copy(update={"verdicts": tuple(SOURCES.values())}))
    installs = plans[2].installs
    blocked = np.arange(len(installs)) % 2 == 0
    found = accuse(world, 2, installs, blocked)
    assert len(found.install) > 50
    assert not blocked[found.install].any()


def test_mimicry_halves_the_odds() -> None:
    rows = install_frame(
        install_ms=np.zeros(4), app=0, sub=np.array([3, 3, 3, -1]), device=np.arange(4), model=0,
        system=0, country=0, carrier=0, ip=0,
        attack=np.array([0, 0, -1, -1]), mimic=np.array([False, True, False, False]),
    )  # fmt: skip
    source = Source(name="a", recall={"click_flooding": 0.6}, false_positives=0.01)
    assert chances(source, rows) == pytest.approx([0.6, 0.3, 0.01, 0.0])


# The defender's rules.


RULES = Rules(vigilance=1.0)


def installs_with(count: int = 40, **columns: object) -> pl.DataFrame:
    """Installs nobody would block, a minute apart and each at its own home, but for `columns`."""
    start = World(scenario("demo")).start_ms
    click_ms = start + np.arange(count, dtype=np.int64) * 60_000
    plain = {
        "app": 0, "sub": np.arange(count) % 300, "device": np.arange(count), "model": 0,
        "system": 0, "country": 0, "carrier": 0, "wifi": True,
        "ip": HOME_BASE + 256 * np.arange(count) + 7, "click_ms": click_ms,
        "install_ms": click_ms + 300_000, "begin_ms": click_ms + 100_000, "match": 0,
    }  # fmt: skip
    plain["click_ip"] = columns.get("ip", plain["ip"])
    return install_frame(**(plain | columns))


def judge(installs: pl.DataFrame, rules: Rules = RULES, days: int = 1) -> list[set[int]]:
    """Attacks the blocks of each day name; -1 where something passed."""
    defender = Defender(World(scenario("demo", defender=rules)))
    return [set(defender.judge(day, installs).reason.tolist()) for day in range(days)]


def named(attack: str) -> int:
    """Index of an attack."""
    return NAMES.index(attack)


def test_ordinary_installs_pass() -> None:
    assert judge(installs_with(), days=3) == [{-1}] * 3


def test_a_click_well_after_the_install_began_is_blocked() -> None:
    late, soon = installs_with(), installs_with()
    late = late.with_columns(begin_ms=pl.col("click_ms") - 6_000)
    soon = soon.with_columns(begin_ms=pl.col("click_ms") - 4_000)
    assert judge(late) == [{named("click_injection")}]
    assert judge(soon) == [{-1}]


def test_an_install_quicker_than_a_download_is_blocked() -> None:
    for seconds, reason in ((3.9, named("click_injection")), (4.1, -1)):
        quick = installs_with().with_columns(
            install_ms=pl.col("click_ms") + int(1_000 * seconds), begin_ms=pl.lit(-1)
        )
        assert judge(quick) == [{reason}]


def test_an_sdk_that_was_never_shipped_is_blocked() -> None:
    assert judge(installs_with(sdk=1)) == [{named("sdk_spoofing")}]


def test_half_of_the_hosting_networks_are_known() -> None:
    rented = installs_with(count=2_000, wifi=False, ip=HOSTING_BASE + 16 * np.arange(2_000))
    defender = Defender(World(scenario("demo", defender=RULES)))
    found = defender.judge(0, rented)
    assert found.blocked.mean() == pytest.approx(0.5, abs=0.05)
    assert set(found.reason.tolist()) == {named("emulator_bots"), -1}
    known = unit(rented["click_ip"].to_numpy() >> np.uint64(4), scenario("demo").seed, 51) < 0.5
    assert (found.blocked == known).all()


def test_a_home_network_with_too_many_installs_is_blocked() -> None:
    limit = RULES.subnet_installs
    assert judge(installs_with(limit, ip=HOME_BASE + np.arange(limit))) == [{-1}]
    crowd = installs_with(limit + 1, ip=HOME_BASE + np.arange(limit + 1))
    assert judge(crowd) == [{named("device_farm")}]
    assert judge(crowd.with_columns(wifi=pl.lit(False))) == [{-1}]  # a carrier's NAT


@pytest.mark.parametrize(
    ("seconds", "attack"), [(8, "click_injection"), (6 * 3_600, "click_flooding")]
)
def test_a_sub_publisher_with_odd_times_is_blocked_for_some_days(seconds: int, attack: str) -> None:
    defender = Defender(World(scenario("demo", defender=RULES)))
    odd = installs_with(sub=5).with_columns(
        install_ms=pl.col("click_ms") + 1_000 * seconds, begin_ms=pl.lit(-1)
    )
    plain = installs_with(120, sub=5)
    assert not defender.judge(0, odd).blocked.any()  # it is seen first, and blocked tomorrow
    for day in range(1, 6):
        assert set(defender.judge(day, plain).reason.tolist()) == {named(attack)}
    assert not defender.judge(6, plain).blocked.any()
    elsewhere = Defender(World(scenario("demo", defender=RULES)))
    elsewhere.judge(0, odd)
    assert not elsewhere.judge(1, installs_with(sub=6)).blocked.any()


def test_organic_installs_are_never_blocked() -> None:
    organic = installs_with(sub=-1, click_ms=-1, begin_ms=-1, click_ip=0)
    assert judge(organic, days=2) == [{-1}] * 2


def test_vigilance_is_how_often_a_rule_that_holds_blocks() -> None:
    defender = Defender(World(scenario("demo", defender=Rules(vigilance=0.6))))
    found = defender.judge(0, installs_with(4_000, sdk=1, sub=0))
    assert found.blocked.mean() == pytest.approx(0.6, abs=0.03)
    assert (found.reason[~found.blocked] == -1).all()


def test_the_defender_errs_on_honest_installs_too(reports: Reports, installs: pl.DataFrame) -> None:
    blocked = installs.join(reports.read("blocked_installs"), on="appsflyer_id", how="semi")
    wrong = (blocked["kind"] == "honest").sum()
    assert 0 < wrong < 0.05 * (installs["kind"] == "honest").sum()
    assert (blocked["kind"] == "organic").sum() == 0
    assert blocked["attack"].is_not_null().mean() > 0.4


# In the vendor's shapes.


PAIRS = {attack.reason for attack in ATTACKS.values()}


def test_blocks_and_detections_name_reasons_in_the_vendors_spelling(reports: Reports) -> None:
    for report, prefix in (("blocked_installs", "blocked"), ("detection", "fraud")):
        told = reports.read(report, [f"{prefix}_reason", f"{prefix}_sub_reason"])
        assert len(told) > 30
        assert set(told.iter_rows()) <= PAIRS
        assert told.n_unique() >= 3


def test_detections_are_in_the_folder_of_their_day_and_of_their_time(
    reports: Reports, small: Scenario
) -> None:
    found = reports.read("detection")
    assert (found["dt"] == found["detection_date"].str.slice(0, 10)).all()
    assert (found["detection_date"] > found["install_time"]).all()
    last = date.fromisoformat(found["dt"].max())
    assert last < small.start + timedelta(days=small.days + 7)  # what comes later is unknown


def test_a_detection_repeats_the_row_of_its_install(reports: Reports) -> None:
    found, known = reports.read("detection"), reports.read("installs")
    same = [name for name in known.columns if name != "dt"]
    keys = ["appsflyer_id"]
    both = found.select(same).join(known.select(same).unique(), on=keys, how="left", suffix="_was")
    assert len(both) == len(found) > 30
    for name in same:
        if name not in keys:
            assert both[name].eq_missing(both[f"{name}_was"]).all(), name


def test_an_install_may_be_judged_more_than_once(reports: Reports, small: Scenario) -> None:
    found = reports.read("detection")
    times = found.group_by("appsflyer_id").len()["len"]
    assert times.max() == len(small.verdicts) == 2
    assert (times == 2).mean() < 0.2
    delays = (moment("detection_date") - moment("install_time")).dt.total_seconds() / 86_400
    assert found.select((delays <= 7).all()).item()


# Money.


def test_every_app_and_network_has_a_payout_and_costs() -> None:
    settings = scenario("default")
    table = app_economics(World(settings))
    assert table.columns == [
        "app_id", "network", "valid_from", "payout", "currency", "dispute_cost", "review_cost",
    ]  # fmt: skip
    first = table.filter(pl.col("valid_from") == settings.start)
    assert len(first) == settings.traffic.apps * len(NETWORKS)
    assert first.select("app_id", "network").is_unique().all()
    assert (table["payout"] > 0).all()
    assert first["payout"].std() > 0.2
    assert table["currency"].unique().to_list() == ["USD"]
    assert table["dispute_cost"].unique().to_list() == [settings.economics.dispute_cost]
    assert table["review_cost"].unique().to_list() == [settings.economics.review_cost]
    later = table.filter(pl.col("valid_from") > settings.start)
    assert later["valid_from"].unique().to_list() == [settings.start + timedelta(days=30)]
    assert len(later) / len(first) == pytest.approx(0.3, abs=0.1)
    rise = later.join(first, on=["app_id", "network"])
    assert (rise["payout"] / rise["payout_right"]).to_numpy() == pytest.approx(1.1, abs=0.03)


def test_the_economics_lie_beside_the_hidden_tables_and_are_no_report(
    reports: Reports, small: Scenario
) -> None:
    table = pl.read_csv(reports.out / "_world" / "app_economics.csv", try_parse_dates=True)
    assert table.equals(app_economics(World(small)))
    apps = set(reports.read("installs", ["app_id"])["app_id"])
    assert apps <= set(table["app_id"])
