"""Labels as they were known at an instant: no verdict before its `known_at`."""

from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from models_ml.reading import BETWEEN, INSTANT, Span
from warehouse.connection import Warehouse
from warehouse.contracts import FeatureSet

VERDICT_SCHEMA: dict[Any, Any] = {
    "subject_id": pl.String,
    "verdict_source": pl.String,
    "value": pl.UInt8,
    "known_at": INSTANT,
}


def as_of_join(warehouse: Warehouse, feature_set: FeatureSet) -> str:
    """SQL of one row per subject with a verdict known at `{as_of}`: label, time and attack.

    Each source's latest verdict counts; the subject is positive if any of them is 1. Of two
    verdicts of one source at one instant the positive one wins, so that the answer does not
    depend on the order of rows.
    """
    return f"""(
    select
        latest.subject_id as subject_id,
        max(latest.verdict) as label_value,
        max(latest.verdict_at) as verdict_at,
        argMaxIf(latest.attack, (latest.verdict_at, latest.verdict_source), latest.verdict = 1).1
            as attack_name
    from (
        select
            subject_id,
            verdict_source,
            argMax(value, (known_at, value)) as verdict,
            argMax(tuple(attack_type), (known_at, value, ifNull(attack_type, ''))) as attack,
            max(known_at) as verdict_at
        from {warehouse.table("core", feature_set.labels)}
        where subject = '{feature_set.subject}' and target = '{feature_set.target}'
            and {BETWEEN.format(column="subject_at")}
            and known_at <= {{as_of:DateTime64(3, 'UTC')}}
        group by subject_id, verdict_source
    ) as latest
    group by latest.subject_id
)"""


def read_verdicts(warehouse: Warehouse, feature_set: FeatureSet, span: Span) -> pl.DataFrame:
    """Every verdict on the subjects of `span`: subject_id, verdict_source, value, known_at."""
    frame = warehouse.query(
        "select toString(subject_id) as subject_key, toString(verdict_source) as verdict_source,"
        f" value, known_at from {warehouse.table('core', feature_set.labels)}"
        " where subject = {subject:String} and target = {target:String}"
        f" and {BETWEEN.format(column='subject_at')}",
        subject=feature_set.subject,
        target=feature_set.target,
        from_at=span.from_at,
        to_at=span.to_at,
    )
    known_at = frame["known_at"].dt.replace_time_zone("UTC")
    return frame.rename({"subject_key": "subject_id"}).with_columns(known_at).cast(VERDICT_SCHEMA)


def labels_as_of(ids: pl.Series, verdicts: pl.DataFrame, as_of: datetime | None) -> np.ndarray:
    """Labels `(n,)` of `ids`, 0 or 1, by the verdicts known at `as_of`; None takes them all.

    The same rule as `as_of_join`, for many instants over verdicts read once.
    """
    known = verdicts if as_of is None else verdicts.filter(pl.col("known_at") <= as_of)
    latest = (
        known.sort("known_at", "value")
        .group_by("subject_id", "verdict_source")
        .agg(pl.col("value").last())
    )
    positive = latest.filter(pl.col("value") == 1)["subject_id"].unique()
    return ids.is_in(positive.implode()).to_numpy().astype(np.uint8)


def read_truth(warehouse: Warehouse, feature_set: FeatureSet, ids: pl.Series) -> pl.Series | None:
    """The attack behind each of `ids`, null where honest; None where no truth is loaded.

    Only simulated worlds have it, only for installs, and only evaluation may read it.
    """
    if feature_set.target != "is_fraud" or feature_set.subject != "install":
        return None
    if not warehouse.has_table("marts", "install_truth"):
        return None
    truth = warehouse.query(
        "select toString(install_id) as subject_key, min(toString(attack)) as attack_name"
        f" from {warehouse.table('marts', 'install_truth')} group by subject_key"
    )
    if truth.is_empty():
        return None
    left = pl.DataFrame({"subject_key": ids})
    return left.join(truth, on="subject_key", how="left", maintain_order="left")["attack_name"]
