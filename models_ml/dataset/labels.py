"""Labels as they were known at an instant: no verdict before its `known_at`."""

from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from clickward.models_ml.dataset.reading import BETWEEN, INSTANT, Span
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet

VERDICT_SCHEMA: dict[Any, Any] = {
    "subject_id": pl.String,
    "verdict_source": pl.String,
    "value": pl.UInt8,
    "known_at": INSTANT,
    "attack_type": pl.String,
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
    """Every verdict on the subjects of `span`, with the columns of `VERDICT_SCHEMA`."""
    frame = warehouse.query(
        "select toString(subject_id) as subject_key, toString(verdict_source) as verdict_source,"
        " value, known_at, toString(attack_type) as attack_type"
        f" from {warehouse.table('core', feature_set.labels)}"
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
    positive = _positive_verdicts(verdicts, as_of)["subject_id"].unique()
    return ids.is_in(positive.implode()).to_numpy().astype(np.uint8)


def attacks_named(ids: pl.Series, verdicts: pl.DataFrame, as_of: datetime | None) -> pl.Series:
    """The attack that verdicts known at `as_of` name for each of `ids`, null where they name none.

    Of each source its latest verdict counts, and of those that are positive the latest.
    """
    named = (
        _positive_verdicts(verdicts, as_of)
        .filter(pl.col("attack_type").is_not_null())
        .sort("known_at", "verdict_source")
        .group_by("subject_id")
        .agg(pl.col("attack_type").last().alias("attack_name"))
    )
    left = pl.DataFrame({"subject_id": ids})
    return left.join(named, on="subject_id", how="left", maintain_order="left")["attack_name"]


def _positive_verdicts(verdicts: pl.DataFrame, as_of: datetime | None) -> pl.DataFrame:
    """The latest verdict of each source on each subject, where it is positive."""
    known = verdicts if as_of is None else verdicts.filter(pl.col("known_at") <= as_of)
    return (
        known.sort("known_at", "value", "attack_type")
        .group_by("subject_id", "verdict_source")
        .agg(pl.all().last())
        .filter(pl.col("value") == 1)
    )


def read_truth_rows(
    warehouse: Warehouse, feature_set: FeatureSet, ids: pl.Series
) -> pl.DataFrame | None:
    """`attack_name` and `actor_name` behind each of `ids`, null where honest.

    None where no truth is loaded. Only simulated worlds have it, only for installs, and only
    evaluation may read it.
    """
    if feature_set.target != "is_fraud" or feature_set.subject != "install":
        return None
    if not warehouse.has_table("marts", "install_truth"):
        return None
    truth = warehouse.query(
        "select toString(install_id) as subject_key, min(toString(attack)) as attack_name,"
        " min(toString(actor)) as actor_name"
        f" from {warehouse.table('marts', 'install_truth')} group by subject_key"
    )
    if truth.is_empty():
        return None
    left = pl.DataFrame({"subject_key": ids})
    return left.join(truth, on="subject_key", how="left", maintain_order="left").drop("subject_key")
