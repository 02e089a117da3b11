"""Emulator bots: one image started a thousand times, with attributes drawn evenly.

Models and systems are uniform where people's follow fashion, and contradict each other; times are
even to within a few per cent. Mimicking bots draw attributes by popularity.
"""

import numpy as np
import polars as pl

from clickward.simulator.attacks.base import Attack
from clickward.simulator.randomness import below
from clickward.simulator.scenario import DAY_MS
from clickward.simulator.world.catalogue import ANDROID, MODELS
from clickward.simulator.world.frames import MISSING, NOBODY, PROBABILISTIC, SCRIPT, install_frame
from clickward.simulator.world.honest import play_times_known
from clickward.simulator.world.people import Traits, country_of
from clickward.simulator.world.releases import ANDROID_SYSTEMS

ADDRESSES = 400
ANDROID_MODELS = sum(platform == ANDROID for _, _, platform in MODELS)


class EmulatorBots(Attack):
    """See the module."""

    reason = ("bots", "emulator")

    def installs(self, day: int, count: int) -> pl.DataFrame:
        """Install by a timer over the whole day."""
        rng = self.stream("installs", day)
        app = self.world.apps.draw(rng, count, android_only=True)
        sub = self.draw_subs(rng, count)
        country = country_of(self.world.people(rng, app, sub))
        device = self.fresh_devices(day, np.arange(count), country)
        step = DAY_MS / max(count, 1)
        even = (np.arange(count) + rng.normal(0.5, 0.05, count)) * step
        mimic = self.mimics(rng, count)
        in_use = self.world.moments(rng, day, country)
        timer = self.world.day_start(day) + np.clip(even, 0, DAY_MS - 1).astype(np.int64)
        click_ms = np.where(mimic, in_use, timer)
        seconds = np.where(mimic, np.exp(rng.normal(4.5, 1.1, count)), rng.normal(95, 25, count))
        ctit = np.maximum(1_000 * seconds, 5_000).astype(np.int64)
        people = self.world.population.traits(device, click_ms)
        system = np.array(ANDROID_SYSTEMS)[below(len(ANDROID_SYSTEMS), device, 46)]
        traits = Traits(
            model=np.where(mimic, people.model, below(ANDROID_MODELS, device, 47)),
            system=np.where(mimic, people.system, system),
            country=country,
            carrier=people.carrier,
        )
        proxy = self.world.population.connect(rng, device, click_ms)
        rented = ~mimic & (rng.random(count) < 0.6)
        ip = np.where(rented, self.hosting(device, ADDRESSES), proxy.ip)
        known = play_times_known(rng, device) & (rng.random(count) < 0.7)
        return install_frame(
            install_ms=click_ms + ctit,
            app=app,
            sub=sub,
            true_sub=NOBODY,
            device=device,
            **traits._asdict(),
            wifi=proxy.wifi | rented,
            ip=ip,
            click_ms=click_ms,
            click_wifi=proxy.wifi | rented,
            click_ip=ip,
            begin_ms=np.where(known, click_ms + ctit // 3, MISSING),
            match=PROBABILISTIC,
            mimic=mimic,
            behaviour=SCRIPT,
        )
