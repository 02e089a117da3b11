"""Rows of two kinds, and every family fitted on them once."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from models_ml.estimators import Estimator, family
from models_ml.training import build_estimator

Data = tuple[pl.DataFrame, np.ndarray]
# Fewer trees, for time.
SMALL: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 20},
    "adaboost": {"n_estimators": 20},
    "xgboost": {"n_estimators": 60},
    "isolation_forest": {"n_estimators": 60},
}
RULES = """rule,app,feature,comparison,threshold,points,sign_of
many_clicks,,clicks,>,12,2,click_flooding
many_clicks,chess,clicks,>,12,1,click_flooding
short_ctit,,ctit,<,5,1,click_injection
"""


@pytest.fixture(scope="session")
def data() -> Data:
    """Honest rows alike, frauds each in a way of its own, some values unknown."""
    rng = np.random.default_rng(0)
    n = 3000
    y = (rng.random(n) < 0.025).astype(np.uint8)
    bad = [f"bad{number}" for number in rng.integers(0, 15, n)]
    X = pl.DataFrame(
        {
            "network": np.where(y == 1, bad, rng.choice(["good", "fair", "bad1"], n)).tolist(),
            "clicks": (rng.poisson(3, n) + y * rng.integers(10, 300, n)).tolist(),
            "share": rng.random(n).tolist(),
            "install__app": rng.choice(["chess", "cards"], n).tolist(),
            "ctit": (rng.lognormal(5, 1, n) * 10.0 ** (y * -rng.uniform(1, 4, n))).tolist(),
        }
    )
    hidden = pl.Series(rng.random(n) < 0.1)
    hide = [pl.when(~hidden).then(pl.col(name)).alias(name) for name in ("network", "ctit")]
    return X.with_columns(hide), y


@pytest.fixture(scope="session")
def parameters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each family is built with here."""
    table: Path = tmp_path_factory.mktemp("rules") / "rules.csv"
    table.write_text(RULES)
    return SMALL | {"rules": {"table": str(table)}}


@pytest.fixture(scope="session")
def fitted(data: Data, parameters: dict[str, dict[str, Any]]) -> Any:
    """A family by name, fitted on `data` when first asked for."""
    known: dict[str, Estimator] = {}

    def get(name: str, again: bool = False) -> Estimator:
        if again or name not in known:
            model = build_estimator(name, parameters.get(name, {}), 0)
            X, y = data
            model.fit(X, y if family(name).is_supervised else None)
            if again:
                return model
            known[name] = model
        return known[name]

    return get
