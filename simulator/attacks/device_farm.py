"""Device farm: racks of real phones install, reset their identifiers and install again.

Every install comes from a device id never seen before, from a few /24s, a few models and one or
two systems, in sittings of about an hour; events are a script and stop after a day. Mimicking
installs go out through residential proxies with borrowed attributes.
"""

import numpy as np
import polars as pl

from clickward.simulator.attacks.base import Attack
from clickward.simulator.randomness import Bools, Ints, Keys, below, unit
from clickward.simulator.scenario import DAY_MS, HOUR_MS
from clickward.simulator.world.ctit import begin_between
from clickward.simulator.world.frames import (
    MISSING,
    NOBODY,
    REFERRER,
    SCRIPT,
    install_frame,
    touch_frame,
)
from clickward.simulator.world.honest import match_types, play_times_known, redirect_ms
from clickward.simulator.world.people import HOME_BASE, Connection, Traits
from clickward.simulator.world.releases import ANDROID_SYSTEMS

SUBNETS, MODELS_IN_RACK, FARM_MODELS = 5, 5, 12
SITTINGS_A_DAY, SITTING_MS = 2, HOUR_MS
FIRST_FARM_SUBNET = 5_000  # inside people's home block
COUNTRY, CARRIER = 1, 3  # the rack stands in one room


class DeviceFarm(Attack):
    """See the module."""

    reason = ("bots", "device_farm")

    def installs(self, day: int, count: int) -> pl.DataFrame:
        """Fake installs in sittings."""
        rng = self.stream("installs", day)
        sittings = self.world.moments(rng, day, np.full(SITTINGS_A_DAY, COUNTRY))
        latest = self.world.day_start(day) + DAY_MS - 2 * SITTING_MS
        chosen = np.minimum(sittings, latest)[rng.integers(0, SITTINGS_A_DAY, count)]
        click_ms = chosen + rng.integers(0, SITTING_MS, count)
        ctit = (1_000 * np.exp(rng.normal(4.5, 0.95, count))).astype(np.int64) + 4_000
        device, mimic = self._devices(rng, day, 0, count)
        connection = self._connect(rng, device, click_ms, mimic)
        known = play_times_known(rng, device)
        match = match_types(rng, device, 0.75)
        return install_frame(
            install_ms=click_ms + ctit,
            app=self.world.apps.draw(rng, count, android_only=True),
            sub=self.draw_subs(rng, count),
            true_sub=NOBODY,
            device=device,
            **self._traits(device, click_ms, mimic)._asdict(),
            **connection._asdict(),
            click_ms=click_ms,
            click_wifi=connection.wifi,
            click_ip=connection.ip,
            gp_click_ms=np.where(
                known & (match == REFERRER), click_ms + redirect_ms(rng, ctit), MISSING
            ),
            begin_ms=np.where(known, begin_between(rng, click_ms, click_ms + ctit), MISSING),
            match=match,
            mimic=mimic,
            behaviour=SCRIPT,
        )

    def clicks(self, day: int, count: int) -> pl.DataFrame:
        """Click without installing, so that the conversion rate stays believable."""
        rng = self.stream("clicks", day)
        device, mimic = self._devices(rng, day, 1 << 20, count)
        click_ms = self.world.moments(rng, day, np.full(count, COUNTRY))
        return touch_frame(
            click_ms=click_ms,
            app=self.world.apps.draw(rng, count, android_only=True),
            sub=self.draw_subs(rng, count),
            device=device,
            **self._traits(device, click_ms, mimic)._asdict(),
            **self._connect(rng, device, click_ms, mimic)._asdict(),
        )

    def _devices(
        self, rng: np.random.Generator, day: int, first: int, count: int
    ) -> tuple[Keys, Bools]:
        """Identifiers after a reset, and which of them borrow a person's looks."""
        country = np.full(count, COUNTRY)
        return self.fresh_devices(day, first + np.arange(count), country), self.mimics(rng, count)

    def _traits(self, device: Keys, times_ms: Ints, mimic: Bools) -> Traits:
        borrowed = self.world.population.traits(device, times_ms)
        model = below(
            FARM_MODELS, below(MODELS_IN_RACK, device, 41), self.world.seed, self.actor, 42
        )
        newer = (unit(device, 43) < 0.3).astype(np.int64)
        system = np.array(ANDROID_SYSTEMS)[2 + (self.actor + newer) % 4]
        return Traits(
            model=np.where(mimic, borrowed.model, model),
            system=np.where(mimic, borrowed.system, system),
            country=np.full(len(device), COUNTRY),
            carrier=np.where(mimic, borrowed.carrier, CARRIER),
        )

    def _connect(
        self, rng: np.random.Generator, device: Keys, times_ms: Ints, mimic: Bools
    ) -> Connection:
        proxy = self.world.population.connect(rng, device, times_ms)
        number = (
            FIRST_FARM_SUBNET + 7 * self.actor + below(SUBNETS, device, times_ms // HOUR_MS, 44)
        )
        host = 2 + below(120, device, times_ms // HOUR_MS, 45)
        own = (HOME_BASE + number * 256 + host).astype(np.uint64)
        return Connection(wifi=proxy.wifi | ~mimic, ip=np.where(mimic, proxy.ip, own))
