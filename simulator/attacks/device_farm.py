"""Device farm: racks of real phones install, reset their identifiers and install again.

Every install comes from a device id never seen before, from a few /24s, a few models and one or
two systems, in sittings of about an hour; events are a script and stop after a day. Disguised
installs go out through residential proxies with borrowed attributes.
"""

import numpy as np
import polars as pl

from simulator.attacks.base import Attack
from simulator.ctit import begin_between
from simulator.frames import MISSING, REFERRER, install_frame, touch_frame
from simulator.honest import match_types, play_times_known, redirect_ms
from simulator.people import HOME_BASE, OWNER_SHIFT, Connection, Traits
from simulator.randomness import Bools, Ints, Keys, below, draw, unit
from simulator.scenario import HOUR_MS

SUBNETS = 3
MODELS_IN_RACK = 4
INSTALLS_PER_SITTING = 22
SITTING_MS = HOUR_MS
FIRST_FARM_SUBNET = 60_000  # beyond people's homes in the same address block
FARM_MODELS = 12  # racks hold cheap and common Android phones
FARM_SYSTEMS = (1, 2, 3, 4)


class DeviceFarm(Attack):
    """See the module."""

    def installs(self, count: int) -> pl.DataFrame:
        """Fake installs in sittings."""
        rng = self.stream("installs")
        click_ms = self._sitting_moments(rng, count)
        ctit = (1_000 * np.exp(rng.normal(4.4, 0.75, count))).astype(np.int64) + 4_000
        install_ms = click_ms + ctit
        device = self._fresh(np.arange(count))
        disguised = self.disguised(rng, count)
        connection = self._connect(rng, device, click_ms, disguised)
        known = play_times_known(rng, device)
        match = match_types(rng, device, 0.75)
        return install_frame(
            install_ms=install_ms,
            app=self.world.advertised_apps(rng, count, android_only=True),
            sub=self.draw_subs(rng, count),
            device=device,
            **self._traits(device, disguised)._asdict(),
            **connection._asdict(),
            click_ms=click_ms,
            click_wifi=connection.wifi,
            click_ip=connection.ip,
            gp_click_ms=np.where(
                known & (match == REFERRER), click_ms + redirect_ms(rng, ctit), MISSING
            ),
            begin_ms=np.where(known, begin_between(rng, click_ms, install_ms), MISSING),
            match=match,
            actor=np.full(count, self.actor),
            disguised=disguised,
            scripted=np.full(count, True),
        )

    def idle_clicks(self, day: int, count: int) -> pl.DataFrame:
        """Click without installing, so that the conversion rate stays believable."""
        rng = self.stream("idle", day)
        device = self._fresh((1 << 36) + (day << 24) + np.arange(count))
        click_ms = self.world.moments(rng, np.full(count, day))
        disguised = self.disguised(rng, count)
        return touch_frame(
            click_ms=click_ms,
            app=self.world.advertised_apps(rng, count, android_only=True),
            sub=self.draw_subs(rng, count),
            device=device,
            **self._traits(device, disguised)._asdict(),
            **self._connect(rng, device, click_ms, disguised)._asdict(),
        )

    def _sitting_moments(self, rng: np.random.Generator, count: int) -> Ints:
        sittings = max(1, count // INSTALLS_PER_SITTING)
        starts = self.world.moments(rng, self.draw_days(rng, sittings))
        starts = np.minimum(starts, self.world.end_ms - 2 * SITTING_MS)
        chosen = starts[draw(rng, np.ones(sittings), count)]
        return np.asarray(chosen + rng.integers(0, SITTING_MS, count), dtype=np.int64)

    def _fresh(self, numbers: Ints) -> Keys:
        """Identifiers after a reset: keys that belong to nobody else."""
        return numbers.astype(np.uint64) | (np.uint64(self.actor + 1) << OWNER_SHIFT)

    def _traits(self, device: Keys, disguised: Bools) -> Traits:
        borrowed = self.world.population.traits(device)
        rack = below(MODELS_IN_RACK, device, 41)
        model = below(FARM_MODELS, rack, self.world.seed, self.actor, 42)
        newer = (unit(device, 43) < 0.3).astype(np.int64)
        systems = np.array(FARM_SYSTEMS)
        system = systems[(self.actor + newer) % len(systems)]
        # One country, one carrier: the rack stands in one room.
        return Traits(
            model=np.where(disguised, borrowed.model, model),
            system=np.where(disguised, borrowed.system, system),
            country=np.where(disguised, borrowed.country, 1),
            carrier=np.where(disguised, borrowed.carrier, 3),
        )

    def _connect(
        self, rng: np.random.Generator, device: Keys, times_ms: Ints, disguised: Bools
    ) -> Connection:
        proxy = self.world.population.connect(rng, device, times_ms)
        subnet = below(SUBNETS, device, times_ms // HOUR_MS, 44)
        number = FIRST_FARM_SUBNET + 7 * self.actor + subnet
        host = 2 + below(60, device, times_ms // HOUR_MS, 45)
        own = (HOME_BASE + number * 256 + host).astype(np.uint64)
        return Connection(
            wifi=np.where(disguised, proxy.wifi, True),
            ip=np.where(disguised, proxy.ip, own),
        )
