"""The built-in defender: rules an attribution vendor applies at the moment of the install.

1. the click came more than 5 s after the store began to install: click injection;
2. the install opened sooner after its click than a download takes: click injection;
3. the SDK's version was never shipped: SDK spoofing;
4. the click came from a hosting network that the vendor knows (it knows half of them): bots;
5. one /24 of Wi-Fi brought more attributed installs in a day than homes do: device farm;
6. a sub-publisher whose installs of the last days are largely under 10 s, or over 5 h, from
   their click is blocked for some days: click injection, or click flooding.

A rule that holds blocks with the scenario's `vigilance`: vendors let a part pass, to see what an
actor does. The rules see nothing that a report does not tell, and they err on honest installs too.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from clickward.simulator.attack_names import NAMES
from clickward.simulator.attacks.base import HOSTING_BASE
from clickward.simulator.randomness import Bools, Floats, Ints, stream, unit
from clickward.simulator.world.frames import MISSING
from clickward.simulator.world.world import World

CLICK_AFTER_BEGIN_MS = 5_000
KNOWN_HOSTING = 0.5
QUICK_MS, LONG_MS = 10_000, 5 * 3_600_000
INJECTION, FLOODING = NAMES.index("click_injection"), NAMES.index("click_flooding")
SPOOFING, BOTS = NAMES.index("sdk_spoofing"), NAMES.index("emulator_bots")
FARM = NAMES.index("device_farm")


class Blocks(NamedTuple):
    """Who is blocked, and the attack the reason names (-1: none), an element per install."""

    blocked: Bools
    reason: Ints


class Defender:
    """Judges the installs of one day after another."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rules = world.scenario.defender
        subs = len(world.publishers)
        # The last days' installs by sub-publisher: all, under 10 s, over 5 h.
        self._seen = np.zeros((self._rules.sub_publisher_days, 3, subs))
        self._blocked_until = np.full(subs, -1)
        self._cause = np.full(subs, -1)

    def judge(self, day: int, installs: pl.DataFrame) -> Blocks:
        """Block by the rules; what is seen today decides about sub-publishers tomorrow."""
        reason = np.full(len(installs), -1)
        sub = installs["sub"].to_numpy()
        paid = sub >= 0
        for attack, holds in self._holding(day, installs, paid):
            reason = np.where(holds & (reason < 0), attack, reason)
        rng = stream(self._world.seed, "defender", day)
        blocked = (reason >= 0) & (rng.random(len(installs)) < self._rules.vigilance)
        self._learn(day, installs, paid)
        return Blocks(blocked, np.where(blocked, reason, -1))

    def _holding(
        self, day: int, installs: pl.DataFrame, paid: Bools
    ) -> list[tuple[int | Ints, Bools]]:
        click, begin = installs["click_ms"].to_numpy(), installs["begin_ms"].to_numpy()
        sub, click_ip = installs["sub"].to_numpy(), installs["click_ip"].to_numpy()
        ctit = installs["install_ms"].to_numpy() - click
        after_begin = paid & (begin != MISSING) & (click > begin + CLICK_AFTER_BEGIN_MS)
        hosting = paid & (click_ip >= HOSTING_BASE) & (click_ip < HOSTING_BASE + (1 << 20))
        known = unit(click_ip >> np.uint64(4), self._world.seed, 51) < KNOWN_HOSTING
        listed = paid & (self._blocked_until[sub] >= day)
        return [
            (INJECTION, after_begin),
            (INJECTION, paid & (ctit < 1_000 * self._rules.shortest_ctit_seconds)),
            (SPOOFING, installs["sdk"].to_numpy() != MISSING),
            (BOTS, hosting & known),
            (FARM, paid & (self._subnet_installs(installs, paid) > self._rules.subnet_installs)),
            (self._cause[sub], listed),
        ]

    def _subnet_installs(self, installs: pl.DataFrame, paid: Bools) -> Ints:
        """The day's attributed Wi-Fi installs of each install's /24."""
        counted = installs.select(
            pl.col("ip") // 256, known=pl.Series(paid) & pl.col("wifi")
        ).with_columns(count=pl.col("known").sum().over("ip"))
        return np.where(counted["known"].to_numpy(), counted["count"].to_numpy(), 0)

    def _learn(self, day: int, installs: pl.DataFrame, paid: Bools) -> None:
        rules, subs = self._rules, len(self._blocked_until)
        ctit = (installs["install_ms"] - installs["click_ms"]).to_numpy()
        sub = installs["sub"].to_numpy()
        kinds = (paid, paid & (ctit < QUICK_MS), paid & (ctit > LONG_MS))
        self._seen[day % rules.sub_publisher_days] = [
            np.bincount(sub[kind], minlength=subs) for kind in kinds
        ]
        count, quick, long = self._seen.sum(axis=0)
        enough = count >= rules.sub_publisher_installs
        shares: list[tuple[int, Floats, float]] = [
            (FLOODING, long, rules.over_5h_share),
            (INJECTION, quick, rules.under_10s_share),
        ]
        for attack, matching, limit in shares:
            bad = enough & (matching > limit * np.maximum(count, 1))
            self._cause[bad] = attack
            self._blocked_until[bad] = day + rules.block_days
