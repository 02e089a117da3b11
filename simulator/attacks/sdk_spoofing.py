"""SDK spoofing: messages of the SDK replayed from a server; there is no device behind them.

Required fields are missing, the SDK's version was never shipped or is old, and there are no times
of the store. Mimicking messages copy a recorded device and its version, but still no store.
"""

import numpy as np
import polars as pl

from clickward.simulator.attacks.base import Attack
from clickward.simulator.randomness import below
from clickward.simulator.world.frames import ID_MATCHING, MISSING, NOBODY, SCRIPT, install_frame
from clickward.simulator.world.people import country_of

UNSHIPPED = 4  # versions a careless replay claims; see `clickward.simulator.reports.render`
CARELESS = 0.35  # of messages without mimicry carry a version that was never shipped
ADDRESSES = 240


class SdkSpoofing(Attack):
    """See the module."""

    reason = ("fake_install_parameters", "sdk_signature")

    def installs(self, day: int, count: int) -> pl.DataFrame:
        """Post installs of recorded devices, each a new identifier."""
        rng = self.stream("installs", day)
        app = self.world.apps.draw(rng, count, android_only=True)
        sub = self.draw_subs(rng, count)
        country = country_of(self.world.people(rng, app, sub))
        device = self.fresh_devices(day, np.arange(count), country)
        click_ms = self.world.moments(rng, day, country)
        install_ms = (
            click_ms + (1_000 * np.exp(rng.normal(4.6, 0.9, count))).astype(np.int64) + 4_000
        )
        mimic = self.mimics(rng, count)
        own = self.world.population.connect(rng, device, click_ms)
        ip = np.where(mimic, own.ip, self.hosting(device, ADDRESSES))
        careless = ~mimic & (rng.random(count) < CARELESS)
        return install_frame(
            install_ms=install_ms,
            app=app,
            sub=sub,
            true_sub=NOBODY,
            device=device,
            **self.world.population.traits(device, install_ms)._asdict(),
            wifi=own.wifi | ~mimic,
            ip=ip,
            click_ms=click_ms,
            click_wifi=own.wifi | ~mimic,
            click_ip=ip,
            match=ID_MATCHING,
            mimic=mimic,
            behaviour=SCRIPT,
            sdk=np.where(careless, below(UNSHIPPED, device, 33), MISSING),
            is_bare=~mimic & (rng.random(count) < 0.5),
        )
