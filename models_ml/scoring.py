"""Scoring: stream a feature set through a model into `ml.scores`, then commit the run."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from models_ml.artifacts import Artifact
from models_ml.changes import count_changes, ensure_scores, features_hash, unlike_last_score
from models_ml.durations import utc_now
from models_ml.ledger import Run, drop_uncommitted
from models_ml.metrics import BALANCED, THRESHOLDS
from models_ml.reading import (
    BETWEEN,
    INSTANT,
    Span,
    check_built,
    count_rows,
    days_in,
    feature_columns,
    rebatch,
    resolve_span,
    tidy,
)
from models_ml.reasons import top_reasons
from models_ml.registry import Registered, choose_model, load_model
from models_ml.snapshot import Advance
from models_ml.training import Say
from warehouse.connection import Warehouse
from warehouse.contracts import FeatureSet, read_manifest
from warehouse.errors import UsageError
from warehouse.profile import Project

# Only a verdict of fraud may flag: a model of conversions would flag the best publishers.
FLAGGING_TARGET = "is_fraud"


@dataclass(frozen=True)
class ScoreRun:
    """A committed score run."""

    run_id: str
    model_version: str
    rows: int
    flagged: int | None
    span: Span


def score(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    version: str | None = None,
    threshold: str = BALANCED,
    batch_rows: int = 50_000,
    only_changed: bool = False,
    say: Say = lambda text: None,
    advance: Advance = lambda rows: None,
) -> ScoreRun:
    """Score the subjects of `[from_at, to_at)`, one batch in memory at a time.

    A score at or above the model's `threshold` of that name is flagged. With `only_changed`
    subjects are left out whose features are those that the model version scored last; the run's
    ledger row says how many were new and how many had changed, even where there were none.

    Rows count only once the run stands in `ml.runs`, which is written last; a start removes
    what killed runs left. Scoring again is another run over the same subjects.
    """
    if batch_rows < 1:
        raise UsageError("--batch-rows must be 1 or more")
    if threshold not in THRESHOLDS:
        raise UsageError(
            f"no threshold is called {threshold!r}", f"thresholds are {', '.join(THRESHOLDS)}"
        )
    check_built(warehouse, feature_set)
    ensure_scores(warehouse)
    dropped = drop_uncommitted(warehouse, "score", "scores", "scored_at")
    if dropped:
        say(f"removed {dropped:,} scores of runs that never ended")
    chosen, why = choose_model(warehouse, feature_set, version)
    artifact = load_model(warehouse, chosen)
    span = resolve_span(warehouse, feature_set, from_at, to_at)
    condition, counts = "true", {}
    if only_changed:
        condition = unlike_last_score(warehouse, feature_set, chosen.model_version)
        counts = count_changes(warehouse, feature_set, chosen.model_version, span, condition)
        rows = sum(counts.values())
        say(f"{counts['new']:,} subjects are new, {counts['changed']:,} changed since their score")
    else:
        rows = count_rows(warehouse, feature_set, span)
    say(f"scoring {rows:,} subjects of {feature_set.name} in {span}")
    say(f"with {chosen.model_version} ({why})")
    if feature_set.target == FLAGGING_TARGET:
        limit = chosen.thresholds.get(threshold)
        say(
            f"nothing is flagged: the model has no {threshold} threshold"
            if limit is None
            else f"flagged at {limit:.6g} and above ({threshold})"
        )
    run = Run(
        "score",
        feature_set,
        {"from": span.from_at, "to": span.to_at, "batch": batch_rows, "threshold": threshold}
        | ({"only_changed": True} | counts if only_changed else {}),
    )
    written, flagged = 0, 0
    for batch in rebatch(_stream(warehouse, feature_set, span, condition), batch_rows):
        scored = score_batch(artifact, chosen, feature_set, run.run_id, batch, threshold)
        warehouse.insert(warehouse.table("ml", "scores"), scored)
        written += scored.height
        flagged += int(scored["is_flagged"].sum() or 0)
        advance(scored.height)
    run.commit(warehouse, rows=written, model_version=chosen.model_version)
    flags = flagged if feature_set.target == FLAGGING_TARGET else None
    return ScoreRun(run.run_id, chosen.model_version, written, flags, span)


def score_batch(
    artifact: Artifact,
    model: Registered,
    feature_set: FeatureSet,
    run_id: str,
    batch: pl.DataFrame,
    threshold_name: str = BALANCED,
) -> pl.DataFrame:
    """Rows of `ml.scores` for a batch of id, event_at and features, in the batch's order."""
    X = batch.select(feature.name for feature in feature_set.features)
    threshold = model.thresholds.get(threshold_name)
    flags = threshold is not None and feature_set.target == FLAGGING_TARGET
    scores = pl.Series("score", artifact.estimator.predict_score(X), dtype=pl.Float64)
    constants = {
        "run_id": run_id,
        "feature_set": feature_set.name,
        "subject": feature_set.subject,
        "target": feature_set.target,
        "model": model.row["model"],
        "model_version": model.model_version,
        "snapshot_id": model.row["snapshot_id"],
        "contract_hash": model.row["contract_hash"],
        "threshold_name": "" if threshold is None else threshold_name,
    }
    scored = batch.select(subject_id=feature_set.subject_id, subject_at="event_at").with_columns(
        scores,
        batch["features_hash"],
        *(pl.lit(value).alias(name) for name, value in constants.items()),
        pl.lit(threshold, dtype=pl.Float64).alias("threshold"),
        (scores >= threshold if flags else pl.lit(None)).cast(pl.UInt8).alias("is_flagged"),
        pl.lit(utc_now()).cast(INSTANT).alias("scored_at"),
    )
    return scored.hstack(top_reasons(X, artifact.estimator.explain(X)))


def build_readers(project: Project, say: Say = lambda text: None) -> bool:
    """Build the dbt models that read what `ml` holds; False, said aloud, where none reads scores.

    All of them, since a run of `train` or `promote` before it changed champions and references of
    drift too, and the seed that money is counted by.
    """
    from warehouse.build import run_dbt

    manifest = read_manifest(project)
    source = next(
        (
            key
            for key, node in manifest["sources"].items()
            if (node["source_name"], node["name"]) == ("ml", "scores")
        ),
        None,
    )
    readers = [
        key
        for key in manifest.get("child_map", {}).get(source, [])
        if key.split(".")[0] in ("model", "snapshot")
    ]
    if not readers:
        say("no dbt model reads ml.scores yet: nothing to build")
        return False
    run_dbt(project, ["build", "--select", "source:ml+", "app_economics"])
    say("built the models that read the scores")
    return True


def _stream(
    warehouse: Warehouse, feature_set: FeatureSet, span: Span, condition: str
) -> Iterator[pl.DataFrame]:
    query = (
        f"select toString(f.{feature_set.subject_id}) as subject_key, f.event_at as event_at,"
        f" {features_hash(feature_set)} as features_hash,"
        f" {feature_columns(feature_set)} from {feature_set.relation} as f"
        f" where {BETWEEN.format(column='f.event_at')} and ({condition})"
        " order by f.event_at, subject_key"
    )
    for day in days_in(warehouse, feature_set, span):
        for frame in warehouse.stream(query, from_at=day.from_at, to_at=day.to_at):
            yield tidy(frame, feature_set)
