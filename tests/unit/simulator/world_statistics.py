"""Figures of a simulated week, taken as the public click data's were: on a sample of its clicks.

The contest's published sample holds 100,000 clicks; so does ours. A week comes from written
reports, or straight from the generators, which is quicker and lets a test break one of them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from simulated_reports import Reports, moment

from clickward.simulator import Scenario
from clickward.simulator.clicks import ClickDay, ClickWriter
from clickward.simulator.planning import DayPlan, Planner
from clickward.simulator.scenario import DAY_MS
from clickward.simulator.world.events import events_of_day
from clickward.simulator.world.frames import TOUCH_SCHEMA, told_touches
from clickward.simulator.world.world import World

SAMPLE = 100_000
DRAWS = 10  # conversions are rare: their rates are taken over several samples
BUCKETS = {"1": (1, 1), "2-4": (2, 4), "5-19": (5, 19), "20-99": (20, 99), "100+": (100, 10**9)}
LAST_AGE = 5


@dataclass(frozen=True)
class Week:
    """What the figures need of a week.

    `clicks` has `ip`, `app`, `hour` (UTC) and `converted`, `ctit` seconds of honest attributed
    installs, and `honest` an `install` and its `day`, with `active` its pairs of `install` and
    `age` in days.
    """

    clicks: pl.DataFrame
    ctit: pl.Series
    honest: pl.DataFrame
    active: pl.DataFrame


def written_week(reports: Reports) -> Week:
    """A week as its reports tell it."""
    keys = ["app_id", "attributed_touch_time", "af_sub_siteid"]
    installs = reports.labelled()
    # The winning click stands at the same millisecond at the same sub-publisher.
    won = installs.drop_nulls("attributed_touch_time").select(keys).unique()
    clicks = (
        reports.read("clicks", ["ip", *keys])
        .join(won.with_columns(converted=True), on=keys, how="left", maintain_order="left")
        .select(
            "ip",
            app="app_id",
            hour=moment("attributed_touch_time").dt.hour(),
            converted=pl.col("converted").fill_null(False),
        )
    )
    people = installs.filter(pl.col("kind").is_in(["honest", "organic"]))
    days = moment("install_time").dt.date()
    active = reports.read("in_app_events", ["appsflyer_id", "install_time", "event_time"]).select(
        install="appsflyer_id", age=(moment("event_time").dt.date() - days).dt.total_days()
    )
    honest = people.join(reports.read("blocked_installs"), on="appsflyer_id", how="anti")
    first = days.min()
    return Week(
        clicks,
        people.filter(pl.col("kind") == "honest")["ctit"],
        honest.select(install="appsflyer_id", day=(days - first).dt.total_days()),
        active.unique(),
    )


def generated_week(scenario: Scenario) -> Week:
    """The same week straight from the generators, without a file."""
    world = World(scenario)
    planner = Planner(world)
    plans = [planner.plan(day) for day in range(world.days)]
    return Week(
        _touches(world, plans),
        _honest_ctit(plans),
        *_activity(world, plans),
    )


def _touches(world: World, plans: list[DayPlan]) -> pl.DataFrame:
    installs = pl.concat([plan.installs for plan in plans])
    told = told_touches(installs)
    writer = ClickWriter(world.scenario, Path())
    days = []
    for plan in plans:
        today = (told["click_ms"] - world.start_ms) // DAY_MS == plan.day
        work = ClickDay(plan.day, told.filter(today), plan.states, plan.expected)
        days.append(writer.touches(work))
    keys = ["click_ms", "app", "sub"]
    won = installs.select(keys).unique().with_columns(converted=True)
    return (
        pl.concat(days)
        .select(*TOUCH_SCHEMA)
        .join(won, on=keys, how="left", maintain_order="left")
        .select(
            "ip",
            "app",
            hour=pl.col("click_ms") % DAY_MS // 3_600_000,
            converted=pl.col("converted").fill_null(False),
        )
    )


def _honest_ctit(plans: list[DayPlan]) -> pl.Series:
    installs = pl.concat([plan.installs for plan in plans])
    honest = installs.filter(pl.col("attack") < 0, pl.col("sub") >= 0)
    return (honest["install_ms"] - honest["click_ms"]) / 1_000


def _activity(world: World, plans: list[DayPlan]) -> tuple[pl.DataFrame, pl.DataFrame]:
    kept = [plan.installs.filter(pl.Series(~plan.blocks.blocked)) for plan in plans]
    day = (pl.col("install_ms") - world.start_ms) // DAY_MS
    active = []
    for today in range(world.days):
        known = pl.concat(kept[: today + 1])
        rows = events_of_day(world, known, today).install
        active.append(known[rows].select(install="serial", age=today - day))
    honest = pl.concat(kept).filter(pl.col("attack") < 0).select(install="serial", day=day)
    return honest, pl.concat(active).unique()


def statistics(week: Week) -> dict[str, float]:
    """Every figure by name; shares and rates are fractions, times in seconds."""
    sample = week.clicks.sample(min(SAMPLE, len(week.clicks)), seed=1)
    return {
        "conversion": week.clicks["converted"].mean(),
        **address_figures(sample),
        **conversion_by_address(week.clicks),
        "top_10_apps": top_share(sample, "app", 10),
        "hourly_peak_to_trough": peak_to_trough(sample),
        **ctit_figures(week.ctit),
        **retention_figures(week),
    }


def address_figures(sample: pl.DataFrame) -> dict[str, float]:
    """How many clicks addresses have."""
    uses = sample.group_by("ip").len()
    counted = sample.join(uses, on="ip")
    return {
        "addresses_seen_once": (uses["len"] == 1).mean(),
        "top_100_addresses": uses["len"].top_k(100).sum() / len(sample),
    } | {
        f"clicks_ip_{name}": counted["len"].is_between(low, high).mean()
        for name, (low, high) in BUCKETS.items()
    }


def conversion_by_address(clicks: pl.DataFrame) -> dict[str, float]:
    """How conversion goes with how often an address is in a sample."""
    shown, won = dict.fromkeys(BUCKETS, 0), dict.fromkeys(BUCKETS, 0)
    for seed in range(DRAWS):
        sample = clicks.sample(min(SAMPLE, len(clicks)), seed=seed)
        counted = sample.with_columns(n=pl.len().over("ip"))
        for name, (low, high) in BUCKETS.items():
            mine = counted.filter(pl.col("n").is_between(low, high))
            shown[name] += len(mine)
            won[name] += int(mine["converted"].sum())
    return {f"conversion_ip_{name}": won[name] / max(shown[name], 1) for name in BUCKETS}


def top_share(rows: pl.DataFrame, column: str, count: int) -> float:
    """Share of the rows that have one of a column's most frequent values."""
    return rows.group_by(column).len()["len"].top_k(count).sum() / len(rows)


def peak_to_trough(clicks: pl.DataFrame) -> float:
    """Clicks in the busiest hour of the day over those in the idlest."""
    hours = clicks.group_by("hour").len()["len"]
    return hours.max() / hours.min()


def ctit_figures(ctit: pl.Series) -> dict[str, float]:
    """Click-to-install time of honest attributed installs."""
    return {
        "ctit_median": ctit.median(),
        "ctit_under_10s": (ctit < 10).mean(),
        "ctit_under_60s": (ctit < 60).mean(),
        "ctit_under_1h": (ctit < 3_600).mean(),
        "ctit_under_2h": (ctit < 7_200).mean(),
    }


def retention_figures(week: Week) -> dict[str, float]:
    """Share of honest installs active a day later, and the exponent of its fall with age."""
    days = week.honest["day"].max() + 1
    active = week.active.join(week.honest, on="install")
    ages = np.arange(1, LAST_AGE + 1)
    cohorts = np.array([(week.honest["day"] + age < days).sum() for age in ages])
    back = np.array([((active["age"] == age) & (active["day"] + age < days)).sum() for age in ages])
    share = np.maximum(back, 0.5) / cohorts
    exponent, _ = np.polyfit(np.log(ages), np.log(share), 1, w=np.sqrt(np.maximum(back, 1)))
    return {"retention_day_1": float(share[0]), "retention_exponent": float(exponent)}
