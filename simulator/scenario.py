"""What a world is made of: a scenario is a YAML file, typed and validated, without behaviour.

Shares are fractions of one. `start`, `ramp` and `end` of an actor are fractions of the span, so
that a scenario keeps its shape under another `--days`.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from clickward.simulator.attack_names import NAMES
from clickward.warehouse.errors import UsageError
from clickward.warehouse.yaml_text import read_yaml

SECOND_MS = 1_000
HOUR_MS = 3_600 * SECOND_MS
DAY_MS = 24 * HOUR_MS
LOOKBACK_DAYS = 7
FOLDER = Path(__file__).parent / "scenarios"


def _known_attack(name: str) -> str:
    if name not in NAMES:
        raise ValueError(f"no such attack; there are {', '.join(NAMES)}")
    return name


AttackName = Annotated[str, AfterValidator(_known_attack)]
ContestColumn = Literal["ip", "app", "device", "os", "channel"]
Reaction = Literal["move_ctit", "split", "dilute", "switch"]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Part(BaseModel):
    """Any part of a scenario: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Traffic(Part):
    """The honest world.

    `conversion` is honest attributed installs per click, `organic_share` the organic part of
    honest installs. `peak_to_trough` is local: the busiest hour over the idlest.
    """

    apps: Annotated[int, Field(ge=4, le=200)] = 40
    conversion: Share = 0.00185
    organic_share: Annotated[float, Field(ge=0, lt=1)] = 0.35
    peak_to_trough: Annotated[float, Field(ge=1)] = 16.0
    roaming: Share = 0.004
    carrier_nat: Share = 0.15
    ipv6: Share = 0.05


class HardNegatives(Part):
    """Honest traffic that resembles fraud; surges are counted per 30 days."""

    push_campaigns: Annotated[int, Field(ge=0)] = 3
    incentivised_surges: Annotated[int, Field(ge=0)] = 3
    surge_installs: Share = 0.35
    mall_wifi: Share = 0.01
    broken_clocks: Share = 0.012
    test_devices: Annotated[int, Field(ge=0)] = 6
    duplicated_installs: Share = 0.004
    duplicated_events: Share = 0.002
    late_clicks: Share = 0.003
    late_installs: Share = 0.006
    late_events: Share = 0.02


class Actor(Part):
    """An attacker: what it does, how much, when, and how it answers to being blocked.

    `budget` is its installs at full activity as a share of the world's honest attributed ones;
    `click_ratio` its clicks per install over the world's. `mimicry` is the share of its installs
    that copy honest traffic at the start, and `cover` the share of the world's honest installs that
    it buys from the start to hide among. When more than `tolerance` of its installs were blocked
    lately, it takes the next of its `reactions`, and begins again after the last.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    attack: AttackName
    budget: Positive
    click_ratio: Positive = 1.0
    start: Share = 0.0
    ramp: Share = 0.1
    end: Share = 1.0
    sub_publishers: Annotated[int, Field(ge=1, le=60)] = 8
    mimicry: Share = 0.15
    cover: Share = 0.0
    tolerance: Share = 0.3
    reactions: tuple[Reaction, ...] = ()
    switch_to: AttackName | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> "Actor":
        if self.end <= self.start:
            raise ValueError(f"end ({self.end}) is not after start ({self.start})")
        if "switch" in self.reactions and self.switch_to is None:
            raise ValueError("reaction 'switch' needs switch_to, the attack to change to")
        return self


class Defender(Part):
    """The vendor's real-time rules (see `simulator.defender`).

    `vigilance` is how often a rule that holds blocks.
    """

    vigilance: Share = 0.6
    shortest_ctit_seconds: float = 4.0
    subnet_installs: Annotated[int, Field(ge=1)] = 5
    sub_publisher_days: Annotated[int, Field(ge=1)] = 3
    sub_publisher_installs: int = 12
    under_10s_share: Share = 0.35
    over_5h_share: Share = 0.55
    block_days: int = 5


class Source(Part):
    """One source of verdicts after attribution: whom it finds, how wrongly, and how late.

    `recall` is per attack; `false_positives` the share of honest attributed installs it accuses.
    A review comes in the first `delay_days` of the month after the install; any other
    source's verdict up to `delay_days` after the install.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    recall: dict[AttackName, Share]
    false_positives: Share = 0.002
    wrong_reason: Share = 0.05
    mimic_odds: Share = 0.5
    delay_days: Annotated[int, Field(ge=1, le=31)] = 7
    is_monthly_review: bool = False
    revises: Share = 0.0


class Economics(Part):
    """Costs in USD beside the payouts of the apps."""

    dispute_cost: Annotated[float, Field(ge=0)] = 0.4
    review_cost: Annotated[float, Field(ge=0)] = 0.15


class Extent(Part):
    """What every world has: a name, a length in days, exactly so many clicks, and a seed."""

    name: str
    description: str
    days: Annotated[int, Field(ge=1)]
    clicks: Annotated[int, Field(ge=1_000)]
    seed: Annotated[int, Field(ge=0)] = 7


class Scenario(Extent):
    """A world of clicks, installs, events and verdicts in AppsFlyer's reports."""

    format: Literal["appsflyer"] = "appsflyer"
    start: date = date(2026, 1, 1)
    traffic: Traffic = Traffic()
    hard_negatives: HardNegatives = HardNegatives()
    actors: tuple[Actor, ...] = ()
    defender: Defender = Defender()
    verdicts: tuple[Source, ...] = ()
    economics: Economics = Economics()

    @model_validator(mode="after")
    def _has_distinct_actors(self) -> "Scenario":
        names = [actor.name for actor in self.actors]
        if len(set(names)) < len(names):
            raise ValueError(f"actors need distinct names, found {', '.join(sorted(names))}")
        return self


class Contest(Extent):
    """Clicks in TalkingData's format: cardinalities and skews of its columns, for speed tests."""

    format: Literal["talkingdata"]
    start: date = date(2017, 11, 6)
    cardinality: dict[ContestColumn, Annotated[int, Field(ge=1)]]
    zipf: dict[ContestColumn, Positive]
    conversion: Share = 0.00247
    peak_to_trough: Annotated[float, Field(ge=1)] = 8.6

    @model_validator(mode="after")
    def _has_every_column(self) -> "Contest":
        for name in ("cardinality", "zipf"):
            missing = set(get_args(ContestColumn)) - set(getattr(self, name))
            if missing:
                raise ValueError(f"{name} lacks {', '.join(sorted(missing))}")
        return self


AnyScenario = Scenario | Contest


def built_in() -> list[str]:
    """Names of the scenarios that come with the project, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_scenario(name_or_path: str | Path, **changes: object) -> AnyScenario:
    """A built-in scenario by name, or one of the user's by the path of its file.

    `changes` replace fields, such as `days`, `clicks`, `seed` and `start`.

    Raises `UsageError` for an unknown name, and for a file that is no scenario, naming the place,
    what was found and what was expected.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = FOLDER / f"{name_or_path}.yaml"
    if not path.is_file():
        raise UsageError(
            f"no scenario {str(name_or_path)!r}",
            f"built in are {', '.join(built_in())}; a file's name ends in .yaml",
        )
    content = read_yaml(path, _HINT)
    if not isinstance(content, dict):
        raise UsageError(f"{path}: expected a mapping, found {type(content).__name__}", _HINT)
    kind = Contest if content.get("format") == "talkingdata" else Scenario
    try:
        return kind.model_validate(content | changes)
    except ValidationError as error:
        problems = [
            f"{_place(one['loc'])}: {one['msg']}"
            + ("" if one["type"] == "missing" else f" (found {one['input']!r})"[:160])
            for one in error.errors()
        ]
        raise UsageError(f"{path}:\n  " + "\n  ".join(problems), _HINT) from error


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc if part != "[key]") or "the scenario"


_HINT = "fields: docs/reference/simulator.md; an example: simulator/scenarios/default.yaml"
