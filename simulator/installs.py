"""Writes installs, blocks, verdicts, events and the hidden truth, one planned day after another."""

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import parquet

from clickward.simulator.attacks import ATTACKS, NAMES, State
from clickward.simulator.planning import DayPlan
from clickward.simulator.randomness import Ints, stream
from clickward.simulator.reports.render import Columns, Renderer, take
from clickward.simulator.reports.text import ip_text, look_up, time_text, uuid_text
from clickward.simulator.reports.writing import lateness, with_duplicates, write_day
from clickward.simulator.scenario import DAY_MS
from clickward.simulator.verdicts import accuse
from clickward.simulator.world.catalogue import KINDS
from clickward.simulator.world.events import LONGEST_DAYS, PURCHASE, Events, events_of_day, moving
from clickward.simulator.world.frames import NOBODY, TOUCH_SCHEMA, told_touches
from clickward.simulator.world.world import World

LAST_VERDICT_DAYS = 7  # after the span: later verdicts do not exist yet
_REASONS = pa.array([attack.reason[0] for attack in ATTACKS.values()])
_SUB_REASONS = pa.array([attack.reason[1] for attack in ATTACKS.values()])


class InstallWriter:
    """Takes the plans of the days in order; holds a month of installs for their events."""

    def __init__(self, world: World, out: Path) -> None:
        self._world, self._out = world, out
        self._start = world.scenario.start
        self._negatives = world.scenario.hard_negatives
        self._renderer = Renderer(world)
        self._told: dict[int, list[pl.DataFrame]] = {}
        self._cohorts: list[tuple[int, pl.DataFrame]] = []
        self._verdicts: dict[int, list[Columns]] = {}
        self._truth: list[pa.Table] = []
        self._journeys: list[pa.Table] = []
        self._actors: list[dict[str, object]] = []
        self.rows: Counter[str] = Counter()
        self.fraudulent: Counter[str] = Counter()
        self.count = self.organic = self.blocked = 0

    def write(self, plan: DayPlan) -> None:
        """Write a day's installs, blocks and events, and the verdicts that are due."""
        rendered = self._renderer.installs(plan.installs)
        blocked = plan.blocks.blocked
        self._count(plan)
        self._write_installs(plan, rendered)
        self._keep_told(plan.installs)
        self._keep_truth(plan, rendered)
        self._accuse(plan, rendered)
        self._write_verdicts(plan.day)
        self._cohorts = [one for one in self._cohorts if one[0] >= plan.day - LONGEST_DAYS]
        self._cohorts.append((plan.day, plan.installs.filter(pl.Series(~blocked))))
        self._write_events(plan.day)

    def take_told(self, day: int) -> pl.DataFrame:
        """The clicks of a day that installs tell of; asked once, when they are complete."""
        parts = self._told.pop(day, [])
        return pl.concat(parts) if parts else pl.DataFrame(schema=TOUCH_SCHEMA)

    def close(self) -> None:
        """Write the verdicts of the last week and the hidden tables."""
        for day in range(self._world.days, self._world.days + LAST_VERDICT_DAYS):
            self._write_verdicts(day)
        parquet.write_table(pa.concat_tables(self._truth), self._out / "truth.parquet")
        # A name that begins so is no report: loading the folder leaves it out.
        hidden = self._out / "_world"
        hidden.mkdir()
        parquet.write_table(pa.concat_tables(self._journeys), hidden / "journeys.parquet")
        pl.DataFrame(self._actors, schema=_ACTOR_SCHEMA).write_parquet(hidden / "actors.parquet")
        for report in ("installs", "blocked_installs", "in_app_events", "detection"):
            self.rows[report] += 0

    def _count(self, plan: DayPlan) -> None:
        installs, actor = plan.installs, plan.installs["actor"].to_numpy()
        self.count += len(installs)
        self.organic += int((installs["sub"] < 0).sum())
        self.blocked += int(plan.blocks.blocked.sum())
        for attack, count in installs.filter(pl.col("attack") >= 0)["attack"].value_counts().rows():
            self.fraudulent[NAMES[attack]] += count
        for number, settings in enumerate(self._world.scenario.actors):
            mine = actor == number
            state: State = plan.states[number]
            self._actors.append(
                {
                    "date": self._start.fromordinal(self._start.toordinal() + plan.day),
                    "actor": settings.name,
                    "attack": state.attack,
                    "mimicry": state.mimicry,
                    "sub_publishers": len(state.subs),
                    "dilution": state.dilution,
                    "installs": int(mine.sum()),
                    "blocked": int((mine & plan.blocks.blocked).sum()),
                }
            )

    def _write_installs(self, plan: DayPlan, rendered: Columns) -> None:
        rng = stream(self._world.seed, "install arrivals", plan.day)
        kept = np.flatnonzero(~plan.blocks.blocked)
        late = lateness(rng, plan.day, len(kept), self._negatives.late_installs)
        rows, late = with_duplicates(
            rng, plan.day, take(rendered, kept), late, self._negatives.duplicated_installs
        )
        self._write("installs", plan.day, rows, late)
        found = np.flatnonzero(plan.blocks.blocked)
        rows = with_reason(take(rendered, found), plan.blocks.reason[found], "blocked")
        self._write("blocked_installs", plan.day, rows, np.zeros(len(found), np.int64))

    def _write(self, report: str, day: int, columns: Columns, late: Ints) -> None:
        self.rows[report] += write_day(self._out, self._start, report, day, columns, late).rows

    def _keep_told(self, installs: pl.DataFrame) -> None:
        told = told_touches(installs).filter(pl.col("click_ms") >= self._world.start_ms)
        days = (told["click_ms"] - self._world.start_ms) // DAY_MS
        for day in days.unique().sort().to_list():
            self._told.setdefault(day, []).append(told.filter(days == day))

    def _accuse(self, plan: DayPlan, rendered: Columns) -> None:
        verdict = accuse(self._world, plan.day, plan.installs, plan.blocks.blocked)
        if not len(verdict.install):
            return
        rows = with_reason(take(rendered, verdict.install), verdict.reason, "fraud")
        rows["detection_date"] = time_text(verdict.given_ms)
        days = (verdict.given_ms - self._world.start_ms) // DAY_MS
        for day in np.unique(days).tolist():
            mine = np.flatnonzero(days == day)
            self._verdicts.setdefault(day, []).append(take(rows, mine))

    def _write_verdicts(self, day: int) -> None:
        waiting = self._verdicts.pop(day, [])
        if waiting:
            table = pa.concat_tables([pa.table(columns) for columns in waiting])
            self._write("detection", day, _columns(table), np.zeros(len(table), np.int64))

    def _keep_truth(self, plan: DayPlan, rendered: Columns) -> None:
        actor, attack = plan.installs["actor"].to_numpy(), plan.installs["attack"].to_numpy()
        names = pa.array([one.name for one in self._world.scenario.actors], pa.string())
        keys = {name: rendered[name] for name in ("app_id", "appsflyer_id", "install_time")}
        truth = keys | {
            "attack": look_up(pa.array(NAMES), attack),
            "actor": look_up(names, actor),
        }
        self._truth.append(_plain(truth, np.flatnonzero(attack >= 0)))
        sub, true_sub = plan.installs["sub"].to_numpy(), plan.installs["true_sub"].to_numpy()
        sources = pa.array([*self._world.publishers.sub_id, "nobody", "organic"])
        # NOBODY is -2 and ORGANIC -1: the last two names.
        count = len(sources) + NOBODY
        journeys = keys | {
            "winner": look_up(sources, np.where(sub < 0, count + 1, sub)),
            "true_source": look_up(
                sources, np.where(true_sub < 0, len(sources) + true_sub, true_sub)
            ),
        }
        self._journeys.append(_plain(journeys, np.flatnonzero((sub != true_sub) | (attack >= 0))))

    def _write_events(self, day: int) -> None:
        installs = pl.concat([cohort for _, cohort in self._cohorts])
        events = events_of_day(self._world, installs, day)
        if not len(events.install):
            return
        plan = installs[events.install]
        columns = self._event_columns(events, plan, stream(self._world.seed, "event ips", day))
        rng = stream(self._world.seed, "event arrivals", day)
        late = lateness(rng, day, len(plan), self._negatives.late_events)
        # A session late in the evening runs into the next day, and is in that day's folder.
        after = (events.event_ms - self._world.day_start(day)) // DAY_MS
        late = np.maximum(late, after)
        columns, late = with_duplicates(rng, day, columns, late, self._negatives.duplicated_events)
        self._write("in_app_events", day, columns, late)

    def _event_columns(
        self, events: Events, plan: pl.DataFrame, rng: np.random.Generator
    ) -> Columns:
        """The install's row with the event's own fields."""
        device, behaviour = plan["device"].to_numpy(), plan["behaviour"].to_numpy()
        where = self._world.population.connect(rng, device, events.event_ms)
        ip = np.where(moving(behaviour), where.ip, plan["ip"].to_numpy())
        names = pa.array(["af_login", "af_purchase", *[middle for _, middle, *_ in KINDS]])
        middle = 2 + self._world.apps.kind[plan["app"].to_numpy()]
        which = np.select([events.kind == 0, events.kind == PURCHASE], [0, 1], middle)
        bought = events.kind == PURCHASE
        amount = pl.Series(np.where(bought, events.price, 0.0)).round(2).cast(pl.String)
        order = pl.from_arrow(uuid_text(events.order, 66))
        detail = '{"af_revenue":"' + amount + '","af_order_id":"' + order + '"}'
        told = pl.select(
            amount=pl.when(pl.Series(bought)).then(amount),
            detail=pl.when(pl.Series(bought)).then(detail),
        )
        revenue = told["amount"].to_arrow().cast(pa.string())
        columns = self._renderer.installs(plan)
        for name in ("af_cost_model", "af_cost_value", "af_cost_currency"):
            del columns[name]
        return columns | {
            "event_time": time_text(events.event_ms),
            "event_name": look_up(names, which),
            "event_value": told["detail"].to_arrow().cast(pa.string()),
            "event_revenue": revenue,
            "event_revenue_usd": revenue,
            "event_revenue_currency": look_up(pa.array(["USD"]), np.where(bought, 0, -1)),
            "ip": ip_text(ip),
        }


_ACTOR_SCHEMA = {
    "date": pl.Date,
    "actor": pl.String,
    "attack": pl.String,
    "mimicry": pl.Float64,
    "sub_publishers": pl.Int64,
    "dilution": pl.Float64,
    "installs": pl.Int64,
    "blocked": pl.Int64,
}


def with_reason(columns: Columns, reason: Ints, prefix: str) -> Columns:
    """Add `<prefix>_reason` and `<prefix>_sub_reason` from indexes into the attacks' names."""
    return columns | {
        f"{prefix}_reason": look_up(_REASONS, reason),
        f"{prefix}_sub_reason": look_up(_SUB_REASONS, reason),
    }


def _columns(table: pa.Table) -> Columns:
    """Columns of a table, each one array."""
    return {name: table.column(name).combine_chunks() for name in table.column_names}


def _plain(columns: Columns, rows: Ints) -> pa.Table:
    """Rows of columns as plain text."""
    return pa.table(
        {name: values.take(pa.array(rows)).cast(pa.string()) for name, values in columns.items()}
    )
