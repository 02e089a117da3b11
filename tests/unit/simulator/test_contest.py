"""Clicks in the contest's format: columns, order, cardinalities and skew, at any size."""

from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest

from clickward.simulator import Contest, SimulationSummary, load_scenario, simulate
from clickward.simulator.contest import HOURS_AHEAD, PART_CLICKS, part, write_part
from clickward.simulator.randomness import stream
from clickward.simulator.scenario import ContestColumn

COLUMNS = get_args(ContestColumn)
CLICKS = 200_000


def contest(**changes: object) -> Contest:
    """The contest's scenario with some fields changed."""
    found = load_scenario("talkingdata", **changes)
    assert isinstance(found, Contest)
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SimulationSummary]:
    """A small contest on disk."""
    out = tmp_path_factory.mktemp("contest") / "clicks"
    return out, simulate(contest(clicks=CLICKS), out)


@pytest.fixture(scope="module")
def clicks(written: tuple[Path, SimulationSummary]) -> pl.DataFrame:
    """Its clicks."""
    return pl.concat(pl.read_parquet(path) for path in sorted(written[0].glob("*.parquet")))


def test_the_file_has_the_contests_columns(
    written: tuple[Path, SimulationSummary], clicks: pl.DataFrame
) -> None:
    out, summary = written
    assert [path.name for path in out.rglob("*")] == ["clicks-00000.parquet"]
    assert clicks.columns == [*COLUMNS, "click_time", "attributed_time", "is_attributed"]
    assert all(clicks.schema[name] == pl.Int32 for name in COLUMNS)
    assert isinstance(clicks.schema["click_time"], pl.Datetime)
    assert len(clicks) == CLICKS
    assert summary.rows == {"clicks": CLICKS}
    assert summary.files == 1
    assert summary.bytes == (out / "clicks-00000.parquet").stat().st_size


def test_clicks_are_in_order_of_time_over_four_equal_days(clicks: pl.DataFrame) -> None:
    assert clicks["click_time"].is_sorted()
    days = clicks.group_by(pl.col("click_time").dt.date()).len().sort("click_time")
    assert [str(day) for day in days["click_time"]] == [f"2017-11-0{day}" for day in (6, 7, 8, 9)]
    assert days["len"].min() > 0.98 * days["len"].max()


def test_codes_have_the_cardinalities_of_the_contest(clicks: pl.DataFrame) -> None:
    for name, size in contest().cardinality.items():
        assert clicks[name].min() >= 0
        assert clicks[name].max() < size
    for name, share in (("app", 0.98), ("channel", 1.0), ("os", 0.98)):
        assert clicks[name].n_unique() >= share * contest().cardinality[name], name
    assert clicks["ip"].n_unique() > 50_000


def test_codes_follow_zipf(clicks: pl.DataFrame) -> None:
    for name, exponent in contest().zipf.items():
        uses = clicks[name].value_counts(sort=True)["count"].to_numpy()
        top = uses[: min(100, len(uses) // 4)]
        top = top[top > 50]
        slope, _ = np.polyfit(np.log(np.arange(1, len(top) + 1)), np.log(top), 1)
        assert -slope == pytest.approx(exponent, rel=0.15), name
    # A code's number says nothing about its popularity.
    popular = clicks["app"].value_counts(sort=True)["app"].head(10).to_numpy()
    assert popular.max() > 100


def test_conversions_are_as_rare_as_measured_and_have_their_time(clicks: pl.DataFrame) -> None:
    won = clicks.filter(pl.col("is_attributed") == 1)
    assert won.height / CLICKS == pytest.approx(contest().conversion, rel=0.15)
    assert set(clicks["is_attributed"]) == {0, 1}
    assert won["attributed_time"].null_count() == 0
    lost = clicks.filter(pl.col("is_attributed") == 0)
    assert lost["attributed_time"].null_count() == len(lost)


def test_conversions_take_the_measured_time() -> None:
    often = part(contest(clicks=60_000, conversion=0.5), 0, 60_000, stream(1, "often"))
    won = pl.DataFrame(pl.from_arrow(often)).filter(pl.col("is_attributed") == 1)
    ctit = (won["attributed_time"] - won["click_time"]).dt.total_seconds()
    assert ctit.min() > 0
    assert ctit.median() == pytest.approx(198, rel=0.2)
    assert (ctit < 3_600).mean() == pytest.approx(0.727, abs=0.03)


def test_the_day_has_chinas_hours(clicks: pl.DataFrame) -> None:
    hours = clicks.group_by(pl.col("click_time").dt.hour().alias("hour")).len().sort("len")
    assert hours["len"][-1] / hours["len"][0] == pytest.approx(8.6, rel=0.2)
    busiest = (hours["hour"][-1] + HOURS_AHEAD) % 24
    assert busiest in (19, 20, 21)


def test_same_seed_same_bytes_whoever_writes_them(tmp_path: Path) -> None:
    world = contest(clicks=20_000, days=1)
    for name, workers in (("a", 1), ("b", 2)):
        simulate(world, tmp_path / name, workers=workers)
    simulate(contest(clicks=20_000, days=1, seed=8), tmp_path / "c")
    first, again, other = (
        (tmp_path / name / "clicks-00000.parquet").read_bytes() for name in "abc"
    )
    assert first == again
    assert first != other


def test_parts_continue_each_other() -> None:
    whole = contest(clicks=2 * PART_CLICKS, days=2)
    first, second = (
        part(whole, number * PART_CLICKS, 1_000, stream(1, number)).column("click_time").to_pylist()
        for number in (0, 1)
    )
    assert str(first[0].date()) == "2017-11-06"
    assert max(first) <= min(second)
    assert {str(moment.date()) for moment in second} == {"2017-11-07"}


def test_a_part_of_the_full_size_is_what_is_left(tmp_path: Path) -> None:
    whole = contest(clicks=PART_CLICKS + 1_500)
    assert write_part(whole, tmp_path, 1) == 1_500
    rows = pl.read_parquet(tmp_path / "clicks-00001.parquet")
    assert len(rows) == 1_500
    assert rows["click_time"].dt.date().unique().to_list() == [rows["click_time"][-1].date()]
