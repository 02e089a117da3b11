"""Threads wait asleep, are as many as rows are worth, and change no figure."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from clickward.models_ml.estimators import EXTRAS, FAMILIES, Estimator, base, family, threads
from clickward.models_ml.estimators.threads import SMALL, on_threads, threads_for
from clickward.models_ml.training.run import build_estimator

Data = tuple[pl.DataFrame, np.ndarray]
HERE = [pytest.param(n, marks=pytest.mark.needs("torch") if n in EXTRAS else ()) for n in FAMILIES]


@pytest.fixture(autouse=True)
def _own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has chosen a number of threads; the libraries would take two."""
    for name in threads.CHOSEN:
        monkeypatch.delenv(name, raising=False)


def spins(code: str, **environment: str) -> set[int]:
    """How often a thread looks before it sleeps, by OpenMP's own word, where `code` runs."""
    told = {"OMP_DISPLAY_ENV": "VERBOSE"} | environment
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("OMP", "GOMP"))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept | told, text=True, capture_output=True, check=True
    )
    return {int(count) for count in re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)}


@pytest.mark.parametrize(
    "code",
    [
        "import clickward.models_ml.estimators.xgboost",
        "from clickward.models_ml.validation import validate",
        "from clickward.cli.main import app; import sklearn.ensemble",
        "import clickward; import sklearn.ensemble",
    ],
)
def test_threads_wait_asleep_whatever_is_imported(code: str) -> None:
    assert spins(code) == {0}


def test_a_setting_of_ones_own_wins_over_ours() -> None:
    code = "import clickward; import sklearn.ensemble"
    assert spins(code, GOMP_SPINCOUNT="77") == {77}
    assert min(spins(code, OMP_WAIT_POLICY="ACTIVE")) > 0
    # The fault that this is against: without us they spin.
    assert min(spins("import sklearn.ensemble")) > 0


def test_openblas_is_told_to_sleep_too() -> None:
    code = "import os, clickward; print(os.environ['OPENBLAS_THREAD_TIMEOUT'])"
    own = os.environ | {"OPENBLAS_THREAD_TIMEOUT": "20"}
    for environment, wanted in ((None, "4"), (own, "20")):
        told = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
        assert told.strip() == wanted


def test_few_values_take_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [threads_for(values) for values in (0, SMALL, SMALL + 1)] == [1, 1, None]
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert [threads_for(values) for values in (0, SMALL + 1)] == [None, None]
    with on_threads(3):
        assert [threads_for(values) for values in (0, SMALL + 1)] == [3, 3]
        with on_threads(None):
            assert threads_for(0) is None
        assert threads_for(0) == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads_for(0) == 1


class Watched(Estimator):
    """Notes how many threads each kind of library would take while it works."""

    name = "watched"
    is_supervised = False

    def __init__(self) -> None:
        self.seen: list[dict[str, set[int]]] = []

    def _fit(self, X: pl.DataFrame, y: Any) -> None:
        self.seen.append(taken())

    def _score(self, X: pl.DataFrame) -> np.ndarray:
        self.seen.append(taken())
        return np.zeros(X.height)

    def _explain(self, X: pl.DataFrame) -> np.ndarray:
        self.seen.append(taken())
        return np.zeros(X.shape)


def taken() -> dict[str, set[int]]:
    """Threads by kind of library."""
    found: dict[str, set[int]] = {}
    for library in threadpool_info():
        found.setdefault(library["user_api"], set()).add(library["num_threads"])
    return found


@pytest.mark.parametrize(
    ("height", "asked", "openmp"),
    [(10, None, 1), (SMALL // 2 + 1, None, 2), (10, 2, 2), (SMALL // 2 + 1, 1, 1)],
)
def test_libraries_are_held_to_it_while_an_estimator_works(
    height: int, asked: int | None, openmp: int
) -> None:
    X = pl.DataFrame({"a": np.zeros(height), "b": np.zeros(height)})
    with threadpool_limits(2):
        before = taken()
        with on_threads(asked):
            watched = Watched()
            watched.fit(X)
            watched.predict_score(X)
            watched.explain(X)
        assert watched.seen == [{"openmp": {openmp}, "blas": {1}}] * 3
        assert taken() == before == {"openmp": {2}, "blas": {2}}


@pytest.mark.parametrize("name", HERE)
def test_their_number_changes_no_figure(
    name: str, data: Data, features: Callable[[str], pl.DataFrame], parameters: dict[str, Any]
) -> None:
    y = data[1] if family(name).is_supervised else None
    found = []
    for count in (1, 2):
        with threadpool_limits(2), on_threads(count):
            model = build_estimator(name, parameters.get(name, {}), 0).fit(features(name), y)
            X = features(name)[:300]
            found.append((model.predict_score(X).tobytes(), model.explain(X).tobytes()))
    assert found[0] == found[1]


def wide(rows: int) -> Data:
    """Rows enough for BLAS to share them out."""
    rng = np.random.default_rng(5)
    values = rng.lognormal(1, 1, (rows, 40))
    y = np.log(values) @ rng.normal(size=40) > 4
    return pl.DataFrame({f"f{i}": values[:, i] for i in range(40)}), y.astype(np.uint8)


@pytest.mark.parametrize("name", ["xgboost", "rbf_svm", "logistic_regression", "random_forest"])
def test_not_on_wide_rows_either(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = wide(6000)
    small = {"n_estimators": 20} if hasattr(family(name)(), "n_estimators") else {}

    def scores(count: int) -> bytes:
        with threadpool_limits(count), on_threads(count):
            return family(name)(**small).fit(X, y).predict_score(X).tobytes()

    assert scores(1) == scores(2)
    if name == "rbf_svm":
        # The fault that this is against: products of matrices whose sums are shared out.
        monkeypatch.setattr(base, "fitted_to", lambda values: nullcontext())
        assert scores(1) != scores(2)
