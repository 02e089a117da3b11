"""A registered model's threshold chosen on its own holdout, with what its installs pay."""

from typing import Any

import numpy as np

from clickward.models_ml.dataset.frames import TrainingFrame, read_frame
from clickward.models_ml.dataset.reading import Span
from clickward.models_ml.dataset.splits import to_datetime
from clickward.models_ml.evaluation.economics import (
    Costs,
    Payoffs,
    read_payoffs,
    stated_currency,
    uniform,
)
from clickward.models_ml.evaluation.thresholds import MONEY, Choice, Holdout, choose
from clickward.models_ml.scoring.run import FLAGGING_TARGET
from clickward.models_ml.training.registry import Registered, load_model, read_model
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.log import log, takes_say


@takes_say
def choose_threshold(
    warehouse: Warehouse,
    version: str,
    by: str,
    rate: float | None = None,
    capacity: str | None = None,
    costs: Costs | None = None,
) -> Choice:
    """A threshold of `version` by one of `thresholds.WAYS`, not yet set.

    Raises `UserError` for a model of another target than fraud when asked for money.
    """
    registered = read_model(warehouse, version)
    holdout = Holdout.load(load_model(warehouse, registered).folder)
    payoffs = None
    if by == MONEY:
        target = registered.row["target"]
        if target != FLAGGING_TARGET:
            raise UserError(
                f"{version} predicts {target}: only a verdict of fraud stops a payout",
                "choose --by fpr or --by capacity",
            )
        payoffs = holdout_payoffs(warehouse, registered, holdout, costs or Costs())
    return choose(holdout, by, payoffs, rate, capacity)


def holdout_payoffs(
    warehouse: Warehouse, registered: Registered, holdout: Holdout, costs: Costs
) -> Payoffs:
    """What each row of the holdout pays and costs; `costs` for all where nothing else is known."""
    frame, why = _snapshot(warehouse, registered, holdout)
    n, currency = len(holdout.y), stated_currency(warehouse)
    if frame is None:
        log(f"the same costs for every install ({why})")
        return uniform(n, costs, currency)
    if frame.manifest["subject"] != "install":
        log(f"the same costs for every {frame.manifest['subject']} (payouts are of installs)")
        return uniform(n, costs, currency)
    span = Span(to_datetime(holdout.times.min()), to_datetime(frame.times.max() + 1))
    return read_payoffs(warehouse, frame.ids[slice(len(frame) - n, None)], span, costs)


def _snapshot(
    warehouse: Warehouse, registered: Registered, holdout: Holdout
) -> tuple[TrainingFrame | None, str]:
    """The snapshot the model was trained on, where its last rows are still the holdout's."""
    path: Any = warehouse.scalar(
        f"select path from {warehouse.table('ml', 'snapshots')}"
        " where snapshot_id = {id:String} limit 1",
        id=registered.row["snapshot_id"],
    )
    if path is None or not (warehouse.project.home / path).is_file():
        return None, "its snapshot is gone"
    frame = read_frame(warehouse.project.home / path)
    if not np.array_equal(frame.times[-len(holdout.times) :], holdout.times):
        return None, "its snapshot has changed"
    return frame, ""
