"""Reasons in an analyst's words, from the contract's descriptions."""

import pytest

from clickward.models_ml.estimators.reasons import in_words
from clickward.warehouse.contracts import Feature, list_features
from clickward.warehouse.profile import find_project


def described(description: str) -> Feature:
    return Feature("x__y_1d", "UInt8", description, "feat_x", "x", "1d", "count", "0", ())


@pytest.mark.parametrize(
    ("description", "value", "words"),
    [
        ("Clicks of the same device in the 7 days before.", "12",
         "Clicks of the same device in the 7 days before: 12"),
        ("Click-to-install time, seconds; NULL for an organic install.", "4",
         "Click-to-install time, seconds: 4"),
        ("1 where nobody claims the install.", "1", "nobody claims the install"),
        ("1 where nobody claims the install.", "0", "not so: nobody claims the install"),
        ("1 where nobody claims the install.", "unknown", "nobody claims the install: unknown"),
        ("", "3", "x__y_1d: 3"),
    ],
)  # fmt: skip
def test_words(description: str, value: str, words: str) -> None:
    assert in_words(described(description), value) == words


def test_every_feature_of_the_project_has_words_of_its_own() -> None:
    for feature in list_features(find_project()):
        words = in_words(feature, "7")
        assert words.endswith(": 7"), feature.name
        assert feature.name not in words
