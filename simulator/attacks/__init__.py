"""Attacks, one module each; `attack_names.py` lists them."""

from importlib import import_module

from clickward.simulator.attack_names import CLASSES, NAMES
from clickward.simulator.attacks.base import Attack, State

ATTACKS: dict[str, type[Attack]] = {
    name: getattr(import_module(f"{__name__}.{name}"), attack) for name, attack in CLASSES.items()
}

__all__ = ["ATTACKS", "NAMES", "Attack", "State"]
