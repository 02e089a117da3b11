"""Attacks, one module each; the table names them as scenarios do."""

from simulator.attacks.base import Attack
from simulator.attacks.click_flooding import ClickFlooding
from simulator.attacks.click_injection import ClickInjection
from simulator.attacks.device_farm import DeviceFarm

ATTACKS: dict[str, type[Attack]] = {
    "click_flooding": ClickFlooding,
    "click_injection": ClickInjection,
    "device_farm": DeviceFarm,
}

__all__ = ["ATTACKS", "Attack", "ClickFlooding", "ClickInjection", "DeviceFarm"]
