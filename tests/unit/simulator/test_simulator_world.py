"""The honest world, and honest traffic that looks like fraud until one looks closer."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from simulated_reports import Reports, moment, scenario

from clickward.simulator import Scenario, simulate
from clickward.simulator.randomness import Keys, draw, stream, unit, zipf_weights
from clickward.simulator.scenario import DAY_MS, HardNegatives
from clickward.simulator.world.apps import make_apps
from clickward.simulator.world.catalogue import (
    ANDROID,
    COUNTRIES,
    IOS,
    KINDS,
    NETWORKS,
    PUSH_NETWORK,
)
from clickward.simulator.world.clock import local_weights, spread, weekly_weights
from clickward.simulator.world.ctit import honest_ctit_ms
from clickward.simulator.world.events import active_chance
from clickward.simulator.world.frames import HUMAN, REWARDED
from clickward.simulator.world.people import CARRIER_BASE, IPV6_BIT, country_of
from clickward.simulator.world.publishers import make_publishers
from clickward.simulator.world.releases import SYSTEMS, adoption, system_at
from clickward.simulator.world.surges import Surge, plan_surges
from clickward.simulator.world.world import World


@pytest.fixture(scope="module")
def world() -> World:
    """The default scenario's world, of which nothing is written."""
    return World(scenario("default", days=60, clicks=600_000))


@pytest.fixture(scope="module")
def settings() -> Scenario:
    """What the quiet world was made of."""
    return scenario("quiet", days=10, clicks=60_000, traffic=scenario("demo").traffic)


@pytest.fixture(scope="module")
def clicks(quiet: Reports) -> pl.DataFrame:
    """Clicks of the quiet world."""
    return quiet.read("clicks")


@pytest.fixture(scope="module")
def labelled(quiet: Reports) -> pl.DataFrame:
    """Installs of the quiet world."""
    return quiet.labelled()


# Chance and time.


def test_a_stream_depends_on_its_name_and_seed_only() -> None:
    draws = [stream(seed, name).random(3).tolist() for seed, name in ((1, "a"), (1, "b"), (2, "a"))]
    assert stream(1, "a").random(3).tolist() == draws[0]
    assert draws[0] != draws[1] != draws[2] != draws[0]


def test_traits_by_hash_are_even_and_weights_are_kept() -> None:
    luck = unit(np.arange(40_000), 3)
    assert np.histogram(luck, 10, (0, 1))[0].min() > 3_700
    assert np.corrcoef(luck[:-1], luck[1:])[0, 1] == pytest.approx(0, abs=0.02)
    found = np.bincount(draw(stream(1, "draw"), [1, 0, 3], 40_000)) / 40_000
    assert found == pytest.approx([0.25, 0, 0.75], abs=0.01)
    assert zipf_weights(3, 1.0) == pytest.approx(np.array([6, 3, 2]) / 11)


def test_hours_reach_the_stated_ratio() -> None:
    weights = local_weights(16.0)
    assert weights.sum() == pytest.approx(1)
    assert weights.max() / weights.min() == pytest.approx(16.0)
    assert (weights.argmax(), weights.argmin()) == (20, 4)


def test_days_follow_the_week_and_add_up() -> None:
    weights = weekly_weights(first_weekday=3, days=14)
    assert weights.mean() == pytest.approx(1)
    assert weights[:7] == pytest.approx(weights[7:])
    assert set(np.argsort(weights)[-4:]) == {2, 3, 9, 10}  # Saturdays and Sundays
    assert spread(10, np.array([1.0, 1.0, 1.0])).tolist() == [4, 3, 3]
    assert spread(1_000_003, weights).sum() == 1_000_003


def test_people_click_by_their_own_clock(clicks: pl.DataFrame) -> None:
    hours = {
        country: rows.group_by(moment("event_time").dt.hour().alias("hour")).len()
        for (country,), rows in clicks.group_by("country_code")
    }
    for country, *_, ahead, _ in COUNTRIES:
        busiest = hours[country].sort("len", descending=True)["hour"].head(4).to_list()
        assert any(abs((hour + ahead) % 24 - 20) <= 2 for hour in busiest), country
    everyone = clicks.group_by(moment("event_time").dt.hour()).len()["len"]
    assert len(everyone) == 24
    assert everyone.max() / everyone.min() > 6


# Apps.


def test_ten_apps_hold_four_fifths_of_the_clicks() -> None:
    apps = make_apps(1, 40, 0)
    assert np.sort(apps.volume)[-10:].sum() == pytest.approx(0.82)
    assert apps.volume.sum() == pytest.approx(1)
    assert len(set(apps.app_id)) == 40
    assert {ANDROID, IOS} == set(apps.platform.tolist())
    assert set(make_apps(1, 4, 0).platform.tolist()) == {ANDROID, IOS}


def test_apps_differ_in_conversion_geography_and_payout() -> None:
    apps = make_apps(1, 40, 0)
    for values in (apps.conversion, apps.payout, apps.day_one, apps.decay):
        assert values.std() / values.mean() > 0.1
    assert apps.countries.std(axis=0).max() > 0.05
    assert apps.countries.sum(axis=1) == pytest.approx(np.ones(40))


def test_honest_click_to_install_time_is_the_measured_mixture() -> None:
    seconds = honest_ctit_ms(np.random.default_rng(1), np.ones(100_000)) / 1_000
    assert np.median(seconds) == pytest.approx(198, rel=0.15)
    assert (seconds < 10).mean() == pytest.approx(0.022, abs=0.02)
    assert (seconds < 60).mean() == pytest.approx(0.286, abs=0.04)
    assert (seconds < 3_600).mean() == pytest.approx(0.727, abs=0.02)
    assert (seconds < 7_200).mean() == pytest.approx(0.81, abs=0.02)
    assert seconds.max() < 7 * 86_400
    logs = np.log(seconds)
    assert logs.mean() == pytest.approx(0.67 * 4.49 + 0.33 * 9.13, abs=0.03)


def test_large_apps_take_longer(world: World, labelled: pl.DataFrame) -> None:
    apps = world.apps
    assert np.corrcoef(np.log(apps.size_mb), np.log(apps.stretch))[0, 1] == pytest.approx(1)
    saga = [kind for kind, *_ in KINDS].index("saga")
    assert apps.stretch[apps.kind == saga].mean() > 1.3 * apps.stretch[apps.kind != saga].mean()
    medians = [
        np.median(honest_ctit_ms(np.random.default_rng(1), np.full(20_000, stretch)))
        for stretch in (apps.stretch.min(), apps.stretch.max())
    ]
    assert medians[1] > 1.5 * medians[0]
    slow = pl.col("app_name").str.ends_with("saga")
    honest = labelled.filter(pl.col("kind") == "honest")
    assert len(honest.filter(slow)) > 50
    assert honest.filter(slow)["ctit"].median() > 1.2 * honest.filter(~slow)["ctit"].median()


def test_retention_is_a_power_law_of_each_app(world: World) -> None:
    for app in range(6):
        ages = np.arange(1, 31)
        chance = active_chance(world, np.full(30, app), ages, np.full(30, 0.9), np.full(30, HUMAN))
        slope, level = np.polyfit(np.log(ages), np.log(chance), 1)
        assert -slope == pytest.approx(world.apps.decay[app])
        assert np.exp(level) == pytest.approx(0.9 * world.apps.day_one[app])
    outside = active_chance(
        world, np.zeros(2, np.int64), np.array([-1, 31]), np.ones(2), np.full(2, HUMAN)
    )
    assert outside.tolist() == [0, 0]


def test_people_return_as_their_app_says(quiet: Reports, labelled: pl.DataFrame) -> None:
    day = moment("install_time").dt.date()
    end = labelled.select(day.max()).item()
    cohort = labelled.filter(pl.col("kind") == "honest", day <= end - timedelta(days=4))
    events = quiet.read("in_app_events").select(
        "appsflyer_id", age=(moment("event_time").dt.date() - day).dt.total_days()
    )
    share = [
        cohort["appsflyer_id"].is_in(events.filter(pl.col("age") == age)["appsflyer_id"].implode())
        for age in range(5)
    ]
    active = [float(one.mean()) for one in share]
    assert active[0] > 0.85
    assert 0.2 < active[1] < 0.5
    assert active[1] > active[2] > active[3] > active[4] > 0.05
    assert 0.3 < active[4] / active[1] < 0.65  # 4^-0.58 = 0.45


# Publishers.


def test_the_hierarchy_has_zipf_volumes_and_distinct_names() -> None:
    made = make_publishers(3, (8, 8, 20))
    assert 300 < (made.volume > 0).sum() < 450
    assert made.volume.sum() == pytest.approx(1)
    assert len(set(made.sub_id)) == len(made)
    shares = np.bincount(made.network, weights=made.volume)
    assert shares == pytest.approx([share for _, share, _ in NETWORKS])
    ranked = np.sort(made.volume[made.volume > 0])[::-1]
    assert ranked[:20].sum() > 5 * ranked[-100:].sum()
    assert all(s.startswith(f"{site}_") for s, site in zip(made.sub_id, made.site_id, strict=True))


def test_nobody_shares_a_sub_publisher_with_another_actor() -> None:
    made = make_publishers(3, (8, 8, 20))
    mine = [set(subs.tolist()) for subs in made.actor_subs]
    assert len(set.union(*mine)) == sum(map(len, mine))
    for subs, wanted in zip(made.actor_subs, (8, 8, 20), strict=True):
        assert (made.volume[subs[:wanted]] > 0).all()  # fraud stands inside honest traffic
        assert (made.volume[subs[wanted:]] == 0).all()
        assert len(subs) == 7 * wanted
        assert PUSH_NETWORK not in made.network[subs]


@pytest.mark.parametrize("effect", ["conversion", "stretch", "retention"])
def test_sub_publishers_of_a_site_resemble_each_other(effect: str) -> None:
    made = make_publishers(3, ())
    rows = pl.DataFrame({"site": made.site_id, "value": np.log(getattr(made, effect))})
    within = rows.with_columns(pl.col("value") - pl.col("value").mean().over("site"))
    assert within["value"].std() < 0.85 * rows["value"].std()
    assert within["value"].std() > 0.3 * rows["value"].std()


def test_a_sub_publisher_leans_to_its_country(world: World) -> None:
    rng = stream(1, "lean")
    sub = int(np.flatnonzero(world.publishers.country != 0)[0])
    app = world.apps.draw(rng, 4_000)
    home = world.publishers.country[sub]
    shares = [
        (country_of(world.people(rng, app, np.full(4_000, one))) == home).mean()
        for one in (sub, -1)
    ]
    assert shares[0] == pytest.approx(0.5 + 0.5 * shares[1], abs=0.04)


# People.


def test_a_device_keeps_what_it_is_and_only_moves_to_newer_systems(clicks: pl.DataFrame) -> None:
    known = clicks.drop_nulls("advertising_id").sort("event_time")
    kept = known.group_by("advertising_id").agg(
        pl.col("device_model", "country_code", "platform", "carrier").n_unique(), pl.len()
    )
    assert (kept["len"] > 1).sum() > 1_000
    for column in ("device_model", "country_code", "platform", "carrier"):
        assert kept[column].max() == 1, column
    order = pl.DataFrame({"os_version": [s.version for s in SYSTEMS], "rank": range(len(SYSTEMS))})
    ranked = known.join(order, on="os_version", maintain_order="left").with_columns(
        step=pl.col("rank").diff().over("advertising_id")
    )
    # A click that an install tells of has the install's system, of up to a week later.
    assert (ranked["step"] < 0).sum() <= 0.0005 * len(ranked)
    assert (ranked["step"] > 0).sum() > 50


def test_systems_follow_their_release_curves() -> None:
    table = adoption(60)
    assert (np.diff(table, axis=1) <= 1e-12).all()  # of a version and all before it
    for number, system in enumerate(SYSTEMS):
        if system.day >= 0:
            share = np.diff(table[system.platform], axis=1, prepend=0)[:, number]
            assert (share[: system.day] == 0).all(), system.version
            assert 0 < share[system.day] < share[system.day + 10] < share[-1], system.version


def test_a_device_never_goes_back(world: World) -> None:
    eager = np.linspace(0, 0.999, 500)
    for ios in (False, True):
        days = [
            system_at(
                world.population.systems,
                0,
                eager,
                np.full(500, ios),
                np.full(500, day * DAY_MS),
            )
            for day in range(60)
        ]
        assert (np.diff(np.array(days), axis=0) >= 0).all()
        assert {SYSTEMS[system].platform for system in np.unique(days)} == {IOS if ios else ANDROID}


def people(world: World, count: int = 20_000) -> Keys:
    """Devices whose owners look for an app."""
    rng = stream(1, "people")
    return world.people(rng, world.apps.draw(rng, count), np.full(count, -1))


def test_a_household_shares_an_address_until_its_lease_ends(world: World) -> None:
    device = people(world)
    noon = np.full(len(device), world.day_start(3))
    rng = np.random.default_rng(1)
    now, later, after = (
        world.population.connect(rng, device, noon + days * DAY_MS) for days in (0, 1, 30)
    )
    home = now.wifi & later.wifi & after.wifi
    assert (now.ip == later.ip)[home].mean() > 0.9
    assert (now.ip == after.ip)[home].mean() < 0.05
    both = world.population.connect(rng, device ^ np.uint64(1), noon)
    home = now.wifi & both.wifi
    assert (now.ip == both.ip)[home].mean() > 0.9


def test_carriers_put_many_people_behind_few_addresses(world: World) -> None:
    device = people(world, 60_000)
    there = world.population.connect(
        np.random.default_rng(1), device, np.full(len(device), world.day_start(3))
    )
    native = (there.ip & IPV6_BIT) != 0
    assert native.mean() == pytest.approx(world.scenario.traffic.ipv6, abs=0.005)
    nat = ~there.wifi & ~native
    assert nat.mean() == pytest.approx(world.scenario.traffic.carrier_nat, abs=0.01)
    uses = np.unique(there.ip[nat], return_counts=True)[1]
    assert len(uses) < 400
    assert np.sort(uses)[-25:].sum() > 0.3 * uses.sum()
    homes = np.unique(there.ip[there.wifi], return_counts=True)[1]
    assert uses.mean() > 3 * homes.mean()


def test_some_people_roam(world: World) -> None:
    abroad = world.population.traffic.model_copy(update={"carrier_nat": 1.0, "ipv6": 0.0})
    found = []
    for roaming in (0.0, 1.0):
        traffic = abroad.model_copy(update={"roaming": roaming})
        crowd = type(world.population)(**{**vars(world.population), "traffic": traffic})
        device = people(world)
        device = device[country_of(device) == 0]
        there = crowd.connect(np.random.default_rng(1), device, np.zeros(len(device), np.int64))
        busy = (there.ip >= CARRIER_BASE) & (there.ip < CARRIER_BASE + 4096)
        found.append((there.ip[busy] - CARRIER_BASE).max())
    # The first country's exits come first: whoever roams leaves by another's.
    assert found[0] < 22 * 0.42 + 1 < found[1]


def test_honest_people_too_bring_devices_never_seen(
    clicks: pl.DataFrame, labelled: pl.DataFrame
) -> None:
    honest = labelled.filter(pl.col("kind") == "honest").drop_nulls("advertising_id")
    uses = clicks.group_by("advertising_id").len()
    first = honest.join(uses, on="advertising_id")["len"] == 1
    assert 0.2 < first.mean() < 0.8


def test_the_last_click_wins_and_may_not_deserve_it(quiet: Reports, labelled: pl.DataFrame) -> None:
    honest = labelled.filter(pl.col("kind") == "honest")
    assisted = honest["contributor1_touch_time"].is_not_null().mean()
    assert 0.10 < assisted < 0.20
    journeys = quiet.hidden("journeys").join(honest, on="appsflyer_id", how="semi")
    assert 0.2 < len(journeys) / (assisted * len(honest)) < 0.6


def test_as_many_installs_are_organic_as_the_scenario_says(labelled: pl.DataFrame) -> None:
    kinds = labelled["kind"].value_counts(normalize=True)
    organic = kinds.filter(pl.col("kind") == "organic")["proportion"].item()
    assert organic == pytest.approx(scenario("demo").traffic.organic_share, abs=0.06)
    unpaid = labelled.filter(pl.col("kind") == "organic")
    for column in ("attributed_touch_time", "af_sub_siteid", "campaign", "af_cost_value"):
        assert unpaid[column].null_count() == len(unpaid), column


# Hard negatives.


def surges(settings: Scenario, behaviour: int) -> list[tuple[Surge, pl.Expr]]:
    """Surges of the quiet world, each with whose rows are its rows."""
    world = World(settings)
    return [
        (
            surge,
            (pl.col("af_sub_siteid") == world.publishers.sub_id[surge.sub])
            & (pl.col("app_id") == world.apps.app_id[surge.app]),
        )
        for surge in plan_surges(world)
        if surge.behaviour == behaviour
    ]


@pytest.mark.parametrize(("behaviour", "network"), [(HUMAN, "push"), (REWARDED, "rewarded")])
def test_campaigns_bring_a_surge_of_honest_people(
    settings: Scenario,
    clicks: pl.DataFrame,
    labelled: pl.DataFrame,
    behaviour: int,
    network: str,
) -> None:
    planned = surges(settings, behaviour)
    assert len(planned) == 3
    for surge, mine in planned:
        installs = labelled.filter(mine)
        assert len(installs) > 0.6 * surge.installs
        assert set(installs["kind"]) == {"honest"}
        assert set(installs["af_channel"]) == {network}
        theirs = clicks.filter(mine)
        by_hour = theirs.group_by(moment("event_time").dt.truncate("1h")).len()["len"]
        assert by_hour.top_k(2).sum() > 0.9 * len(theirs)


def test_rewarded_people_leave_and_notified_ones_do_not(
    settings: Scenario, quiet: Reports, labelled: pl.DataFrame
) -> None:
    day = moment("install_time").dt.date()
    later = moment("event_time").dt.date() > day
    back = quiet.read("in_app_events").filter(later)["appsflyer_id"].unique().implode()
    end = labelled.select(day.max()).item()
    share = {}
    for behaviour in (HUMAN, REWARDED):
        rows = [labelled.filter(mine) for _, mine in surges(settings, behaviour)]
        cohort = pl.concat(rows).filter(day < end - timedelta(days=1))
        share[behaviour] = cohort["appsflyer_id"].is_in(back).mean()
    assert share[REWARDED] < 0.5 * share[HUMAN]


def test_malls_crowd_strangers_behind_few_addresses(clicks: pl.DataFrame) -> None:
    mall = clicks.filter(pl.col("ip").str.contains(r"^103\.28\.2[0-2]\."))
    assert len(mall) / len(clicks) == pytest.approx(0.03, abs=0.005)
    assert mall["wifi"].unique().to_list() == ["true"]
    assert mall["ip"].n_unique() <= 18
    assert mall["advertising_id"].n_unique() > 30 * mall["ip"].n_unique()
    assert mall["device_model"].n_unique() > 20


def wrong_clocks(installs: pl.DataFrame) -> float:
    """Share of installs whose download ended after the first open, or long before it."""
    before = (moment("install_time") - moment("device_download_time")).dt.total_seconds()
    return installs.select(((before < 0) | (before > 60)).mean()).item()


def test_some_clocks_are_wrong(labelled: pl.DataFrame) -> None:
    before = (moment("install_time") - moment("device_download_time")).dt.total_seconds()
    honest = labelled.filter(pl.col("attack").is_null()).select(seconds=before)["seconds"]
    assert wrong_clocks(labelled) == pytest.approx(0.03, abs=0.012)
    assert honest.min() < -600  # downloaded after it was opened
    assert honest.max() > 600
    assert honest.min() >= -3_600


def repeated(rows: pl.DataFrame) -> float:
    """Share of rows that are exact repeats of others, whenever they arrived."""
    return len(rows) / len(rows.drop("dt").unique()) - 1


def test_some_postbacks_come_twice(quiet: Reports) -> None:
    assert repeated(quiet.read("installs")) == pytest.approx(0.01, abs=0.006)
    assert repeated(quiet.read("in_app_events")) == pytest.approx(0.01, abs=0.004)
    twice = quiet.read("installs").group_by("appsflyer_id").agg(pl.len(), pl.col("dt").n_unique())
    assert twice["len"].max() == 2
    assert (twice["dt"] > 1).any()
    assert ((twice["dt"] == 1) & (twice["len"] == 2)).any()


@pytest.mark.parametrize(
    ("report", "share"), [("clicks", 0.003), ("installs", 0.02), ("in_app_events", 0.04)]
)
def test_some_rows_come_late(quiet: Reports, report: str, share: float) -> None:
    rows = quiet.read(report)
    late = rows["dt"] != rows["event_time"].str.slice(0, 10)
    assert late.mean() == pytest.approx(share, abs=0.008)


def test_testers_reset_their_devices_in_one_office(labelled: pl.DataFrame) -> None:
    tests = labelled.filter(pl.col("ip").str.starts_with("103.40.8."))
    assert 20 < len(tests) < 90  # 20 devices, one test in four days each, 10 days
    assert set(tests["kind"]) == {"organic"}
    assert tests["ip"].n_unique() <= 12
    ids = tests["advertising_id"].drop_nulls()
    assert len(ids) > 10
    assert ids.is_unique().all()


@pytest.mark.parametrize(
    ("field", "measure"),
    [
        ("broken_clocks", lambda r: wrong_clocks(r.labelled())),
        ("mall_wifi", lambda r: r.read("clicks")["ip"].str.starts_with("103.28.2").mean()),
        ("duplicated_installs", lambda r: repeated(r.read("installs"))),
        ("duplicated_events", lambda r: repeated(r.read("in_app_events"))),
        ("test_devices", lambda r: r.read("installs")["ip"].str.starts_with("103.40.8.").mean()),
    ],
)
def test_a_hard_negative_can_be_left_out(
    spotless: Reports, field: str, measure: Callable[[Reports], float]
) -> None:
    assert measure(spotless) == 0, field


@pytest.fixture(scope="module")
def spotless(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """A small world without any hard negative."""
    none = HardNegatives.model_validate(dict.fromkeys(HardNegatives.model_fields, 0))
    plain = scenario("demo", days=3, clicks=10_000, hard_negatives=none, actors=())
    out: Path = tmp_path_factory.mktemp("spotless") / "world"
    return Reports(out, simulate(plain, out))


def test_a_world_without_lateness_arrives_on_its_day(spotless: Reports) -> None:
    for report in ("clicks", "installs"):
        rows = spotless.read(report)
        assert (rows["dt"] == rows["event_time"].str.slice(0, 10)).all(), report
    assert len(spotless.truth()) == 0
