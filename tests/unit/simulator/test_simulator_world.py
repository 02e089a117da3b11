"""What the world looks like: honest figures, each attack's trace, verdicts, hard negatives."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from simulated_reports import Reports, moment

from simulator.clock import hourly_weights, ramp_weights
from simulator.ctit import APP_STRETCH, honest_ctit_ms
from simulator.events import SCRIPT_RETURNS
from simulator.scenario import DEFAULT_ATTACKS, VerdictSettings

ATTACKS = ["click_flooding", "click_injection", "device_farm"]


def of_kind(installs: pl.DataFrame, kind: str) -> pl.DataFrame:
    return installs.filter(pl.col("kind") == kind)


def attacked_subs(installs: pl.DataFrame) -> pl.Series:
    return installs.filter(pl.col("attack").is_not_null())["af_sub_siteid"].unique()


def test_shares_of_organic_and_fraudulent_installs(reports: Reports) -> None:
    summary = reports.summary
    assert 0.15 < summary.organic_installs / summary.installs < 0.25
    assert 0.15 < sum(summary.fraudulent.values()) / summary.installs < 0.25
    assert 0.03 < summary.installs / summary.rows["clicks"] < 0.05


def test_honest_ctit_is_near_the_measured_quantiles(installs: pl.DataFrame) -> None:
    # Public click data: median 198 s, 2.2 % under 10 s, 28.6 % under 60 s, 72.7 % under 1 h.
    ctit = of_kind(installs, "honest")["ctit"]
    assert 140 < ctit.median() < 300
    assert 0.01 < (ctit < 10).mean() < 0.06
    assert 0.22 < (ctit < 60).mean() < 0.34
    assert 0.66 < (ctit < 3_600).mean() < 0.79
    assert ctit.max() <= 7 * 86_400


def test_large_apps_take_longer() -> None:
    rng = np.random.default_rng(1)
    small = np.median(honest_ctit_ms(rng, np.full(20_000, APP_STRETCH.min())))
    large = np.median(honest_ctit_ms(rng, np.full(20_000, APP_STRETCH.max())))
    assert large > 1.5 * small


def test_clean_traffic_follows_the_daily_cycle(reports: Reports, installs: pl.DataFrame) -> None:
    clean = reports.read("clicks").filter(
        ~pl.col("af_sub_siteid").is_in(attacked_subs(installs).implode()),
        pl.col("af_channel") != "push",
    )
    hours = clean.group_by(moment("event_time").dt.hour().alias("hour")).len().sort("hour")
    assert len(hours) == 24
    assert 7.0 < hours["len"].max() / hours["len"].min() < 11.0
    # 20:00 and 04:00 local time, seven hours ahead of UTC.
    assert hours["hour"][hours["len"].arg_max()] in (12, 13, 14)
    assert hours["hour"][hours["len"].arg_min()] in (20, 21, 22)


def test_hourly_weights_reach_the_stated_ratio() -> None:
    weights = hourly_weights(8.6, 7)
    assert weights.max() / weights.min() == pytest.approx(8.6)
    assert weights.argmax() == 13


def test_ramp_is_nothing_before_the_start_and_whole_after_it() -> None:
    weights = ramp_weights(10, start_share=0.5, ramp_share=0.3)
    assert (weights[:5] == 0).all()
    assert (np.diff(weights[4:8]) > 0).all()
    assert (weights[8:] == 1).all()


def test_addresses_are_mostly_rare_with_a_few_busy_ones(reports: Reports) -> None:
    clicks = reports.read("clicks")
    uses = clicks.group_by("ip").len()
    assert 0.35 < (uses["len"] == 1).mean() < 0.8
    assert 0.05 < uses["len"].top_k(100).sum() / len(clicks) < 0.25
    # The busy honest pool: four addresses of one carrier.
    busiest = uses.sort("len", descending=True)["ip"].head(3)
    carriers = clicks.filter(pl.col("ip").is_in(busiest.implode()))["carrier"]
    assert carriers.unique().to_list() == ["Smartfren"]
    assert 0.01 < clicks["ip"].str.contains(":").mean() < 0.12


def test_a_device_keeps_its_attributes(reports: Reports) -> None:
    clicks = reports.read("clicks").drop_nulls("advertising_id")
    varieties = clicks.group_by("advertising_id").agg(
        pl.col("device_model", "os_version", "country_code", "platform").n_unique(), pl.len()
    )
    assert (varieties["len"] > 1).sum() > 1_000
    for column in ("device_model", "os_version", "country_code", "platform"):
        assert varieties[column].max() == 1, column


def test_people_return_along_a_power_law_and_farms_do_not(
    reports: Reports, installs: pl.DataFrame
) -> None:
    start = moment("install_time").dt.date()
    last_full = start.max() - timedelta(days=3)
    # An id may be posted twice; the earliest installs have three days to come back in.
    cohort = (
        installs.join(reports.read("installs"), on="appsflyer_id", how="semi")
        .filter(start <= last_full)
        .select("appsflyer_id", "kind")
    )
    active = reports.read("in_app_events").select(
        "appsflyer_id",
        age=(moment("event_time").dt.date() - moment("install_time").dt.date()).dt.total_days(),
    )
    returned = (
        active.join(cohort, on="appsflyer_id")
        .group_by("kind", "age")
        .agg(pl.col("appsflyer_id").n_unique().alias("back"))
        .join(cohort.group_by("kind").len(), on="kind")
        .with_columns(share=pl.col("back") / pl.col("len"))
    )
    share = {
        (kind, age): value for kind, age, value in returned.select("kind", "age", "share").rows()
    }
    assert share["honest", 0] > 0.8
    assert 0.3 < share["honest", 1] < 0.5
    assert 0.4 < share["honest", 3] / share["honest", 1] < 0.7  # 3^-0.6 = 0.52
    # A fifth of the farmed installs log in on day 1 by script, none later.
    farmed = of_kind(installs, "device_farm").join(active, on="appsflyer_id")
    assert farmed["age"].max() == 1
    again = farmed.filter(pl.col("age") == 1)["appsflyer_id"].n_unique()
    count = farmed["appsflyer_id"].n_unique()
    assert again < SCRIPT_RETURNS * count + 3 * np.sqrt(SCRIPT_RETURNS * count)


def test_flooding_claims_installs_long_after_the_click(
    reports: Reports, installs: pl.DataFrame
) -> None:
    flooded, honest = of_kind(installs, "click_flooding"), of_kind(installs, "honest")
    late_share = (flooded["ctit"] > 3_600).mean()
    assert late_share > 2 * (honest["ctit"] > 3_600).mean()
    assert 0.6 < late_share < 0.97  # some look ordinary
    clicks = reports.read("clicks")
    subs = flooded["af_sub_siteid"].unique().implode()
    theirs = pl.col("af_sub_siteid").is_in(subs)
    rate = len(installs.filter(theirs)) / len(clicks.filter(theirs))
    clean = ~pl.col("af_sub_siteid").is_in(attacked_subs(installs).implode())
    clean_rate = len(installs.filter(clean)) / len(clicks.filter(clean))
    assert rate < 0.7 * clean_rate
    assert 0.2 < len(clicks.filter(theirs)) / len(clicks) < 0.5


def test_injected_clicks_fall_after_the_install_began(installs: pl.DataFrame) -> None:
    injected, honest = of_kind(installs, "click_injection"), of_kind(installs, "honest")
    after = (moment("attributed_touch_time") > moment("gp_install_begin")).alias("after")
    assert set(injected["platform"]) == {"android"}
    assert 0.7 < injected.select(after)["after"].mean() < 0.97
    assert 0.0 < honest.select(after)["after"].mean() < 0.05  # people do it now and then
    assert (injected["ctit"] < 20).mean() > 0.45
    assert (injected["ctit"] < 20).mean() > 5 * (honest["ctit"] < 20).mean()
    assert 0.25 < injected["contributor1_media_source"].is_not_null().mean() < 0.55


def test_farms_crowd_few_subnets_and_models_with_new_devices(
    reports: Reports, installs: pl.DataFrame
) -> None:
    subnet = pl.col("ip").str.extract(r"^(\d+\.\d+\.\d+)\.")
    farmed = of_kind(installs, "device_farm").with_columns(subnet=subnet)
    honest = of_kind(installs, "honest").with_columns(subnet=subnet).head(len(farmed))
    crowd = [rows["subnet"].value_counts()["count"].top_k(6).sum() for rows in (farmed, honest)]
    assert crowd[0] > 0.6 * len(farmed)
    assert crowd[0] > 2 * crowd[1]
    models = [
        rows["device_model"].value_counts()["count"].top_k(8).sum() for rows in (farmed, honest)
    ]
    assert models[0] > models[1]
    ids = farmed["advertising_id"].drop_nulls()
    assert ids.is_unique().all()
    seen = reports.read("clicks").filter(pl.col("advertising_id").is_in(ids.implode()))
    assert len(seen) == len(ids)  # one click each, the one that won
    assert (farmed["ctit"] < 10).mean() < 0.05  # no cut on CTIT finds them


def test_one_cut_on_ctit_does_not_find_the_fraud(installs: pl.DataFrame) -> None:
    paid = installs.filter(pl.col("kind") != "organic").with_columns(
        fraud=pl.col("attack").is_not_null()
    )
    for low, high in ((10, np.inf), (20, np.inf), (10, 7_200), (20, 7_200), (0, 3_600)):
        flagged = paid.filter((pl.col("ctit") < low) | (pl.col("ctit") > high))
        precision = flagged["fraud"].mean()
        recall = flagged["fraud"].sum() / paid["fraud"].sum()
        assert min(precision, recall) < 0.7, (low, high)


def test_attacked_sub_publishers_carry_honest_installs_in_clean_networks(
    installs: pl.DataFrame,
) -> None:
    paid = installs.filter(pl.col("kind") != "organic")
    subs = attacked_subs(installs)
    assert len(subs) > 15
    honest = of_kind(paid.filter(pl.col("af_sub_siteid").is_in(subs.implode())), "honest")
    assert honest["af_sub_siteid"].n_unique() > 0.7 * len(subs)
    networks = paid.filter(pl.col("af_sub_siteid").is_in(subs.implode()))["media_source"].unique()
    clean = paid.filter(~pl.col("af_sub_siteid").is_in(subs.implode()))["media_source"].unique()
    assert set(networks) < set(clean)


def test_the_push_campaign_is_a_surge_of_honest_traffic(reports: Reports) -> None:
    pushed = reports.read("clicks").filter(pl.col("campaign").str.ends_with("push_surge"))
    hours = pushed.group_by(moment("event_time").dt.truncate("1h").alias("hour")).len()
    assert hours["len"].max() > 10 * hours["len"].median()
    truth_subs = reports.labelled().filter(pl.col("attack").is_not_null())["af_sub_siteid"]
    assert not truth_subs.is_in(pushed["af_sub_siteid"].unique().implode()).any()


def test_actors_start_when_the_scenario_says(reports: Reports, installs: pl.DataFrame) -> None:
    first_day = moment("install_time").dt.date().min()
    begin = (
        installs.filter(pl.col("actor").is_not_null())
        .group_by("actor")
        .agg(moment("install_time").min().alias("first"), moment("attributed_touch_time").min())
    )
    world_start = installs.select(first_day).item()
    assert set(begin["actor"]) == {attack.actor for attack in DEFAULT_ATTACKS}
    late = begin.filter(pl.col("actor") == "farm_b").row(0, named=True)
    assert late["first"].date() >= world_start + timedelta(days=2)
    assert late["attributed_touch_time"].date() >= world_start + timedelta(days=2)


def verdicts(reports: Reports) -> pl.DataFrame:
    blocked = reports.read("blocked_installs").select(
        "appsflyer_id", reason="blocked_reason", delay=pl.lit(0.0)
    )
    found = reports.read("detection").select(
        "appsflyer_id",
        reason="fraud_reason",
        delay=(moment("detection_date") - moment("install_time")).dt.total_seconds() / 86_400,
    )
    return pl.concat([blocked, found])


def test_verdicts_have_the_stated_recall_and_few_false_positives(
    reports: Reports, installs: pl.DataFrame
) -> None:
    given = verdicts(reports)
    assert given["appsflyer_id"].is_unique().all()
    judged = installs.join(given, on="appsflyer_id", how="left")
    for attack, recall in VerdictSettings().recall.items():
        mine = of_kind(judged, attack)
        tolerance = 4 * np.sqrt(recall * (1 - recall) / len(mine))
        assert mine["reason"].is_not_null().mean() == pytest.approx(recall, abs=tolerance)
    assert 0.0 < of_kind(judged, "honest")["reason"].is_not_null().mean() < 0.009
    assert of_kind(judged, "organic")["reason"].null_count() == len(of_kind(judged, "organic"))


def test_reasons_are_in_the_vendors_spelling_and_mostly_right(
    reports: Reports, installs: pl.DataFrame
) -> None:
    judged = installs.join(verdicts(reports), on="appsflyer_id")
    spelled = {
        "click_flooding": "click_flooding",
        "click_injection": "install_hijacking",
        "device_farm": "bots",
    }
    assert set(judged["reason"]) == set(spelled.values())
    for attack in ATTACKS:
        assert 0.85 < (of_kind(judged, attack)["reason"] == spelled[attack]).mean() <= 1.0
    right = judged.filter(pl.col("attack").is_not_null())["attack"].replace(spelled)
    assert (right != judged.filter(pl.col("attack").is_not_null())["reason"]).any()


def test_detections_come_within_seven_days_in_the_folder_of_their_day(reports: Reports) -> None:
    found = reports.read("detection")
    assert (found["dt"] == found["detection_date"].str.slice(0, 10)).all()
    delays = verdicts(reports).filter(pl.col("delay") > 0)["delay"]
    assert delays.min() > 0
    assert delays.max() <= 7
    assert delays.max() > 4
    assert 1.5 < delays.median() < 3.5


def test_detection_repeats_the_row_of_the_install(reports: Reports) -> None:
    columns = ["appsflyer_id", "install_time", "media_source", "af_sub_siteid", "ip", "app_id"]
    found, known = reports.read("detection"), reports.read("installs")
    assert len(found) > 50
    assert len(found.join(known, on=columns, how="anti")) == 0
