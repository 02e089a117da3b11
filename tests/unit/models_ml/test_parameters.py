"""Hyper-parameters: what makes no sense is refused, what is admitted can be fitted."""

import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from clickward.models_ml.estimators import EXTRAS, FAMILIES, family
from clickward.models_ml.estimators.search import Parameter, one_of, real, text_or_none, whole
from clickward.models_ml.training.run import build_estimator
from clickward.warehouse.errors import UsageError

# Not declared by families: the seed, which all have, and xgboost's device, which is an option.
SHARED = {"random_state", "device"}
PAIRS = [(name, given) for name in FAMILIES for given in family(name).hyper_parameters]
NUMBERS = [
    (name, given) for name, given in PAIRS if family(name).hyper_parameters[given].low is not None
]
NONSENSE: list[Any] = [math.nan, math.inf, -math.inf, -2, -0.5, True, False, "five", [1], {"a": 1}]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_parameter_is_declared_and_its_default_admitted(name: str) -> None:
    kind = family(name)
    assert set(kind.hyper_parameters) == set(kind().get_params()) - SHARED
    for given, value in kind().get_params().items():
        assert kind.faults({given: value}) == []
    for given, searched in kind.search_space.items():
        declared = kind.hyper_parameters[given]
        for value in getattr(searched, "values", None) or (searched.low, searched.high):  # type: ignore[union-attr]
            assert declared.admits(value), f"{given}={value}"


@pytest.mark.parametrize(("name", "given"), NUMBERS)
def test_nonsense_is_refused_by_name(name: str, given: str) -> None:
    for value in NONSENSE:
        with pytest.raises(UsageError) as caught:
            build_estimator(name, {given: value}, 0)
        assert f"{name}: {given}={value!r} is not a" in caught.value.message


@pytest.mark.parametrize(
    ("declared", "sense", "nonsense", "words"),
    [
        (whole(1, also=(-1,)), [1, -1, np.int64(5), 2**31 - 1], [0, -3, 1.0, 1.5, 2**31, None],
         "a whole number from 1 on or -1"),
        (whole(2, 10, or_share=True), [2, 10, 0.5], [1, 11, 0.0, 1.0, 2.5],
         "a whole number from 2 to 10 or a share of the rows between 0 and 1"),
        (real(0, 1, above=True), [1, 1e-9, 0.5, np.float64(0.1)], [0, 1.0001, -1],
         "a number above 0 to 1"),
        (real(0, 1, below=True), [0, 0.99], [1, 1.0], "a number from 0 and below 1"),
        (real(0), [0, 1e6], [-1e-9, 1e13], "a number from 0 on"),
        (one_of(None, "balanced"), [None, "balanced"], ["Balanced", 1, {}], "null or balanced"),
        (text_or_none(), [None, "rules.csv"], [1, True], "a text or null"),
    ],
)  # fmt: skip
def test_ranges_and_their_words(
    declared: Parameter, sense: list[Any], nonsense: list[Any], words: str
) -> None:
    assert all(declared.admits(value) for value in sense)
    assert not any(declared.admits(value) for value in nonsense)
    assert declared.words() == words


def test_the_seed_and_several_faults_are_said_at_once() -> None:
    with pytest.raises(UsageError, match=r"random_state=-1 .*n_estimators=0 .*max_depth=2.5"):
        build_estimator("xgboost", {"n_estimators": 0, "max_depth": 2.5}, -1)
    with pytest.raises(UsageError, match="no parameter trees"):
        build_estimator("xgboost", {"trees": 1}, 0)


def ends(declared: Parameter) -> list[Any]:
    """The least admitted, the most where it is a share, and what is admitted besides."""
    found: list[Any] = [one for one in declared.values if one != -1]
    if declared.low is not None and declared.high is not None:
        least = declared.low + 1e-6 if declared.above else declared.low
        found.append(int(least) if declared.is_whole else least)
        if declared.high == 1 and not declared.below:
            found.append(declared.high)
    return [*found, 0.1] if declared.or_share else found


# The recurrent net wants sequences, and a table of rules has no numbers.
FITTED = [
    pytest.param(name, given, marks=pytest.mark.needs("torch") if name in EXTRAS else ())
    for name, given in PAIRS
    if given != "table" and name != "recurrent_net"
]


@pytest.mark.parametrize(("name", "given"), FITTED)
def test_what_is_admitted_can_be_fitted(name: str, given: str) -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(240) < 0.3).astype(np.uint8)
    X = pl.DataFrame(
        {"a": rng.normal(y, 1), "b": rng.normal(0, 1, 240), "c": np.where(y, "x", "z")}
    )
    for value in ends(family(name).hyper_parameters[given]):
        quick = {"n_estimators": 5} if "n_estimators" in family(name).hyper_parameters else {}
        model = build_estimator(name, quick | {given: value}, 0)
        scores = model.fit(X, y if model.is_supervised else None).predict_score(X)
        assert np.isfinite(scores).all(), f"{given}={value}"
