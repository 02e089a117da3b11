"""A registered model's threshold chosen on its own holdout, with what its installs pay."""

from typing import Any

import numpy as np
import polars as pl

from clickward.models_ml.economics import Costs, Payoffs, read_payoffs
from clickward.models_ml.frames import TrainingFrame, read_frame
from clickward.models_ml.reading import BETWEEN
from clickward.models_ml.registry import Registered, load_model, read_model
from clickward.models_ml.scoring import FLAGGING_TARGET
from clickward.models_ml.splits import to_datetime
from clickward.models_ml.thresholds import MONEY, Choice, Holdout, choose, uniform
from clickward.models_ml.training import Say
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError

WANTED = {
    "app": "toString(app_id)",
    "publisher": "toString(publisher)",
    "payout": "toFloat64(payout)",
    "is_organic": "toUInt8(is_organic)",
}


def choose_threshold(
    warehouse: Warehouse,
    version: str,
    by: str,
    rate: float | None = None,
    capacity: str | None = None,
    costs: Costs | None = None,
    say: Say = lambda text: None,
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
        payoffs = holdout_payoffs(warehouse, registered, holdout, costs or Costs(), say)
    return choose(holdout, by, payoffs, rate, capacity)


def holdout_payoffs(
    warehouse: Warehouse, registered: Registered, holdout: Holdout, costs: Costs, say: Say
) -> Payoffs:
    """What each row of the holdout pays and costs; `costs` for all where nothing else is known."""
    frame, why = _snapshot(warehouse, registered, holdout)
    n = len(holdout.y)
    if frame is None or not warehouse.has_table("core", "installs"):
        say(f"the same costs for every install ({why or 'no installs in the store'})")
        return uniform(n, costs)
    if frame.manifest["subject"] != "install":
        say(f"the same costs for every {frame.manifest['subject']} (payouts are of installs)")
        return uniform(n, costs)
    rows = slice(len(frame) - n, None)
    last = to_datetime(frame.times.max() + 1)
    columns = ", ".join(f"{sql} as {name}_" for name, sql in WANTED.items())
    found = warehouse.query(
        f"select toString(install_id) as id, {columns} from"
        f" {warehouse.table('core', 'installs')} where {BETWEEN.format(column='event_at')}",
        from_at=to_datetime(holdout.times.min()),
        to_at=last,
    ).rename({f"{name}_": name for name in WANTED})
    entities = pl.DataFrame({"id": frame.ids[rows], "event_at": holdout.times}).join(
        found, on="id", how="left", maintain_order="left"
    )
    times = pl.col("event_at").dt.replace_time_zone("UTC")
    return read_payoffs(
        warehouse, entities.with_columns(times, pl.col("is_organic").fill_null(0)), costs
    )


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
