"""The extra `deep`: there in CI, said where it is missing, and what its networks do."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from clickward.models_ml.estimators import (
    EXTRAS,
    FAMILIES,
    Estimator,
    families,
    family,
)
from clickward.models_ml.estimators.sequences import UNKNOWN_CODE, EventSequences
from clickward.warehouse.errors import UserError

Data = tuple[pl.DataFrame, np.ndarray]
Fitted = Callable[..., Estimator]
needs_torch = pytest.mark.needs("torch")


def test_extras_are_named_where_they_are_needed() -> None:
    assert set(EXTRAS) == {name for name in FAMILIES if family(name).extra}


@pytest.mark.parametrize("name", EXTRAS)
def test_without_the_extra_it_is_said_what_to_install(
    name: str, data: Data, sequences: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    X, y = data
    with pytest.raises(UserError, match=f"{name} needs PyTorch") as raised:
        family(name)().fit(X.hstack(sequences), y)
    assert raised.value.hint == "pip install 'clickward[deep]'; in a checkout `make setup-deep`"


def test_all_leaves_out_what_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setitem(EXTRAS, "torch_net", "no_such_module")
    monkeypatch.setitem(EXTRAS, "recurrent_net", "no_such_module")
    said.clear()
    assert families("all") == [name for name in FAMILIES if name not in EXTRAS]
    assert said == [
        "left out, since their library is not installed: torch_net, recurrent_net"
        " (pip install 'clickward[deep]')"
    ]
    # Asked for by name it is taken: fitting says what to install.
    assert families("torch_net") == ["torch_net"]


@needs_torch
def test_training_leaves_the_library_as_it_was(data: Data, fitted: Fitted) -> None:
    import torch

    torch.manual_seed(3)
    before = torch.get_rng_state().clone()
    threads = torch.get_num_threads()
    fitted("torch_net", again=True)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


@needs_torch
def test_a_recurrent_net_needs_sequences(data: Data) -> None:
    X, y = data
    with pytest.raises(UserError, match="needs sequences of events, and these 5 features"):
        family("recurrent_net")().fit(X, y)


@needs_torch
def test_a_recurrent_net_learns_from_the_order_of_events() -> None:
    rng = np.random.default_rng(0)
    events = np.sort(rng.lognormal(3, 2, (1500, 4)), axis=1)
    y = (rng.random(1500) < 0.4).astype(np.uint8)
    events[y == 1] = events[y == 1, ::-1]  # the same values: only their order tells
    X = pl.DataFrame(
        {
            "noise": rng.random(1500),
            "ip__last_4_seconds_1d": pl.Series(events.tolist(), dtype=pl.List(pl.Float32)),
        }
    )
    model = family("recurrent_net")(hidden=8, batch_size=64, steps=4).fit(X[:1000], y[:1000])
    assert roc_auc_score(y[1000:], model.predict_score(X[1000:])) > 0.95
    reasons = model.explain(X[1000:])
    frauds = y[1000:] == 1
    assert (reasons[frauds, 1] > reasons[frauds, 0]).mean() > 0.9
    # One unit only sees what the other families cannot.
    assert roc_auc_score(y, family("logistic_regression")().fit(X, y).predict_score(X)) < 0.6


def test_events_are_laid_out_latest_last() -> None:
    X = pl.DataFrame(
        {
            "device__last_3_gap_7d": [[8.0, 4.0, None], [2.0], [], None],
            "device__last_3_app_code_7d": [[1.0, 7.0, None], [70.0], [], None],
            "ip__last_3_gap_1d": [[1.0], [1.0], [1.0, 1.0], []],
        },
        schema_overrides={
            "device__last_3_gap_7d": pl.List(pl.Float32),
            "device__last_3_app_code_7d": pl.List(pl.Float32),
            "ip__last_3_gap_1d": pl.List(pl.Float32),
        },
    )
    events = EventSequences(steps=2).fit(X)
    assert events.groups_ == [
        (["device__last_3_gap_7d"], ["device__last_3_app_code_7d"]),
        (["ip__last_3_gap_1d"], []),
    ]
    rows = events.transform(X)
    logs = np.log1p([8.0, 4.0, 2.0])
    four, two = (logs[1:] - logs.mean()) / logs.std()
    # Length, then for each event the number, whether it is unknown, and the code.
    unknown = [0, 1, UNKNOWN_CODE]
    assert rows[0, :7] == pytest.approx([2, four, 0, 7, *unknown], abs=1e-6)
    assert rows[1, :7] == pytest.approx([1, two, 0, UNKNOWN_CODE, 0, 0, UNKNOWN_CODE], abs=1e-6)
    assert rows[2, :7].tolist() == rows[3, :7].tolist() == [0, 0, 0, 64, 0, 0, 64]
    assert rows[:, 7].tolist() == [1, 1, 2, 0]
    assert np.array_equal(np.vstack([events.transform(X[i : i + 1]) for i in range(4)]), rows)


@needs_torch
def test_weights_are_plain_arrays(fitted: Fitted, tmp_path: Path) -> None:
    fitted("recurrent_net").save(tmp_path)
    with np.load(tmp_path / "weights.npz", allow_pickle=False) as arrays:
        assert {arrays[name].dtype for name in arrays.files} == {np.dtype(np.float32)}
