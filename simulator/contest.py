"""Clicks in the format of the TalkingData contest, for speed tests at its full size.

Columns `ip,app,device,os,channel,click_time,attributed_time,is_attributed`, times UTC to the
second; ids are codes whose popularity follows Zipf's law with the scenario's exponents and
cardinalities. A conversion is followed by its install along the measured click-to-install times.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from clickward.simulator.randomness import Ints, stream, zipf_weights
from clickward.simulator.scenario import DAY_MS, Contest
from clickward.simulator.workers import pool
from clickward.simulator.world.clock import STEPS, moments_table, spread
from clickward.simulator.world.ctit import honest_ctit_ms

COLUMNS = ("ip", "app", "device", "os", "channel")
PART_CLICKS = 2_000_000
HOURS_AHEAD = 8.0  # the contest's traffic is China's


def simulate_contest(
    scenario: Contest, out: Path, say: Callable[[int], None], workers: int
) -> dict[str, int]:
    """Write one Parquet file per two million clicks, in order of time; returns the rows."""
    starts = np.arange(0, scenario.clicks, PART_CLICKS)
    done = 0
    jobs = [(scenario, out, number) for number in range(len(starts))]
    if workers <= 1:
        for job in jobs:
            rows = write_part(*job)
            done += rows
            say(rows)
        return {"clicks": done}
    with pool(workers) as submit:
        for part_written in [submit(write_part, *job) for job in jobs]:
            rows = part_written.result()
            done += rows
            say(rows)
    return {"clicks": done}


def write_part(scenario: Contest, out: Path, number: int) -> int:
    """Write one part of the span; parts are equal numbers of clicks, so their lengths differ."""
    first = number * PART_CLICKS
    count = min(PART_CLICKS, scenario.clicks - first)
    table = part(scenario, first, count, stream(scenario.seed, "contest", number))
    parquet.write_table(
        table,
        out / f"clicks-{number:05d}.parquet",
        compression="zstd",
        compression_level=1,
        write_statistics=False,
    )
    return count


def part(scenario: Contest, first: int, count: int, rng: np.random.Generator) -> pa.Table:
    """`count` clicks in order of time, of which `first` came before."""
    places = np.sort((first + rng.random(count) * count) / scenario.clicks)
    days = spread(scenario.clicks, np.ones(scenario.days))
    edges = np.concatenate([[0], np.cumsum(days)]) / scenario.clicks
    day = np.minimum(np.searchsorted(edges, places, "right") - 1, scenario.days - 1)
    inside = (places - edges[day]) / (edges[day + 1] - edges[day])
    table = moments_table(scenario.peak_to_trough, [HOURS_AHEAD])[0]
    at_ms = day * DAY_MS + np.interp(inside * STEPS, np.arange(STEPS) + 0.5, table).astype(np.int64)
    seconds = _start(scenario) + at_ms // 1_000
    columns = {name: _codes(scenario, name, rng, count) for name in COLUMNS}
    converted = rng.random(count) < scenario.conversion
    ctit = honest_ctit_ms(rng, np.ones(count)) // 1_000
    instant = pa.timestamp("s")
    return pa.table(
        {
            **{name: pa.array(codes.astype(np.int32)) for name, codes in columns.items()},
            "click_time": pa.array(seconds).cast(instant),
            "attributed_time": pa.array(seconds + ctit, mask=~converted).cast(instant),
            "is_attributed": pa.array(converted.astype(np.int8)),
        }
    )


def _start(scenario: Contest) -> int:
    return int(np.datetime64(scenario.start, "s").astype(np.int64))


def _codes(scenario: Contest, name: str, rng: np.random.Generator, count: int) -> Ints:
    """Draw codes by Zipf's law; a code's popularity says nothing about its number."""
    size = scenario.cardinality[name]  # type: ignore[index]
    weights = zipf_weights(size, scenario.zipf[name])  # type: ignore[index]
    ranks = np.searchsorted(np.cumsum(weights), rng.random(count)).clip(0, size - 1)
    numbers = stream(scenario.seed, "codes", name).permutation(size)
    return numbers[ranks]
