"""A world of mobile advertising that fights back, written as AppsFlyer raw-data reports."""

from clickward.simulator.run import SimulationSummary, simulate
from clickward.simulator.scenario import AnyScenario, Contest, Scenario, built_in, load_scenario

__all__ = [
    "AnyScenario",
    "Contest",
    "Scenario",
    "SimulationSummary",
    "built_in",
    "load_scenario",
    "simulate",
]
