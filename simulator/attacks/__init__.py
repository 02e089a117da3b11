"""Attacks, one module each; the table names them as scenarios do.

A new attack is a module here, its name at the end of `attack_names.py`, and an import and a line at
the table's end.
"""

from clickward.simulator.attack_names import NAMES
from clickward.simulator.attacks.ad_stacking import AdStacking
from clickward.simulator.attacks.base import Attack, State
from clickward.simulator.attacks.click_flooding import ClickFlooding
from clickward.simulator.attacks.click_injection import ClickInjection
from clickward.simulator.attacks.device_farm import DeviceFarm
from clickward.simulator.attacks.emulator_bots import EmulatorBots
from clickward.simulator.attacks.event_fraud import EventFraud
from clickward.simulator.attacks.install_hijacking import InstallHijacking
from clickward.simulator.attacks.mixed_traffic import MixedTraffic
from clickward.simulator.attacks.sdk_spoofing import SdkSpoofing
from clickward.simulator.attacks.smart_bots import SmartBots

# In the order of their names.
ATTACKS: dict[str, type[Attack]] = dict(
    zip(
        NAMES,
        (
            ClickFlooding,
            ClickInjection,
            InstallHijacking,
            SdkSpoofing,
            DeviceFarm,
            EmulatorBots,
            SmartBots,
            MixedTraffic,
            AdStacking,
            EventFraud,
        ),
        strict=True,
    )
)

__all__ = ["ATTACKS", "NAMES", "Attack", "State"]
