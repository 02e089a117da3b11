"""What a validation reads once: rows, every verdict on them, who sent them, and the truth."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
import polars as pl

from clickward.models_ml.dataset.frames import TrainingFrame
from clickward.models_ml.dataset.labels import (
    attacks_named,
    labels_as_of,
    read_truth_rows,
    read_verdicts,
)
from clickward.models_ml.dataset.reading import BETWEEN, Span
from clickward.models_ml.dataset.splits import to_datetime
from clickward.models_ml.evaluation.economics import Costs, Payoffs, read_payoffs
from clickward.models_ml.evaluation.measurement import Rows
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.log import log

# Kinds of entity that precision at k ranks, and the columns that name them.
ENTITIES = {"publishers": "publisher", "subpublishers": "subpublisher"}
WANTED = {
    "publisher": "toString(publisher)",
    "subpublisher": "if(subpublisher is null, null, concat(publisher, '/', subpublisher))",
    "device": "toString(device_hash)",
    "app": "toString(app_id)",
}
SOURCES = {
    "publisher": "publisher",
    "subpublisher": "subpublisher",
    "device": "device_hash",
    "app": "app_id",
}


@dataclass(frozen=True)
class History:
    """A frame with every verdict on its rows and, where there are any, truth and entities.

    `truth` has `attack_name` and `actor_name`, `entities` the columns of `WANTED`; both hold
    the frame's rows in order, null where unknown.
    """

    frame: TrainingFrame
    verdicts: pl.DataFrame
    truth: pl.DataFrame | None = None
    entities: pl.DataFrame | None = None
    payoffs: Payoffs | None = None
    _named: dict[datetime | None, pl.Series] = field(default_factory=dict, repr=False)

    @property
    def attacks(self) -> pl.Series | None:
        """The true attack of each row; None where no truth is loaded."""
        return None if self.truth is None else self.truth["attack_name"]

    def named(self, as_of: datetime | None = None) -> pl.Series:
        """The attack of each row that the verdicts known at `as_of` name."""
        if as_of not in self._named:
            self._named[as_of] = attacks_named(self.frame.ids, self.verdicts, as_of)
        return self._named[as_of]

    def labels(self, rows: np.ndarray, as_of: datetime | None) -> np.ndarray:
        """Labels of `rows` as known at `as_of`, or by every verdict."""
        return labels_as_of(self.frame.ids[rows], self.verdicts, as_of)

    @cached_property
    def rows(self) -> Rows:
        """Blocks, days, entities and payoffs of every row."""
        days = self.frame.times.astype("datetime64[D]").astype(np.int64)
        if self.entities is None:
            return Rows(days, days)
        publishers = codes_of(self.entities["publisher"])
        width = int(publishers.max(initial=0)) + 2
        return Rows(
            days * width + publishers + 1,
            days,
            {
                kind: codes_of(self.entities[column])
                for kind, column in ENTITIES.items()
                if self.entities[column].null_count() < len(self.frame)
            },
            self.payoffs,
        )


def codes_of(names: pl.Series) -> np.ndarray:
    """Whole numbers `(n,)` for texts, in their sorted order; -1 for null."""
    known = names.drop_nulls().unique().sort()
    if known.is_empty():
        return np.full(len(names), -1, dtype=np.int64)
    places = pl.Series(np.arange(len(known)))
    codes = names.replace_strict(known, places, default=-1, return_dtype=pl.Int64)
    return codes.fill_null(-1).to_numpy()


def read_history(
    warehouse: Warehouse, feature_set: FeatureSet, frame: TrainingFrame, costs: Costs | None = None
) -> History:
    """Everything a validation needs besides the snapshot's rows."""
    span = Span(to_datetime(frame.times.min()), to_datetime(frame.times.max() + 1))
    verdicts = read_verdicts(warehouse, feature_set, span)
    entities = read_entities(warehouse, feature_set, frame.ids, span)
    payoffs = None
    # What a flag saves is told of installs; a publisher's day has no payout of its own.
    is_paid = feature_set.subject == "install" and feature_set.target == "is_fraud"
    if entities is not None and is_paid:
        payoffs = read_payoffs(warehouse, frame.ids, span, costs or Costs())
        log(f"money is in {payoffs.currency}")
    truth = read_truth_rows(warehouse, feature_set, frame.ids)
    history = History(frame, verdicts, truth, entities, payoffs)
    differing = int((history.labels(np.arange(len(frame)), None) != frame.y).sum())
    if differing:
        log(
            f"warning: {differing:,} labels of {feature_set.relation} differ from the verdicts"
            " loaded; the verdicts are used (run `clickward build` to agree)"
        )
    return history


def read_entities(
    warehouse: Warehouse, feature_set: FeatureSet, ids: pl.Series, span: Span
) -> pl.DataFrame | None:
    """Who sent each of `ids`, from the core table of the subject; None where there is none."""
    database, name = warehouse.target.database("core"), f"{feature_set.subject}s"
    present = warehouse.columns("core", name)
    if not {feature_set.subject_id, "publisher", "event_at"} <= present:
        return None
    columns = [
        f"{expression if SOURCES[column] in present else 'null'} as {column}_value"
        for column, expression in WANTED.items()
    ]
    found = warehouse.query(
        f"select toString({feature_set.subject_id}) as subject_key, {', '.join(columns)}"
        f" from {database}.{name} where {BETWEEN.format(column='event_at')}",
        from_at=span.from_at,
        to_at=span.to_at,
    )
    left = pl.DataFrame({"subject_key": ids})
    joined = left.join(found, on="subject_key", how="left", maintain_order="left")
    return joined.select(
        pl.col("publisher_value").cast(pl.String).alias("publisher"),
        pl.col("subpublisher_value").cast(pl.String).alias("subpublisher"),
        pl.col("device_value").cast(pl.String).alias("device"),
        pl.col("app_value").cast(pl.String).alias("app"),
    )
