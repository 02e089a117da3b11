"""Observed verdicts after attribution: several sources, each imperfect, late and revised.

Blocks at the moment of the install are the defender's. A source here accuses an install up to some
days later; a monthly review does so in the first days of the next month, and may also give an
earlier verdict another reason. The hidden truth is another matter and is written apart.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from clickward.simulator.attack_names import NAMES
from clickward.simulator.randomness import Bools, Floats, Ints, draw, stream
from clickward.simulator.scenario import DAY_MS, Source
from clickward.simulator.world.world import World


class Verdict(NamedTuple):
    """A day's verdicts: row of the install, moment in ms, attack the reason names, source."""

    install: Ints
    given_ms: Ints
    reason: Ints
    source: Ints


def accuse(world: World, day: int, installs: pl.DataFrame, blocked: Bools) -> Verdict:
    """Verdicts ever given on the installs of a day that were not blocked, in order of time."""
    parts = [
        _of_source(world, day, installs, ~blocked, number, source)
        for number, source in enumerate(world.scenario.verdicts)
    ]
    if not parts:
        empty = np.array([], dtype=np.int64)
        return Verdict(empty, empty, empty, empty)
    joined = Verdict(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    kept = _first_or_revised(world, day, joined)
    joined = Verdict(*(column[kept] for column in joined))
    order = np.lexsort((joined.install, joined.given_ms))
    return Verdict(*(column[order] for column in joined))


def _of_source(
    world: World, day: int, installs: pl.DataFrame, open_: Bools, number: int, source: Source
) -> Verdict:
    rng = stream(world.seed, "verdicts", source.name, day)
    count, attack = len(installs), installs["attack"].to_numpy()
    chance = chances(source, installs)
    accused = open_ & (rng.random(count) < chance)
    install_ms = installs["install_ms"].to_numpy()
    given_ms = install_ms + (rng.beta(1.2, 2.2, count) * source.delay_days * DAY_MS).astype(
        np.int64
    )
    if source.is_monthly_review:
        within = (rng.random(count) * source.delay_days * DAY_MS).astype(np.int64)
        given_ms = next_month_ms(install_ms) + within
    wrong = (attack < 0) | (rng.random(count) < source.wrong_reason)
    reason = np.where(wrong, draw(rng, np.ones(len(NAMES)), count), attack)
    found = np.flatnonzero(accused)
    return Verdict(found, given_ms[found], reason[found], np.full(len(found), number))


def _first_or_revised(world: World, day: int, verdict: Verdict) -> Ints:
    """Keep an install's first verdict, and of sources that revise a share of the later ones."""
    order = np.lexsort((verdict.given_ms, verdict.install))
    install, source = verdict.install[order], verdict.source[order]
    first = np.concatenate([[True], install[1:] != install[:-1]]) if len(install) else install > 0
    share = np.array([one.revises for one in world.scenario.verdicts])
    luck = stream(world.seed, "revisions", day)
    kept = first | (luck.random(len(order)) < share[source])
    return order[kept]


def chances(source: Source, installs: pl.DataFrame) -> Floats:
    """Chance that a source ever accuses each install; organic installs are never accused."""
    attack, mimic = installs["attack"].to_numpy(), installs["mimic"].to_numpy()
    known: dict[str, float] = {str(name): share for name, share in source.recall.items()}
    recall = np.array([known.get(name, 0.0) for name in NAMES] + [0.0])[attack]
    honest_paid = (attack < 0) & (installs["sub"].to_numpy() >= 0)
    chance = recall * np.where(mimic, source.mimic_odds, 1.0)
    return np.where(honest_paid, source.false_positives, chance)


def next_month_ms(moments_ms: Ints) -> Ints:
    """First moment of the month after each moment, ms since 1970, UTC."""
    months = pl.Series(moments_ms).cast(pl.Datetime("ms")).dt.truncate("1mo").dt.offset_by("1mo")
    return months.cast(pl.Datetime("ms")).cast(pl.Int64).to_numpy()
