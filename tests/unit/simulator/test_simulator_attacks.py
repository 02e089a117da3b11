"""Each attack leaves the trace it is known by, in what a report tells."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from simulated_reports import Reports, moment

from clickward.simulator import Scenario
from clickward.simulator.attacks import ATTACKS, NAMES, State
from clickward.simulator.reports.render import SDKS
from clickward.simulator.world.honest import paid_installs
from clickward.simulator.world.world import World

SUBNET = pl.col("ip").str.extract(r"^(\d+\.\d+\.\d+)\.")
MIDDLES = ~pl.col("event_name").is_in(["af_login", "af_purchase"])


@dataclass(frozen=True)
class Traces:
    """The reports of a world with all ten attacks; `kind` of an install as in `labelled`."""

    clicks: pl.DataFrame
    installs: pl.DataFrame
    events: pl.DataFrame
    journeys: pl.DataFrame

    def of(self, kind: str) -> pl.DataFrame:
        """Installs of an attack, or honest or organic ones."""
        return self.installs.filter(pl.col("kind") == kind)

    def by(self, kind: str) -> pl.Expr:
        """Whether a row is at a sub-publisher that the attack sells through."""
        return pl.col("af_sub_siteid").is_in(self.of(kind)["af_sub_siteid"].unique().implode())

    def active(self, kind: str, age: int) -> float:
        """Share of installs active on a day after the install, of those that reached it."""
        end = self.installs.select(moment("install_time").dt.date().max()).item()
        day = moment("install_time").dt.date()
        cohort = self.of(kind).filter((end - day).dt.total_days() >= age)
        later = (moment("event_time").dt.date() - day).dt.total_days()
        back = self.events.filter(later == age)["appsflyer_id"].unique()
        return cohort["appsflyer_id"].is_in(back.implode()).mean()


@pytest.fixture(scope="module")
def traces(attacked: Reports) -> Traces:
    """What ten actors left behind."""
    return Traces(
        attacked.read("clicks"),
        attacked.labelled(),
        attacked.read("in_app_events").drop("dt").unique(),
        attacked.hidden("journeys"),
    )


def share_of_top(rows: pl.DataFrame, column: str | pl.Expr, count: int) -> float:
    """Share of the rows that have one of a column's most frequent values."""
    name = pl.col(column) if isinstance(column, str) else column
    values = rows.select(value=name)["value"].drop_nulls()
    return values.value_counts()["count"].top_k(count).sum() / len(values)


def entropy(rows: pl.DataFrame, column: str) -> float:
    """Entropy of a column's values, in nats."""
    counts = rows[column].drop_nulls().value_counts()["count"].to_numpy()
    return float(-(counts / counts.sum() * np.log(counts / counts.sum())).sum())


def share_of_busiest_hours(rows: pl.DataFrame, count: int = 2) -> float:
    """Share of a day's clicks in its busiest hours, mean over days."""
    when = rows.select(hour=moment("attributed_touch_time").dt.truncate("1h"))
    hours = when.group_by("hour").len().with_columns(day=pl.col("hour").dt.date())
    days = hours.group_by("day").agg(pl.col("len").top_k(count).sum() / pl.col("len").sum())
    return days["len"].mean()


def interval_variation(rows: pl.DataFrame) -> float:
    """Coefficient of variation of the times between a day's clicks, mean over days."""
    when = rows.select(at=moment("attributed_touch_time")).sort("at")
    gaps = when.with_columns(
        day=pl.col("at").dt.date(),
        gap=pl.col("at").diff().over(pl.col("at").dt.date()).dt.total_milliseconds(),
    ).drop_nulls()
    return gaps.group_by("day").agg(v=pl.col("gap").std() / pl.col("gap").mean())["v"].mean()


def test_every_attack_is_at_work(traces: Traces) -> None:
    counts = {name: len(traces.of(name)) for name in NAMES}
    assert min(counts.values()) > 200
    assert set(traces.of("device_farm")["actor"]) == {"device_farm_crew"}


def test_fraud_hides_inside_ordinary_sub_publishers(traces: Traces) -> None:
    honest = traces.of("honest")
    for name in NAMES:
        theirs = traces.of(name)["af_sub_siteid"].unique()
        inside = honest.filter(traces.by(name))
        assert inside["af_sub_siteid"].n_unique() >= 0.6 * len(theirs), name
    networks = set(honest["media_source"])
    assert set(traces.installs.filter(pl.col("attack").is_not_null())["media_source"]) < networks


def test_click_flooding(traces: Traces) -> None:
    flooded, honest = traces.of("click_flooding"), traces.of("honest")
    # Click-to-install time nearly flat over the hours that all of them reach back.
    early, later = pl.col("ctit").is_between(1, 10_800), pl.col("ctit").is_between(10_800, 21_600)
    ratios = [len(rows.filter(later)) / len(rows.filter(early)) for rows in (flooded, honest)]
    assert 0.5 < ratios[0] < 2.0
    assert ratios[1] < 0.3
    late = (flooded["ctit"] > 3_600).mean()
    assert 0.7 < late < 0.97  # some look ordinary
    assert late > 2 * (honest["ctit"] > 3_600).mean()
    assert (flooded["ctit"] > 2 * 86_400).mean() > 20 * (honest["ctit"] > 2 * 86_400).mean()
    # Masses of clicks and few installs, many of the clicks at night.
    theirs = traces.by("click_flooding")
    attacked = pl.any_horizontal(traces.by(name) for name in NAMES)
    rates = [
        len(traces.installs.filter(mine)) / len(traces.clicks.filter(mine))
        for mine in (theirs, ~attacked)
    ]
    assert rates[0] < 0.3 * rates[1]
    night = moment("event_time").dt.hour().is_between(19, 22)
    at_night = [
        traces.clicks.filter(mine).select(night.mean()).item() for mine in (theirs, ~attacked)
    ]
    assert at_night[0] > 2 * at_night[1]


def test_click_flooding_assists_installs_of_others(every_attack: Scenario) -> None:
    world = World(every_attack)
    place = NAMES.index("click_flooding")
    state = State("click_flooding", world.publishers.actor_subs[place][:8], 0.1)
    paid = paid_installs(world, 5, 5_000)
    touched = ATTACKS["click_flooding"](world, place, state).touch_paid(5, paid)
    assists = [rows["assist1_sub"].is_in(state.subs.tolist()).mean() for rows in (paid, touched)]
    assert assists[1] > assists[0] + 0.01
    there = touched.filter(pl.col("assist1_ms") >= 0)
    assert (there["assist1_ms"] < there["click_ms"]).all()
    assert touched["sub"].equals(paid["sub"])  # it wins none of them


def test_click_injection(traces: Traces) -> None:
    injected, honest = traces.of("click_injection"), traces.of("honest")
    after = (moment("attributed_touch_time") > moment("gp_install_begin")).alias("after")
    assert set(injected["platform"]) == {"android"}
    assert 0.8 < injected.select(after)["after"].mean() < 0.99
    assert 0.002 < honest.select(after)["after"].mean() < 0.03  # people do it now and then
    assert (injected["ctit"] < 10).mean() > 8 * (honest["ctit"] < 10).mean()
    assert (injected["ctit"] < 10).mean() < 0.7  # no cut on CTIT finds them all
    assert 0.3 < injected["contributor1_media_source"].is_not_null().mean() < 0.55


def test_install_hijacking(traces: Traces) -> None:
    hijacked, honest = traces.of("install_hijacking"), traces.of("honest")
    told = pl.col("gp_referrer").is_not_null()
    another = pl.col("gp_referrer") != "af_tranid=" + pl.col("campaign")
    apart = (moment("attributed_touch_time") - moment("gp_click_time")).dt.total_seconds()
    assert hijacked.filter(told).select(another.mean()).item() > 0.75
    assert honest.filter(told).select(another.sum()).item() == 0
    assert hijacked.select((apart > 5).mean()).item() > 0.5
    assert honest.select((apart > 5).sum()).item() == 0
    # The victim keeps the first contributor's place, and the hidden truth names it.
    assert hijacked["contributor1_touch_time"].null_count() == 0
    robbed = traces.journeys.join(hijacked, on="appsflyer_id", how="semi")
    assert len(robbed) == len(hijacked)
    assert not robbed["true_source"].is_in(["organic", "nobody"]).any()


def test_sdk_spoofing(traces: Traces) -> None:
    spoofed, honest = traces.of("sdk_spoofing"), traces.of("honest")
    for column in ("device_model", "carrier", "language", "device_download_time"):
        assert 0.35 < spoofed[column].is_null().mean() < 0.55, column
        assert honest[column].null_count() == 0, column
    unshipped = [(~rows["sdk_version"].is_in(SDKS)).mean() for rows in (spoofed, honest)]
    assert 0.2 < unshipped[0] < 0.45
    assert unshipped[1] == 0
    assert spoofed["gp_install_begin"].null_count() == len(spoofed)
    assert spoofed["gp_click_time"].null_count() == len(spoofed)
    android = honest.filter(pl.col("platform") == "android")
    assert android["gp_install_begin"].is_null().mean() < 0.2


def test_device_farm(traces: Traces) -> None:
    farmed, honest = traces.of("device_farm"), traces.of("honest").head(300)
    assert share_of_top(farmed, SUBNET, 5) > 0.7 > 2 * share_of_top(honest, SUBNET, 5)
    assert share_of_top(farmed, "device_model", 5) > 0.8
    assert share_of_top(honest, "device_model", 5) < 0.55
    assert share_of_top(farmed, "os_version", 2) > 0.8 > share_of_top(honest, "os_version", 2)
    ids = farmed["advertising_id"].drop_nulls()
    assert ids.is_unique().all()
    seen = traces.clicks.filter(pl.col("advertising_id").is_in(ids.implode()))
    assert len(seen) == len(ids)  # one click each, the one that won
    assert share_of_busiest_hours(farmed) > 0.6 > 2 * share_of_busiest_hours(honest)
    assert 0.1 < traces.active("device_farm", 1) < 0.35
    assert traces.active("device_farm", 2) == 0
    assert (farmed["ctit"] < 10).mean() < 0.05  # no cut on CTIT finds them


def test_emulator_bots(traces: Traces) -> None:
    emulated = traces.of("emulator_bots")
    honest = traces.of("honest").filter(pl.col("platform") == "android").head(len(emulated))
    for column in ("device_model", "os_version"):
        assert entropy(emulated, column) > entropy(honest, column) + 0.05, column
    assert share_of_top(emulated, "device_model", 3) < 0.7 * share_of_top(honest, "device_model", 3)
    assert interval_variation(emulated) < 0.6
    assert interval_variation(honest) > 0.85
    assert traces.active("emulator_bots", 2) == 0
    # The deviation of CTIT is small beside its mean: a timer again.
    variation = [rows["ctit"].std() / rows["ctit"].mean() for rows in (emulated, honest)]
    assert variation[0] < 0.8 < variation[1]


def test_smart_bots(traces: Traces) -> None:
    bots, honest = traces.of("smart_bots"), traces.of("honest")
    # Nothing an install tells gives them away …
    assert 0.6 < bots["ctit"].median() / honest["ctit"].median() < 1.7
    assert share_of_top(bots, SUBNET, 5) < 1.8 * share_of_top(honest.head(300), SUBNET, 5)
    assert share_of_busiest_hours(bots) < 1.3 * share_of_busiest_hours(honest)
    # … but they stay as long as nobody stays, at an hour of their own,
    fall = [traces.active(kind, 4) / traces.active(kind, 1) for kind in ("smart_bots", "honest")]
    assert fall[0] > 0.75
    assert fall[1] < 0.6
    logins = traces.events.filter(
        pl.col("event_name") == "af_login", pl.col("event_time") > pl.col("install_time")
    ).with_columns(
        age=(moment("event_time").dt.date() - moment("install_time").dt.date()).dt.total_days(),
        second=pl.col("event_time").str.slice(11, 8),
    )
    again = logins.filter(pl.col("age") > 0).join(
        traces.installs.select("appsflyer_id", "kind"), on="appsflyer_id"
    )
    hours = again.group_by("kind", "appsflyer_id").agg(pl.col("second").n_unique(), pl.len())
    several = hours.filter(pl.col("len") > 1)
    same = dict(several.group_by("kind").agg((pl.col("second") == 1).mean()).iter_rows())
    assert same["smart_bots"] == 1.0
    assert same["honest"] < 0.05
    # … along one path of events, the same at every sub-publisher.
    paths = traces.events.join(traces.of("smart_bots"), on="appsflyer_id", how="semi")
    steps = (
        paths.filter(MIDDLES)
        .group_by("appsflyer_id", day=moment("event_time").dt.date())
        .agg(pl.len(), pl.col("af_sub_siteid").first())
    )
    assert (steps["len"] == 3).mean() > 0.9
    assert steps.filter(pl.col("len") == 3)["af_sub_siteid"].n_unique() == 8
    assert share_of_top(bots, "af_sub_siteid", 1) < 0.25  # spread evenly
    ids = bots["advertising_id"].drop_nulls()
    seen = traces.clicks.filter(pl.col("advertising_id").is_in(ids.implode()))
    assert len(seen) == len(ids)


def test_mixed_traffic(traces: Traces) -> None:
    mixed, honest = traces.of("mixed_traffic"), traces.of("honest")
    assert traces.active("mixed_traffic", 1) < 0.15
    assert traces.active("honest", 1) > 0.3
    assert share_of_busiest_hours(mixed) > 0.55 > 1.5 * share_of_busiest_hours(honest)
    # Real people at home, in the midst of honest volume.
    assert share_of_top(mixed, SUBNET, 5) < 1.8 * share_of_top(honest.head(300), SUBNET, 5)
    assert (mixed["ctit"] < 10).mean() < 0.1
    assert len(honest.filter(traces.by("mixed_traffic"))) > 15
    done = traces.events.join(mixed, on="appsflyer_id", how="semi").filter(MIDDLES)
    assert len(done) > 2 * len(mixed)  # what the reward asks for


def test_ad_stacking(traces: Traces) -> None:
    clicks = traces.clicks.drop_nulls("advertising_id").with_columns(
        second=pl.col("event_time").str.slice(0, 19), theirs=traces.by("ad_stacking")
    )
    taps = clicks.group_by("advertising_id", "second", "theirs").agg(pl.col("app_id").n_unique())
    stacked = dict(taps.group_by("theirs").agg((pl.col("app_id") >= 3).mean()).iter_rows())
    assert stacked[True] > 0.5
    assert stacked[False] < 0.001
    same = (
        clicks.filter("theirs")
        .group_by("advertising_id", "second")
        .agg(pl.col("event_time").n_unique(), pl.len())
    )
    tall = same.filter(pl.col("len") >= 3)
    assert (tall["event_time"] == 1).mean() > 0.8  # at one and the same millisecond
    claimed, honest = traces.of("ad_stacking"), traces.of("honest")
    assert (claimed["ctit"] > 3_600).mean() > 2 * (honest["ctit"] > 3_600).mean()
    robbed = traces.journeys.join(claimed, on="appsflyer_id", how="semi")
    assert set(robbed["true_source"]) == {"organic"}


def test_event_fraud(traces: Traces) -> None:
    bought = traces.events.filter(pl.col("event_name") == "af_purchase").join(
        traces.installs.select("appsflyer_id", "kind"), on="appsflyer_id"
    ).with_columns(
        after=(moment("event_time") - moment("install_time")).dt.total_seconds(),
        order=pl.col("event_value").str.json_path_match("$.af_order_id"),
    )  # fmt: skip
    paid = bought.filter(pl.col("kind") == "event_fraud")
    honest = bought.filter(pl.col("kind") == "honest")
    assert len(paid) > 0.8 * len(traces.of("event_fraud"))
    assert paid["after"].std() / paid["after"].mean() < 0.05
    assert honest["after"].std() / honest["after"].mean() > 0.8
    assert paid["order"].n_unique() < 0.3 * len(paid)
    assert honest["order"].is_unique().all()
    prepared = traces.events.filter(MIDDLES)["appsflyer_id"].unique().implode()
    assert not paid["appsflyer_id"].is_in(prepared).any()
    assert honest["appsflyer_id"].is_in(prepared).mean() > 0.95
    # The install itself looks ordinary.
    installs = traces.of("event_fraud")
    assert 0.6 < installs["ctit"].median() / traces.of("honest")["ctit"].median() < 1.7


def test_one_cut_on_ctit_does_not_find_the_fraud(traces: Traces) -> None:
    paid = traces.installs.filter(pl.col("kind") != "organic").with_columns(
        fraud=pl.col("attack").is_not_null()
    )
    for low, high in ((10, np.inf), (20, np.inf), (10, 7_200), (20, 7_200), (0, 3_600)):
        flagged = paid.filter((pl.col("ctit") < low) | (pl.col("ctit") > high))
        recall = flagged["fraud"].sum() / paid["fraud"].sum()
        assert min(flagged["fraud"].mean(), recall) < 0.6, (low, high)


def test_a_click_is_never_older_than_its_actor(traces: Traces, every_attack: Scenario) -> None:
    start = str(every_attack.start)
    fraud = traces.installs.filter(pl.col("attack").is_not_null())
    assert fraud["attributed_touch_time"].min() >= start
