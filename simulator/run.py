"""Simulate a world and write its reports and its hidden truth."""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clickward.simulator.attacks import State
from clickward.simulator.clicks import ClickDay, ClickWriter, open_writer, write_clicks
from clickward.simulator.contest import simulate_contest
from clickward.simulator.economics import write_economics
from clickward.simulator.installs import InstallWriter
from clickward.simulator.planning import Planner
from clickward.simulator.reports.writing import Written
from clickward.simulator.scenario import LOOKBACK_DAYS, AnyScenario, Contest, Scenario
from clickward.simulator.workers import pool
from clickward.simulator.world.world import World
from clickward.warehouse.errors import UsageError

# Below this many clicks a second process costs more than it saves.
CLICKS_WORTH_A_PROCESS = 400_000
Progress = Callable[[int], None]


@dataclass
class SimulationSummary:
    """What a run wrote.

    `rows` counts rows by report, duplicated postbacks included; `installs` distinct installs
    including blocked ones; `fraudulent` those of the hidden truth by attack; `files` and `bytes`
    cover everything in the folder.
    """

    scenario: str
    rows: dict[str, int] = field(default_factory=dict)
    installs: int = 0
    organic_installs: int = 0
    blocked_installs: int = 0
    fraudulent: dict[str, int] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0


def simulate(
    scenario: AnyScenario,
    out: Path,
    progress: Progress | None = None,
    workers: int | None = None,
) -> SimulationSummary:
    """Write a scenario's reports and hidden truth to `out`, a new or empty folder.

    Same scenario, same bytes, whatever `workers` (processes that write clicks; by default one
    per core for large worlds). `progress` hears of clicks as they are written. The folder appears
    whole, when all is written: a run that was killed leaves only a `.partial` folder beside it,
    which the next run removes. Raises `UsageError` for an `out` that is a file or holds anything.
    """
    out = Path(out)
    partial = _prepare(out)
    say = progress or _silent
    if workers is None:
        large = scenario.clicks >= CLICKS_WORTH_A_PROCESS
        workers = (os.cpu_count() or 1) if large else 1
    if isinstance(scenario, Contest):
        summary = SimulationSummary(
            scenario.name, rows=simulate_contest(scenario, partial, say, workers)
        )
    else:
        summary = _simulate_world(World(scenario), partial, say, workers)
    files = [path for path in partial.rglob("*") if path.is_file()]
    summary.files, summary.bytes = len(files), sum(path.stat().st_size for path in files)
    if out.is_dir():
        out.rmdir()
    partial.rename(out)
    return summary


def _silent(_clicks: int) -> None:
    """Say nothing."""


def _prepare(out: Path) -> Path:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is not a folder", hint="name a new or empty folder")
    if out.is_dir() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty", hint="name a new or empty folder, or remove it")
    partial = out.resolve().parent / f".{out.resolve().name}.partial"
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    return partial


def _simulate_world(world: World, out: Path, say: Progress, workers: int) -> SimulationSummary:
    planner, installs = Planner(world), InstallWriter(world, out)
    plans: dict[int, tuple[tuple[State, ...], tuple[float, ...]]] = {}
    clicks = Written()
    with _click_writers(world.scenario, out, workers) as submit:
        running: list[Future[Written]] = []
        for day in range(world.days + LOOKBACK_DAYS):
            if day < world.days:
                plan = planner.plan(day)
                plans[day] = plan.states, plan.expected
                installs.write(plan)
            # An install tells of clicks up to 7 days back: that day is complete now.
            complete = day - LOOKBACK_DAYS
            if complete >= 0:
                states, expected = plans.pop(complete)
                work = ClickDay(complete, installs.take_told(complete), states, expected)
                running.append(submit(work))
            while running and (running[0].done() or len(running) > 2 * workers):
                clicks += _told(running.pop(0).result(), say)
        for future in running:
            clicks += _told(future.result(), say)
    installs.close()
    write_economics(world, out)
    return SimulationSummary(
        scenario=world.scenario.name,
        rows={"clicks": clicks.rows, **installs.rows},
        installs=installs.count,
        organic_installs=installs.organic,
        blocked_installs=installs.blocked,
        fraudulent=dict(sorted(installs.fraudulent.items())),
    )


def _told(written: Written, say: Progress) -> Written:
    say(written.rows)
    return written


@contextmanager
def _click_writers(
    scenario: Scenario, out: Path, workers: int
) -> Iterator[Callable[[ClickDay], "Future[Written]"]]:
    """A function that writes a day's clicks, here or in another process."""
    if workers <= 1:
        writer = ClickWriter(scenario, out)

        def write_here(work: ClickDay) -> Future[Written]:
            future: Future[Written] = Future()
            future.set_result(writer.write(work))
            return future

        yield write_here
        return
    with pool(workers, open_writer, (scenario, out)) as submit:
        yield lambda work: submit(write_clicks, work)
