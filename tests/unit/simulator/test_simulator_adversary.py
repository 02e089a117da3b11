"""Attacks as policies: when actors come and go, and what they do about being blocked."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from simulated_reports import Reports, scenario

from clickward.simulator import Scenario
from clickward.simulator.attacks import ATTACKS, NAMES, State
from clickward.simulator.planning import DayPlan, Planner, diluted
from clickward.simulator.policy import (
    FEWEST_INSTALLS,
    MOST_DILUTION,
    MOST_MIMICRY,
    REVIEW_DAYS,
    Policies,
)
from clickward.simulator.scenario import Actor, Defender, Reaction
from clickward.simulator.world.clock import activity
from clickward.simulator.world.honest import paid_installs
from clickward.simulator.world.world import World


@dataclass(frozen=True)
class History:
    """Every day's plan of a world."""

    world: World
    plans: list[DayPlan]

    def installs(self) -> pl.DataFrame:
        """All installs with their `day`, `blocked`, and `ctit` in seconds."""
        return pl.concat(
            plan.installs.with_columns(
                day=pl.lit(plan.day),
                blocked=pl.Series(plan.blocks.blocked),
                ctit=(pl.col("install_ms") - pl.col("click_ms")) / 1_000,
            )
            for plan in self.plans
        )

    def number(self, name: str) -> int:
        """Index of an actor."""
        return [actor.name for actor in self.world.scenario.actors].index(name)

    def of(self, name: str) -> pl.DataFrame:
        """An actor's installs."""
        return self.installs().filter(pl.col("actor") == self.number(name))

    def states(self, name: str) -> list[State]:
        """An actor's state on every day."""
        return [plan.states[self.number(name)] for plan in self.plans]


def history(settings: Scenario) -> History:
    """Plan a world day by day, without writing it."""
    world = World(settings)
    planner = Planner(world)
    return History(world, [planner.plan(day) for day in range(world.days)])


@pytest.fixture(scope="module")
def evolving() -> History:
    """Attackers who adapt, with installs enough for small shares."""
    busy = scenario("demo").traffic
    return history(scenario("evolving", days=40, clicks=300_000, traffic=busy))


@pytest.fixture(scope="module")
def patient() -> History:
    """The same attackers where nobody is ever blocked."""
    busy, blind = scenario("demo").traffic, Defender(vigilance=0.0)
    return history(scenario("evolving", days=12, clicks=90_000, traffic=busy, defender=blind))


def world_of(*reactions: Reaction, **fields: object) -> World:
    """A world with one actor."""
    settings = {"name": "one", "attack": "emulator_bots", "budget": 0.1, "sub_publishers": 4}
    settings |= {"reactions": reactions, "switch_to": "smart_bots", "tolerance": 0.3} | fields
    return World(scenario("demo", actors=(Actor.model_validate(settings),)))


def after_losses(world: World, reviews: int, lost: float = 0.5, installs: int = 40) -> State:
    """An actor's state when a share of its installs was blocked at each of some reviews."""
    policies = Policies(world)
    blocked = np.arange(installs) < lost * installs
    for day in range(reviews * REVIEW_DAYS):
        policies.react(day, np.zeros(installs, dtype=np.int64), blocked)
    return policies.states[0]


def test_each_reaction_does_what_it_says() -> None:
    before = after_losses(world_of("move_ctit"), 0)
    assert (before.attack, len(before.subs), before.dilution) == ("emulator_bots", 4, 0.0)
    moved = after_losses(world_of("move_ctit"), 1)
    assert moved.mimicry == pytest.approx(before.mimicry + 0.2)
    split = after_losses(world_of("split"), 1)
    assert len(split.subs) == 8
    assert split.subs[:4].tolist() == before.subs.tolist()
    assert after_losses(world_of("dilute"), 1).dilution == pytest.approx(0.03)
    assert after_losses(world_of("switch"), 1).attack == "smart_bots"


def test_reactions_follow_each_other_and_begin_again() -> None:
    world = world_of("move_ctit", "split")
    steps = [after_losses(world, reviews) for reviews in range(5)]
    assert [len(step.subs) for step in steps] == [4, 4, 8, 8, 12]
    assert [round(step.mimicry, 2) for step in steps] == [0.15, 0.35, 0.35, 0.55, 0.55]


def test_no_reaction_goes_on_forever() -> None:
    world = world_of("move_ctit", "split", "dilute")
    last = after_losses(world, 60)
    assert last.mimicry == MOST_MIMICRY
    assert last.dilution == MOST_DILUTION
    assert last.subs.tolist() == world.publishers.actor_subs[0].tolist()


@pytest.mark.parametrize(
    ("lost", "installs"),
    [(0.2, 40), (0.0, 40), (1.0, (FEWEST_INSTALLS - 1) // REVIEW_DAYS)],
    ids=["within its tolerance", "nothing lost", "too few to tell"],
)
def test_an_actor_that_loses_little_stays_as_it_is(lost: float, installs: int) -> None:
    assert after_losses(world_of("switch"), 1, lost, installs).attack == "emulator_bots"


def test_an_actor_without_reactions_never_changes() -> None:
    last = after_losses(world_of(), 5, lost=1.0)
    assert (last.attack, len(last.subs), last.mimicry) == ("emulator_bots", 4, 0.15)


def test_nobody_reacts_where_nobody_is_blocked(patient: History) -> None:
    assert not patient.installs()["blocked"].any()
    for actor in patient.world.scenario.actors:
        states = {
            (state.attack, len(state.subs), state.mimicry, state.dilution)
            for state in patient.states(actor.name)
        }
        assert len(states) == 1, actor.name


def distance_to_median(rows: pl.DataFrame, median: pl.DataFrame) -> float:
    """How far click-to-install times are from their app's honest median, in log-seconds."""
    near = rows.join(median, on="app")
    return near.select((pl.col("ctit").log() - pl.col("median").log()).median()).item()


@pytest.mark.parametrize(("name", "sign"), [("injector_a", -1), ("flood_ring_a", 1)])
def test_blocked_actors_move_their_times_to_the_apps_median(
    evolving: History, name: str, sign: int
) -> None:
    honest = evolving.installs().filter(pl.col("attack") < 0, pl.col("sub") >= 0)
    median = honest.group_by("app").agg(median=pl.col("ctit").median())
    theirs = evolving.of(name)
    early = distance_to_median(theirs.filter(pl.col("day") < 6), median)
    late = distance_to_median(theirs.filter(pl.col("day") >= 30), median)
    assert sign * early > 1.5
    assert abs(late) < 0.4 * abs(early)
    share = [rows["mimic"].mean() for rows in (theirs.head(50), theirs.tail(50))]
    assert share[0] < 0.2
    assert share[1] > 0.7


def test_adapting_pays(evolving: History) -> None:
    for name in ("injector_a", "spoofer_a"):
        theirs = evolving.of(name)
        first, last = theirs.filter(pl.col("day") < 10), theirs.filter(pl.col("day") >= 30)
        assert last["blocked"].mean() < 0.75 * first["blocked"].mean(), name
    assert evolving.installs().filter(pl.col("attack") < 0)["blocked"].mean() < 0.06


def test_a_split_spreads_the_same_traffic_over_more_sub_publishers(evolving: History) -> None:
    theirs = evolving.of("flood_ring_a")
    begin, end = theirs.filter(pl.col("day") < 6), theirs.filter(pl.col("day") >= 34)
    assert begin["sub"].n_unique() == 8
    assert end["sub"].n_unique() > 25
    largest = [
        rows["sub"].value_counts(normalize=True)["proportion"].max() for rows in (begin, end)
    ]
    assert largest[1] < 0.8 * largest[0]
    fresh = set(end["sub"]) - set(begin["sub"])
    publishers = evolving.world.publishers
    assert all(publishers.volume[sub] == 0 for sub in fresh)
    sites = [{publishers.site_id[sub] for sub in rows["sub"]} for rows in (begin, end)]
    assert sites[1] <= sites[0]


def test_dilution_sells_honest_installs_as_cover() -> None:
    world = world_of("dilute")
    state = State("emulator_bots", world.publishers.actor_subs[0][:4], 0.15, dilution=0.10)
    attack = ATTACKS["emulator_bots"](world, 0, state)
    paid = paid_installs(world, 2, 5_000)
    sold = diluted(world, 2, attack, paid)
    moved = sold["sub"] != paid["sub"]
    assert moved.mean() == pytest.approx(0.10, abs=0.02)
    assert set(sold.filter(moved)["sub"]) <= set(state.subs.tolist())
    assert (sold["attack"] < 0).all()
    assert sold.drop("sub").equals(paid.drop("sub"))


def test_cover_makes_an_actors_sub_publishers_look_clean(evolving: History) -> None:
    installs = evolving.installs()
    fraud = []
    for days in (pl.col("day") < 6, pl.col("day") >= 36):
        rows = installs.filter(days)
        subs = rows.filter(pl.col("actor") == evolving.number("flood_ring_a"))["sub"].unique()
        fraud.append((rows.filter(pl.col("sub").is_in(subs.implode()))["attack"] >= 0).mean())
    assert fraud[1] < 0.9 * fraud[0]


def test_a_switch_changes_the_attack_for_good(evolving: History) -> None:
    attacks = [state.attack for state in evolving.states("emulators_a")]
    turn = attacks.index("smart_bots")
    assert REVIEW_DAYS <= turn < 15
    assert set(attacks[:turn]) == {"emulator_bots"}
    assert set(attacks[turn:]) == {"smart_bots"}
    theirs = evolving.of("emulators_a")
    told = theirs.group_by("attack").agg(pl.col("day").min().alias("first"), pl.col("day").max())
    last = {NAMES[attack]: (first, day) for attack, first, day in told.iter_rows()}
    # Whoever clicked before the switch may install some days after it.
    assert last["emulator_bots"][0] < turn <= last["smart_bots"][0]
    assert last["emulator_bots"][1] < turn + 8
    assert last["smart_bots"][1] == 39


def test_activity_is_nothing_before_the_start_a_ramp_and_nothing_after_the_end() -> None:
    level = activity(20, start=0.25, ramp=0.2, end=0.75)
    assert (level[:5] == 0).all()
    assert level[5:9] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert (level[9:15] == 1).all()
    assert (level[15:] == 0).all()
    assert activity(1, 0.9, 0.1, 1.0).tolist() == [1.0]


def test_actors_keep_to_their_time_and_budget() -> None:
    actors = (
        Actor(name="ramps", attack="device_farm", budget=0.1, start=0.2, ramp=0.4),
        Actor(name="ends", attack="smart_bots", budget=0.2, ramp=0.0, end=0.5),
        Actor(name="floods", attack="click_flooding", budget=0.1, start=0.5, ramp=0.0),
    )
    told = history(scenario("demo", days=20, clicks=200_000, actors=actors))
    honest = float(told.world.honest_by_day.sum()) / 20
    by_day = {actor.name: np.zeros(20) for actor in actors}
    for name, counts in by_day.items():
        for day, count in told.of(name).group_by("day").len().iter_rows():
            counts[day] = count
    assert (by_day["ramps"][:4] == 0).all()
    assert by_day["ramps"][4:8].sum() < 0.5 * by_day["ramps"][12:16].sum()
    assert by_day["ramps"][12:].mean() == pytest.approx(0.1 * honest, rel=0.2)
    assert by_day["ends"][:10].mean() == pytest.approx(0.2 * honest, rel=0.15)
    # Installs begun on the last day end some days later.
    assert by_day["ends"][11:].sum() < 0.1 * by_day["ends"].sum()
    assert (by_day["floods"][:10] == 0).all()
    assert by_day["floods"][11:].mean() == pytest.approx(0.1 * honest, rel=0.2)
    first = told.of("floods")["click_ms"].min()
    assert first >= told.world.day_start(10)  # no click is older than its actor


@pytest.mark.parametrize("name", ["default", "demo"])
def test_two_attacks_appear_only_in_the_last_weeks(name: str) -> None:
    told = history(scenario(name))
    fraud = told.installs().filter(pl.col("attack") >= 0)
    first = {
        NAMES[attack]: day / told.world.days
        for attack, day in fraud.group_by("attack").agg(pl.col("day").min()).iter_rows()
    }
    new = [attack for attack, day in first.items() if day >= 0.7]
    assert len(new) >= 2
    for attack in new:
        assert (fraud["attack"] == NAMES.index(attack)).sum() >= 30, attack
    assert len([attack for attack, day in first.items() if day < 0.4]) >= 4


def test_the_folder_tells_what_every_actor_did_on_every_day(
    reports: Reports, small: Scenario
) -> None:
    told = reports.hidden("actors")
    assert len(told) == small.days * len(small.actors)
    assert set(told["actor"]) == {actor.name for actor in small.actors}
    assert told["date"].unique().sort().to_list() == [
        small.start + timedelta(days=day) for day in range(small.days)
    ]
    assert told["installs"].sum() == len(reports.truth())
    assert (told["blocked"] <= told["installs"]).all()
