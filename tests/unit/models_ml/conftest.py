"""Rows of two kinds, and every family fitted on them once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from clickward.models_ml.estimators import Estimator, family
from clickward.models_ml.training.run import build_estimator

Data = tuple[pl.DataFrame, np.ndarray]
# Fewer trees, for time.
SMALL: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 20},
    "adaboost": {"n_estimators": 20},
    "xgboost": {"n_estimators": 60},
    "isolation_forest": {"n_estimators": 60},
    "recurrent_net": {"steps": 3, "hidden": 8, "batch_size": 256},
    "torch_net": {"batch_size": 128},
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
def sequences(data: Data) -> pl.DataFrame:
    """Last events of two kinds beside the rows of `data`; those of frauds come fast."""
    rng = np.random.default_rng(1)
    rows = []
    for is_fraud in data[1]:
        clicks, installs = rng.integers(0, 5, 2)
        pace = 5 if is_fraud else 5000
        rows.append(
            {
                "device__last_4_click_seconds_7d": rng.exponential(pace, clicks).tolist(),
                "device__last_4_click_app_code_7d": rng.integers(0, 64, clicks).tolist(),
                "ip__last_4_ctit_seconds_1d": [None, *rng.exponential(300, installs)],
            }
        )
    lists = pl.DataFrame(rows, infer_schema_length=None)
    return lists.with_columns(pl.all().cast(pl.List(pl.Float32)))


@pytest.fixture(scope="session")
def features(data: Data, sequences: pl.DataFrame) -> Callable[[str], pl.DataFrame]:
    """What a family is given: sequences beside the features where it reads them."""

    def given(name: str) -> pl.DataFrame:
        return data[0].hstack(sequences) if family(name).reads_sequences else data[0]

    return given


@pytest.fixture(scope="session")
def parameters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each family is built with here."""
    table: Path = tmp_path_factory.mktemp("rules") / "rules.csv"
    table.write_text(RULES)
    return SMALL | {"rules": {"table": str(table)}}


@pytest.fixture(scope="session")
def fitted(
    data: Data, features: Callable[[str], pl.DataFrame], parameters: dict[str, dict[str, Any]]
) -> Any:
    """A family by name, fitted on `data` when first asked for."""
    known: dict[str, Estimator] = {}

    def get(name: str, again: bool = False) -> Estimator:
        if again or name not in known:
            model = build_estimator(name, parameters.get(name, {}), 0)
            y = data[1]
            model.fit(features(name), y if family(name).is_supervised else None)
            if again:
                return model
            known[name] = model
        return known[name]

    return get
