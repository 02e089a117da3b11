"""Small seeded worlds for the plots of the simulator's page, and how their reports are read."""

import sys
from pathlib import Path

import polars as pl

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from clickward.simulator import Scenario, load_scenario, simulate  # noqa: E402
from clickward.simulator.attacks import NAMES  # noqa: E402

SEED = 7


def plain_attacks() -> Scenario:
    """An actor per attack from the first day to the last, who neither mimics nor reacts."""
    base = busy("default", 400_000, 0.03)
    actors = {
        actor.attack: actor.model_copy(
            update={
                "budget": 0.06,
                "click_ratio": 0.5,
                "start": 0.0,
                "ramp": 0.0,
                "end": 1.0,
                "mimicry": 0.0,
                "cover": 0.0,
                "reactions": (),
            }
        )
        for actor in base.actors
    }
    return base.model_copy(update={"actors": tuple(actors[name] for name in NAMES)})


def busy(name: str, clicks: int, conversion: float) -> Scenario:
    """A built-in scenario with few clicks, of which many convert."""
    base = changed(name, clicks=clicks)
    traffic = base.traffic.model_copy(update={"conversion": conversion})
    return base.model_copy(update={"traffic": traffic})


def changed(name: str, **changes: object) -> Scenario:
    """A built-in scenario with some fields changed."""
    found = load_scenario(name, seed=SEED, **changes)
    assert isinstance(found, Scenario)
    return found


def write_world(folder: str, name: str, scenario: Scenario) -> Path:
    """Simulate a scenario into a new folder."""
    out = Path(folder) / name
    simulate(scenario, out, workers=1)
    return out


def _scan(world: Path, report: str) -> pl.LazyFrame:
    return pl.scan_parquet(world / f"t={report}" / "*" / "*.parquet", hive_partitioning=False)


def _moment(rows: pl.LazyFrame, columns: list[str]) -> pl.LazyFrame:
    """Some columns, those of times as instants."""
    return rows.select(
        pl.col(name).str.to_datetime("%Y-%m-%d %H:%M:%S%.3f") if name.endswith("_time") else name
        for name in columns
    )


def labelled(world: Path) -> pl.DataFrame:
    """Installs, blocked ones too: CTIT in seconds, attack and actor by the truth (else null)."""
    columns = ["appsflyer_id", "install_time", "attributed_touch_time", "media_source"]
    parts = [_moment(_scan(world, name), columns) for name in ("installs", "blocked_installs")]
    truth = pl.read_parquet(world / "truth.parquet").select("appsflyer_id", "attack", "actor")
    wait = pl.col("install_time") - pl.col("attributed_touch_time")
    return (
        pl.concat(parts)
        .unique(maintain_order=True)
        .collect()
        .join(truth, on="appsflyer_id", how="left", maintain_order="left")
        .with_columns(ctit=wait.dt.total_milliseconds() / 1_000)
        .sort("install_time", "appsflyer_id")
    )


def clicks_by_hour(world: Path) -> pl.DataFrame:
    """Clicks of every hour of the span."""
    moments = _moment(_scan(world, "clicks"), ["event_time"])
    hour = pl.col("event_time").dt.truncate("1h")
    return moments.group_by(hour=hour).agg(clicks=pl.len()).sort("hour").collect()


def active_by_age(world: Path, longest: int) -> pl.DataFrame:
    """Share of installs with an event on a day after the install, by kind and days since.

    A kind is an attack, "honest" or "organic"; only installs that had all the days to come back
    count.
    """
    organic = pl.when(pl.col("media_source") == "organic").then(pl.lit("organic"))
    installs = labelled(world).select(
        "appsflyer_id",
        day=pl.col("install_time").dt.date(),
        kind=pl.coalesce("attack", organic, pl.lit("honest")),
    )
    cohort = installs.filter(
        pl.col("day") < pl.col("day").max() - pl.duration(days=longest),
    )
    events = _moment(_scan(world, "in_app_events"), ["appsflyer_id", "event_time"]).collect()
    active = (
        events.join(cohort, on="appsflyer_id")
        .with_columns(age=(pl.col("event_time").dt.date() - pl.col("day")).dt.total_days())
        .group_by("kind", "age")
        .agg(active=pl.col("appsflyer_id").n_unique())
    )
    sizes = cohort.group_by("kind").agg(installs=pl.len())
    return (
        sizes.join(pl.DataFrame({"age": range(1, longest + 1)}), how="cross")
        .join(active, on=["kind", "age"], how="left")
        .with_columns(share=pl.col("active").fill_null(0) / pl.col("installs"))
        .sort("kind", "age")
    )
