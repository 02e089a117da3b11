"""A search space names parameters that its family has, and holds what the family does untuned."""

import pytest

from clickward.models_ml.estimators import FAMILIES, family
from clickward.models_ml.estimators.search import Choice


@pytest.mark.parametrize("name", FAMILIES)
def test_a_search_space_is_about_the_familys_own_parameters(name: str) -> None:
    kind = family(name)
    untuned = kind().get_params()
    assert set(kind.search_space) <= set(untuned)
    for parameter, allowed in kind.search_space.items():
        if isinstance(allowed, Choice):
            assert untuned[parameter] in allowed.values, parameter
        else:
            assert allowed.low <= untuned[parameter] <= allowed.high, parameter
            assert allowed.low > 0 or not allowed.log, parameter
