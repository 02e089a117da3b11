"""What actors do about being blocked: one reaction after another, until they pass again.

- `move_ctit`: another fifth of the installs copies honest traffic, click-to-install time first;
- `split`: as many new sub-publishers again as the actor began with, and half the traffic on each;
- `dilute`: buys honest installs as cover, another 3 % of the world's;
- `switch`: changes to another attack.
"""

from dataclasses import replace

import numpy as np

from clickward.simulator.attacks import State
from clickward.simulator.randomness import Bools, Ints
from clickward.simulator.world.world import World

REVIEW_DAYS = 3  # an actor looks at its losses every so often
FEWEST_INSTALLS = 8  # before it believes them
MIMICRY_STEP, MOST_MIMICRY = 0.2, 0.9
DILUTION_STEP, MOST_DILUTION = 0.03, 0.12


class Policies:
    """The states of all actors, day by day."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.states = [
            State(
                actor.attack,
                world.publishers.actor_subs[number][: actor.sub_publishers],
                actor.mimicry,
                actor.cover,
            )
            for number, actor in enumerate(world.scenario.actors)
        ]
        self._sold = np.zeros((len(self.states), 2))  # installs and blocked ones since the review
        self._steps = [0] * len(self.states)

    def react(self, day: int, actor: Ints, blocked: Bools) -> None:
        """Take the day's installs (`actor` of each, -1 honest) into account; change tomorrow."""
        for number in range(len(self.states)):
            mine = actor == number
            self._sold[number] += mine.sum(), (mine & blocked).sum()
        if day % REVIEW_DAYS != REVIEW_DAYS - 1:
            return
        for number, settings in enumerate(self._world.scenario.actors):
            sold, lost = self._sold[number]
            if sold < FEWEST_INSTALLS:
                continue
            self._sold[number] = 0
            if settings.reactions and lost > settings.tolerance * sold:
                self._take_next(number)

    def _take_next(self, number: int) -> None:
        settings, state = self._world.scenario.actors[number], self.states[number]
        reaction = settings.reactions[self._steps[number] % len(settings.reactions)]
        self._steps[number] += 1
        if reaction == "move_ctit":
            state = replace(state, mimicry=min(state.mimicry + MIMICRY_STEP, MOST_MIMICRY))
        elif reaction == "split":
            owned = self._world.publishers.actor_subs[number]
            more = len(state.subs) + settings.sub_publishers
            state = replace(state, subs=owned[: min(more, len(owned))])
        elif reaction == "dilute":
            state = replace(state, dilution=min(state.dilution + DILUTION_STEP, MOST_DILUTION))
        elif settings.switch_to is not None:
            state = replace(state, attack=settings.switch_to)
        self.states[number] = state
