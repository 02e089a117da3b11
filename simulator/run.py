"""Simulate a world and write its reports and its hidden truth."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from simulator.attacks import ATTACKS, Attack, ClickFlooding
from simulator.columns import REPORTS
from simulator.events import events_of_day
from simulator.frames import (
    INSTALL_SCHEMA,
    MISSING,
    assisting_touches,
    winning_touches,
)
from simulator.honest import idle_clicks, organic_installs, paid_installs
from simulator.randomness import Ints, stream
from simulator.render import Renderer, with_reason
from simulator.scenario import DAY_MS, Scenario
from simulator.text import look_up, time_text
from simulator.verdicts import Verdicts, judge
from simulator.world import World, make_world
from simulator.writing import ReportWriter, arrival_delays
from warehouse.errors import UserError

FEWEST_CLICKS = 1_000
Progress = Callable[[str], None]


@dataclass(frozen=True)
class SimulationSummary:
    """What a run wrote.

    `rows` counts rows by report, duplicated postbacks included; `installs` distinct installs
    including blocked ones; `fraudulent` those of the hidden truth by attack; `files` and `bytes`
    cover reports and truth.
    """

    rows: dict[str, int]
    installs: int
    organic_installs: int
    fraudulent: dict[str, int]
    files: int
    bytes: int


def simulate(
    out: Path,
    days: int,
    clicks: int,
    seed: int,
    start: date = date(2026, 1, 1),
    progress: Progress | None = None,
    scenario: Scenario | None = None,
) -> SimulationSummary:
    """Write `days` days of reports with exactly `clicks` clicks, and `truth.parquet`, to `out`.

    The reports hold a sample in which clicks convert more often than in the wild (see
    `Scenario`): about 4 installs per 100 clicks, a fifth of them organic and a fifth
    fraudulent. Same arguments, same contents. Raises `UserError` for arguments that make no
    world, or an `out` that is a file or holds anything.
    """
    out = Path(out)
    _check(out, days, clicks, seed)
    say = progress if progress is not None else _silent
    world = make_world(scenario or Scenario(), seed, start, days, clicks)
    attacks = [
        ATTACKS[settings.attack](world, actor)
        for actor, settings in enumerate(world.scenario.attacks)
    ]
    say("planning installs")
    plan = plan_installs(world, attacks)
    verdicts = judge(world, plan)
    out.mkdir(parents=True, exist_ok=True)
    writers = {report: ReportWriter(out, report, start) for report in REPORTS}
    renderer = Renderer(world)
    rendered = renderer.installs(plan)
    _write_installs(world, plan, rendered, verdicts, writers)
    _write_clicks(world, attacks, plan, renderer, writers["clicks"], say)
    _write_events(world, plan, rendered, verdicts, renderer, writers["in_app_events"], say)
    truth = truth_rows(world, plan, rendered)
    truth.write_parquet(out / "truth.parquet")
    return _summary(out, plan, truth, writers)


def _silent(_: str) -> None:
    """Say nothing."""


def _check(out: Path, days: int, clicks: int, seed: int) -> None:
    if days < 1:
        raise UserError(f"cannot simulate {days} days", hint="ask for at least 1 day")
    if clicks < FEWEST_CLICKS:
        raise UserError(
            f"cannot simulate {clicks} clicks", hint=f"ask for at least {FEWEST_CLICKS:,} clicks"
        )
    if seed < 0:
        raise UserError(f"cannot use seed {seed}", hint="choose a seed of 0 or more")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is not a folder", hint="name a new or empty folder")
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out} is not empty", hint="name a new or empty folder, or remove it")


def plan_installs(world: World, attacks: list[Attack]) -> pl.DataFrame:
    """Plan every install of the span in order of time; later ones fall out of the reports."""
    total, scenario = world.installs, world.scenario
    organic = round(total * scenario.organic_share)
    honest = round(total * (1 - scenario.organic_share - scenario.fraud_share))
    paid = paid_installs(world, honest, round(honest * scenario.push_campaign_share))
    plans = [organic_installs(world, organic)]
    for attack in attacks:
        plans.append(attack.installs(round(total * attack.settings.install_share)))
        if isinstance(attack, ClickFlooding):
            paid = attack.assist(paid)
    installs = pl.concat([paid, *plans]).select(*INSTALL_SCHEMA)
    inside = installs.filter(pl.col("install_ms").is_between(world.start_ms, world.end_ms - 1))
    # A device installs an app once; who installed it first keeps it.
    return inside.sort("install_ms", maintain_order=True).unique(
        ["device", "app"], keep="first", maintain_order=True
    )


def truth_rows(world: World, plan: pl.DataFrame, rendered: pl.DataFrame) -> pl.DataFrame:
    """One row per fraudulent install, blocked ones included; absence means honest."""
    actor = plan["actor"].to_numpy()
    attacks = pl.Series([item.attack for item in world.scenario.attacks], dtype=pl.String)
    actors = pl.Series([item.actor for item in world.scenario.attacks], dtype=pl.String)
    rows = rendered.select("app_id", "appsflyer_id", "install_time").with_columns(
        look_up(attacks, actor).alias("attack"), look_up(actors, actor).alias("actor")
    )
    return rows.filter(pl.col("attack").is_not_null())


def _write_installs(
    world: World,
    plan: pl.DataFrame,
    rendered: pl.DataFrame,
    verdicts: Verdicts,
    writers: dict[str, ReportWriter],
) -> None:
    rng = stream(world.seed, "install arrivals")
    scenario = world.scenario
    day = (plan["install_ms"].to_numpy() - world.start_ms) // DAY_MS
    arrival = day + arrival_delays(rng, len(plan), scenario.late_share["installs"])
    kept = ~verdicts.blocked
    _add_with_duplicates(
        writers["installs"],
        rendered.filter(kept),
        arrival[kept],
        rng,
        scenario.duplicate_share["installs"],
    )
    blocked = verdicts.blocked
    rows = with_reason(rendered.filter(blocked), verdicts.reason[blocked], "blocked")
    writers["blocked_installs"].add(rows, day[blocked])
    found = np.flatnonzero(verdicts.detected)
    found = found[np.argsort(verdicts.detected_ms[found], kind="stable")]
    rows = with_reason(rendered[found], verdicts.reason[found], "fraud")
    rows = rows.with_columns(detection_date=time_text(verdicts.detected_ms[found]))
    writers["detection"].add(rows, (verdicts.detected_ms[found] - world.start_ms) // DAY_MS)
    for report in ("installs", "blocked_installs", "detection"):
        writers[report].close_days()


def _add_with_duplicates(
    writer: ReportWriter,
    rows: pl.DataFrame,
    arrival: Ints,
    rng: np.random.Generator,
    duplicate_share: float,
) -> None:
    """Add rows, some of them twice: half of the repeats arrive a day later."""
    repeated = np.flatnonzero(rng.random(len(rows)) < duplicate_share)
    writer.add(rows, arrival)
    writer.add(rows[repeated], arrival[repeated] + rng.integers(0, 2, len(repeated)))


def _write_clicks(
    world: World,
    attacks: list[Attack],
    plan: pl.DataFrame,
    renderer: Renderer,
    writer: ReportWriter,
    say: Progress,
) -> None:
    rng = stream(world.seed, "clicks")
    told = pl.concat([winning_touches(plan), assisting_touches(plan, world.population, rng)])
    told_day = (told["click_ms"].to_numpy() - world.start_ms) // DAY_MS
    budgets = [
        rng.multinomial(
            round(
                len(plan.filter(pl.col("actor") == a.actor)) * (a.settings.clicks_per_install - 1)
            ),
            world.actor_weights(a.actor) / world.actor_weights(a.actor).sum(),
        )
        for a in attacks
    ]
    rest = max(world.clicks - len(told) - sum(int(b.sum()) for b in budgets), 0)
    pushed = round(rest * world.scenario.push_campaign_share)
    honest = rng.multinomial(rest - pushed, world.weekly / world.weekly.sum())
    for day in range(world.days):
        say(f"clicks of day {day + 1} of {world.days}")
        touches = pl.concat(
            [
                told.filter(pl.Series(told_day == day)),
                idle_clicks(world, day, int(honest[day]), pushed if day == world.days // 2 else 0),
                *(a.idle_clicks(day, int(b[day])) for a, b in zip(attacks, budgets, strict=True)),
            ]
        ).sort("click_ms", maintain_order=True)
        late = arrival_delays(rng, len(touches), world.scenario.late_share["clicks"])
        writer.add(renderer.clicks(touches), day + late)
        writer.close_days(before=day + 1)
    writer.close_days()


def _write_events(
    world: World,
    plan: pl.DataFrame,
    rendered: pl.DataFrame,
    verdicts: Verdicts,
    renderer: Renderer,
    writer: ReportWriter,
    say: Progress,
) -> None:
    rng = stream(world.seed, "event arrivals")
    scenario = world.scenario
    kept = ~verdicts.blocked
    plan, rendered = plan.filter(kept), rendered.filter(kept)
    for day in range(world.days):
        say(f"in-app events of day {day + 1} of {world.days}")
        events = events_of_day(world, plan, day)
        if len(events.install):
            rows = renderer.events(events, plan, rendered, stream(world.seed, "event ips", day))
            event_day = (events.event_ms - world.start_ms) // DAY_MS
            late = arrival_delays(rng, len(rows), scenario.late_share["in_app_events"])
            _add_with_duplicates(
                writer, rows, event_day + late, rng, scenario.duplicate_share["in_app_events"]
            )
        writer.close_days(before=day + 1)
    writer.close_days()


def _summary(
    out: Path, plan: pl.DataFrame, truth: pl.DataFrame, writers: dict[str, ReportWriter]
) -> SimulationSummary:
    counts = truth["attack"].value_counts().sort("attack")
    return SimulationSummary(
        rows={report: writer.rows for report, writer in writers.items()},
        installs=len(plan),
        organic_installs=len(plan.filter(pl.col("click_ms") == MISSING)),
        fraudulent=dict(counts.iter_rows()),
        files=1 + sum(writer.files for writer in writers.values()),
        bytes=(out / "truth.parquet").stat().st_size
        + sum(writer.bytes for writer in writers.values()),
    )
