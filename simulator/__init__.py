"""A world of mobile advertising with attacks in it, written as AppsFlyer raw-data reports."""

from simulator.run import SimulationSummary, simulate
from simulator.scenario import AttackSettings, Scenario, VerdictSettings

__all__ = ["AttackSettings", "Scenario", "SimulationSummary", "VerdictSettings", "simulate"]
