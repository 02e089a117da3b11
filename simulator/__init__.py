"""A world of mobile advertising that fights back, written as AppsFlyer raw-data reports."""

from simulator.run import SimulationSummary, simulate
from simulator.scenario import AnyScenario, Contest, Scenario, built_in, load_scenario

__all__ = [
    "AnyScenario",
    "Contest",
    "Scenario",
    "SimulationSummary",
    "built_in",
    "load_scenario",
    "simulate",
]
