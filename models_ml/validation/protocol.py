"""The protocol asked for, and what of it becomes rows of `ml.evaluations`."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from clickward.models_ml.estimators import FAMILIES
from clickward.models_ml.estimators.devices import CPU
from clickward.models_ml.evaluation.bootstrap import RESAMPLES
from clickward.models_ml.evaluation.economics import Costs
from clickward.models_ml.evaluation.measurement import TOP, Measurement
from clickward.models_ml.validation.variants import KNOWN_LABELS, MATURED_LABELS, Variant
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.errors import UsageError

KEYS = (
    "model", "variant", "train_labels", "fold", "segment", "labels", "metric",
    "value", "low", "high", "n",
)  # fmt: skip
# Every result stands beside theirs.
BASELINES = ("prior", "rules")


@dataclass(frozen=True)
class Windows:
    """The windows asked for; None is chosen to fit the data."""

    train: timedelta | None = None
    delay: timedelta | None = None
    test: timedelta | None = None
    step: timedelta | None = None


ANY_WINDOWS = Windows()


@dataclass(frozen=True)
class Protocol:
    """What is validated beside the models, and how it is measured.

    `train_labels` is `known`, the verdicts known when the test window opens, or `matured`, all
    of them. `top` is the k of precision at k, `costs` are for rows without economics. `device` is
    where families that can compute on it do.
    """

    train_labels: str = KNOWN_LABELS
    drop_known_bad: bool = False
    without_rule_features: bool = False
    leave_one_attack_out: bool = False
    top: int = TOP
    costs: Costs = field(default_factory=Costs)
    resamples: int = RESAMPLES
    seed: int = 0
    device: str = CPU

    def __post_init__(self) -> None:
        if self.train_labels not in (KNOWN_LABELS, MATURED_LABELS):
            raise UsageError(
                f"--train-labels {self.train_labels!r} is neither known nor matured",
                "known takes the verdicts known when the test window opens, matured takes all",
            )

    def variants(self, feature_set: FeatureSet, attacks: list[str]) -> list[Variant]:
        """The protocol as it is and, where asked for, without rule features and each attack."""
        base = Variant(self.train_labels, drop_known_bad=self.drop_known_bad)
        found = [base]
        if self.without_rule_features:
            found.append(
                Variant(self.train_labels, rule_features(feature_set), "", self.drop_known_bad)
            )
        if self.leave_one_attack_out:
            found += [variant.without(attack) for variant in list(found) for attack in attacks]
        return found


AS_ASKED = Protocol()


@dataclass(frozen=True)
class Evaluation:
    """Measurements of one model and variant on one fold, or on all of them (`fold` -1).

    `failure` says why nothing could be measured, or that nearly all scores are equal.
    """

    model: str
    variant: Variant
    fold: int
    test_from: datetime
    test_to: datetime
    measurements: list[Measurement]
    failure: str | None = None

    def rows(self) -> Iterator[dict[str, Any]]:
        """One object for each metric with the keys `KEYS`."""
        who = (self.model, self.variant.name, self.variant.train_labels, self.fold)
        for m in self.measurements:
            values = (*who, m.segment, m.labels, m.metric, m.value, m.low, m.high, m.n)
            yield dict(zip(KEYS, values, strict=True))


def rule_features(feature_set: FeatureSet) -> tuple[str, ...]:
    """The features that encode a rule by which verdicts are made.

    Raises `UsageError` where there is none, or nothing else.
    """
    found = tuple(f.name for f in feature_set.features if f.encodes_rule)
    if not found or len(found) == len(feature_set.features):
        raise UsageError(
            f"{'no' if not found else 'every'} feature of {feature_set.name} encodes a rule by"
            " which verdicts are made: there is nothing to compare",
            "state it in the feature's YAML: meta.encodes_rule",
        )
    return found


def with_baselines(names: list[str]) -> list[str]:
    """The models asked for, and the baselines that exist, first."""
    baselines = [name for name in BASELINES if name in FAMILIES]
    return [*baselines, *(name for name in names if name not in baselines)]
