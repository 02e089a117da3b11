"""Attacks, one module each; the table names them as scenarios do.

A new attack is a module here, and an import and a line at the table's end: codes in planned frames
are places in it.
"""

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

ATTACKS: dict[str, type[Attack]] = {
    "click_flooding": ClickFlooding,
    "click_injection": ClickInjection,
    "install_hijacking": InstallHijacking,
    "sdk_spoofing": SdkSpoofing,
    "device_farm": DeviceFarm,
    "emulator_bots": EmulatorBots,
    "smart_bots": SmartBots,
    "mixed_traffic": MixedTraffic,
    "ad_stacking": AdStacking,
    "event_fraud": EventFraud,
}
NAMES = tuple(ATTACKS)

__all__ = ["ATTACKS", "NAMES", "Attack", "State"]
