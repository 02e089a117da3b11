"""Observed labels: what the attribution vendor says, imperfect and late.

Part of the verdicts block an install at once; the rest arrive as `detection` rows 0 to 7 days
after the install. The hidden truth is another matter and is written apart.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator.randomness import Bools, Floats, Ints, draw, stream
from simulator.scenario import DAY_MS
from simulator.world import World

# Reason and sub-reason in the vendor's spelling.
REASONS: dict[str, tuple[str, str]] = {
    "click_flooding": ("click_flooding", "long_ctit"),
    "click_injection": ("install_hijacking", "short_ctit"),
    "device_farm": ("bots", "device_farm"),
}
REASON_KEYS = tuple(REASONS)


@dataclass(frozen=True)
class Verdicts:
    """Verdicts on planned installs, one element per install.

    `blocked` and `detected` exclude each other; `detected_ms` is MISSING unless detected;
    `reason` indexes `REASON_KEYS` and means nothing without a verdict.
    """

    blocked: Bools
    detected: Bools
    detected_ms: Ints
    reason: Ints


def judge(world: World, installs: pl.DataFrame) -> Verdicts:
    """Give verdicts; those that would come later than 7 days after the span do not exist."""
    rng = stream(world.seed, "verdicts")
    settings = world.scenario.verdicts
    count = len(installs)
    attack = attack_of(world, installs)
    judged = rng.random(count) < chances(world, installs, attack)
    blocked_share = np.array(
        [settings.blocked_share[key] for key in REASON_KEYS] + [settings.blocked_share["honest"]]
    )
    blocked = judged & (rng.random(count) < blocked_share[attack])
    delay = rng.beta(1.2, 2.2, count) * settings.longest_delay_days * DAY_MS
    detected_ms = installs["install_ms"].to_numpy() + delay.astype(np.int64)
    in_time = detected_ms < world.end_ms + settings.longest_delay_days * DAY_MS
    detected = judged & ~blocked & in_time
    wrong = (attack < 0) | (rng.random(count) < settings.wrong_reason_share)
    anything = draw(rng, np.ones(len(REASON_KEYS)), count)
    return Verdicts(
        blocked=blocked,
        detected=detected,
        detected_ms=np.where(detected, detected_ms, -1),
        reason=np.where(wrong, anything, attack),
    )


def attack_of(world: World, installs: pl.DataFrame) -> Ints:
    """Index into `REASON_KEYS` of each install's attack; -1 for honest ones."""
    of_actor = [REASON_KEYS.index(item.attack) for item in world.scenario.attacks]
    # The appended element serves actor -1, honest.
    return np.array([*of_actor, -1])[installs["actor"].to_numpy()]


def chances(world: World, installs: pl.DataFrame, attack: Ints) -> Floats:
    """Chance that an install ever gets a verdict; organic installs never do."""
    settings = world.scenario.verdicts
    recall = np.array([settings.recall[key] for key in REASON_KEYS] + [0.0])
    disguised = installs["disguised"].to_numpy()
    chance = recall[attack]
    for index in range(len(REASON_KEYS)):
        # Odds among disguised and open installs keep the attack's recall as a whole.
        mine = attack == index
        if mine.any():
            odds = np.where(disguised[mine], settings.disguised_odds, 1.0)
            chance[mine] = np.minimum(chance[mine] * odds / odds.mean(), 1.0)
    honest_paid = (attack < 0) & (installs["sub"].to_numpy() >= 0)
    return np.where(honest_paid, settings.false_positive_rate, chance)
