"""Scoring: stream a feature set through a model into `ml.scores`, then commit the run."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from clickward.models_ml.dataset.frames import split_sequences
from clickward.models_ml.dataset.reading import (
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
from clickward.models_ml.dataset.snapshot import Advance
from clickward.models_ml.estimators.reasons import in_words, top_reasons
from clickward.models_ml.evaluation.flatness import Spread
from clickward.models_ml.evaluation.metrics import THRESHOLDS
from clickward.models_ml.scoring.changes import count_changes, features_hash, unlike_last_score
from clickward.models_ml.training.artifacts import Artifact
from clickward.models_ml.training.registry import (
    CHALLENGER,
    RETIRED,
    Registered,
    choose_model,
    holder_of,
    load_model,
    role_of,
)
from clickward.warehouse.connection import Warehouse, connection
from clickward.warehouse.contracts import FeatureSet, read_manifest
from clickward.warehouse.durations import utc_now
from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.log import log, takes_say
from clickward.warehouse.profile import Project
from clickward.warehouse.run_log import Run, drop_uncommitted, ensure_ml_tables

# Only a verdict of fraud may flag: a model of conversions would flag the best publishers.
FLAGGING_TARGET = "is_fraud"
# Kinds of run that write scores: the first only can be in force.
SCORE, SHADOW = "score", "shadow"
KINDS = f"{SCORE},{SHADOW}"


@dataclass(frozen=True)
class ScoreRun:
    """A committed score run; `kind` is `score`, in production, or `shadow`.

    `failure` says that nearly all scores are equal, where they are.
    """

    run_id: str
    kind: str
    model_version: str
    rows: int
    flagged: int | None
    span: Span
    failure: str | None = None
    challenger: "ScoreRun | None" = None


@takes_say
def score(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    version: str | None = None,
    threshold: str | None = None,
    batch_rows: int = 50_000,
    only_changed: bool = False,
    production: bool = False,
    advance: Advance = lambda rows: None,
) -> ScoreRun:
    """Score the subjects of `[from_at, to_at)`, one batch in memory at a time.

    A score at or above the model's `threshold` of that name is flagged; None is its operating
    threshold. Without a `version` the champion scores, and a challenger beside it. The run of a
    challenger or of a retired version is of kind `shadow`, whose scores are never in force, so
    that it flags nobody; with `production` it counts as the champion's until roles are decided
    again. With `only_changed` subjects are left out whose features are those that the model
    version scored last; the run's ledger row says how many were new and how many had changed, even
    where there were none.

    Rows count only once the run stands in `ml.runs`, which is written last; a start removes
    what killed runs left. Scoring again is another run over the same subjects.
    """
    if batch_rows < 1:
        raise UsageError("--batch-rows must be 1 or more")
    ensure_ml_tables(warehouse)
    check_built(warehouse, feature_set)
    dropped = drop_uncommitted(warehouse, KINDS, "scores", "scored_at")
    if dropped:
        log(f"removed {dropped:,} scores of runs that never ended")
    chosen, why = choose_model(warehouse, feature_set, version)
    if threshold is not None and threshold not in {*THRESHOLDS, *chosen.thresholds}:
        raise UsageError(
            f"no threshold of {chosen.model_version} is called {threshold!r}",
            f"thresholds are {', '.join(chosen.thresholds)}",
        )
    span = resolve_span(warehouse, feature_set, from_at, to_at)
    rows = count_rows(warehouse, feature_set, span)
    log(f"scoring {rows:,} subjects of {feature_set.name} in {span}")
    role = role_of(warehouse, feature_set.name, chosen.model_version)
    log(f"with {chosen.model_version} ({why if not role or role in why else f'{why}; {role}'})")
    kind = SHADOW if role in (CHALLENGER, RETIRED) and not production else SCORE
    if kind == SHADOW:
        log(
            f"a shadow run, for this version is {role}: its scores are kept beside those in force"
            " and flag nobody; --production makes them count"
        )
    name = threshold or chosen.operating
    if feature_set.target == FLAGGING_TARGET:
        limit = chosen.thresholds.get(name)
        log(
            f"nothing is flagged: the model has no {name} threshold"
            if limit is None
            else f"flagged at {limit:.6g} and above ({name})"
        )
    work = Work(warehouse, feature_set, span, batch_rows, only_changed, production, advance)
    run = _run(work, kind, chosen, name)
    beside = holder_of(warehouse, feature_set.name, CHALLENGER) if version is None else None
    if beside is None or beside == chosen.model_version:
        return run
    try:
        challenger, _ = choose_model(warehouse, feature_set, beside)
    except UserError as error:
        log(f"the challenger is left out: {error.message}")
        return run
    log(f"beside it {beside} (the challenger)")
    return replace(run, challenger=_run(work, SHADOW, challenger, challenger.operating))


@dataclass(frozen=True)
class Work:
    """What one call of `score` scores, whichever model does."""

    warehouse: Warehouse
    feature_set: FeatureSet
    span: Span
    batch_rows: int
    only_changed: bool
    production: bool
    advance: Advance


def _run(work: Work, kind: str, chosen: Registered, threshold: str) -> ScoreRun:
    """Score every subject with one model and commit the run."""
    warehouse, feature_set, span = work.warehouse, work.feature_set, work.span
    artifact = load_model(warehouse, chosen)
    condition, counts = "true", dict[str, int]()
    if work.production and kind == SCORE:
        counts["production"] = True
    if work.only_changed:
        version = chosen.model_version
        condition = unlike_last_score(warehouse, feature_set, version, kind)
        found = count_changes(warehouse, feature_set, version, kind, span, condition)
        counts |= {"only_changed": True} | found
        log(f"{found['new']:,} subjects are new, {found['changed']:,} changed since")
    run = Run(
        kind,
        feature_set,
        {
            "from": span.from_at, "to": span.to_at, "batch": work.batch_rows,
            "threshold": threshold,
        } | counts,
    )  # fmt: skip
    written, flagged, spread = 0, 0, Spread()
    for batch in rebatch(_stream(warehouse, feature_set, span, condition), work.batch_rows):
        scored = score_batch(artifact, chosen, feature_set, run.run_id, batch, threshold)
        warehouse.insert(warehouse.table("ml", "scores"), scored)
        written += scored.height
        spread.add(scored["score"].to_numpy())
        flagged += int(scored["is_flagged"].sum() or 0)
        work.advance(scored.height)
    run.commit(warehouse, rows=written, model_version=chosen.model_version)
    flags = flagged if feature_set.target == FLAGGING_TARGET else None
    if spread.failure:
        log(
            f"warning: {chosen.model_version}: {spread.failure}; look at the features"
            f" (mart_feature_drift_daily), train again or promote another version"
        )
    return ScoreRun(run.run_id, kind, chosen.model_version, written, flags, span, spread.failure)


def score_batch(
    artifact: Artifact,
    model: Registered,
    feature_set: FeatureSet,
    run_id: str,
    batch: pl.DataFrame,
    threshold_name: str,
) -> pl.DataFrame:
    """Rows of `ml.scores` for a batch of id, event_at and features, in the batch's order."""
    X, sequences = split_sequences(batch.select(feature.name for feature in feature_set.features))
    if sequences is not None and artifact.estimator.reads_sequences:
        X = X.hstack(sequences)
    threshold = model.thresholds.get(threshold_name)
    flags = threshold is not None and feature_set.target == FLAGGING_TARGET
    raw = artifact.estimator.predict_score(X)
    scores = pl.Series("score", raw, dtype=pl.Float64)
    probability = artifact.probability(raw)
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
        pl.lit(probability, dtype=pl.Float64).alias("probability")
        if probability is None
        else pl.Series("probability", probability, dtype=pl.Float64),
        *(pl.lit(value).alias(name) for name, value in constants.items()),
        pl.lit(threshold, dtype=pl.Float64).alias("threshold"),
        (scores >= threshold if flags else pl.lit(None)).cast(pl.UInt8).alias("is_flagged"),
        pl.lit(utc_now()).cast(INSTANT).alias("scored_at"),
    )
    return scored.hstack(top_reasons(X, artifact.estimator.explain(X)))


def highest(
    warehouse: Warehouse, feature_set: FeatureSet, run_id: str, top: int
) -> list[dict[str, Any]]:
    """The subjects a run scored highest, with their reasons in words."""
    features = {feature.name: feature for feature in feature_set.features}
    rows = warehouse.query(
        "select toString(subject_id) as subject_id, subject_at, score, probability, is_flagged,"
        f" reason_features, reason_values from {warehouse.table('ml', 'scores')}"
        " where run_id = {run_id:String} order by score desc, subject_id limit {top:UInt32}",
        run_id=run_id,
        top=top,
    ).to_dicts()
    for row in rows:
        named = zip(row.pop("reason_features"), row.pop("reason_values"), strict=True)
        row["reasons"] = [in_words(features[name], value) for name, value in named]
    return rows


def build_readers(project: Project) -> bool:
    """Build the dbt models that read what `ml` holds; False where none reads scores.

    All of them, since a run of `train` or `promote` before it changed champions and references of
    drift too, and the seed that money is counted by.
    """
    from clickward.warehouse.build import build

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
        log("no dbt model reads ml.scores yet: nothing to build")
        return False
    with connection(project) as warehouse:
        build(warehouse, ["source:ml+", "app_economics", "exchange_rates"])
    log("built the models that read the scores")
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
