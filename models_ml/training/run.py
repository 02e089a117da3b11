"""Training: pull a snapshot, set thresholds on later data, fit on everything, register."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from clickward.models_ml.dataset.reading import check_built
from clickward.models_ml.dataset.snapshot import Advance, Snapshot, pull_snapshot, stored_path
from clickward.models_ml.estimators import FAMILIES, Estimator, family, is_installed
from clickward.models_ml.estimators.calibration import (
    AUTO,
    NONE,
    OWN,
    Calibration,
    fit_calibration,
    method_for,
)
from clickward.models_ml.estimators.devices import CPU, check_device
from clickward.models_ml.evaluation.flatness import failure_of
from clickward.models_ml.evaluation.metrics import thresholds_of
from clickward.models_ml.evaluation.thresholds import Holdout
from clickward.models_ml.training.artifacts import load_artifact, model_version, save_artifact
from clickward.models_ml.training.learners import PLAIN, Learner, Means, choose_learner
from clickward.models_ml.training.registry import (
    is_registered,
    load_model,
    read_model,
    register_model,
)
from clickward.models_ml.training.training_window import training_window
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.durations import format_duration, parse_instant
from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.log import log, takes_say
from clickward.warehouse.run_log import Run, ensure_ml_tables, to_json

if TYPE_CHECKING:
    from clickward.models_ml.training.cluster import Cluster


class ModelFailure(UserError):
    """The model was fitted and tells no row from another; nothing is registered."""


@dataclass(frozen=True)
class Trained:
    """What training gave: the version, its row in `ml.models`, and whether it is new."""

    model_version: str
    row: dict[str, Any]
    thresholds: dict[str, float]
    is_new: bool


@dataclass(frozen=True)
class Parts:
    """What goes into an artifact beside the estimator."""

    thresholds: dict[str, float]
    holdout: Holdout
    method: str
    calibration: Calibration | None


@takes_say
def train(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    model: str,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    as_of: datetime | None = None,
    delay: timedelta = timedelta(),
    seed: int = 0,
    parameters: dict[str, Any] | None = None,
    calibrate: str = AUTO,
    means: Means = PLAIN,
    advance: Advance = lambda rows: None,
) -> Trained:
    """Train `model` on the subjects of `[from_at, to_at)` and register it.

    `delay` is the time labels are given to arrive: see `training_window`. The same snapshot,
    parameters and seed give the same version, which is fitted and registered once. `calibrate`
    is how scores become probabilities: see `calibration.method_for`. `means` is what it is computed
    with; a graphics card or a cluster makes a version of its own.
    """
    estimator = build_estimator(model, parameters or {}, seed, means.device)
    method = method_for(estimator, calibrate)
    run = Run(
        "train", feature_set, {"model": model, "from": from_at, "to": to_at, "as_of": as_of,
                               "delay": delay, "seed": seed, "parameters": parameters or {},
                               "calibrate": calibrate},
    )  # fmt: skip
    if means.device != CPU or means.dask is not None:
        run.parameters.update(device=means.device, dask=means.dask)
    with cluster_for(estimator, means) as cluster:
        ensure_ml_tables(warehouse)
        check_built(warehouse, feature_set)
        span, as_of, why = training_window(warehouse, feature_set, from_at, to_at, as_of, delay)
        log(f"labels {why}")
        snapshot = pull_snapshot(
            warehouse, feature_set, span.from_at, span.to_at, as_of, advance=advance
        )
        waited = format_duration(delay)
        version = model_version(
            estimator, feature_set, snapshot.snapshot_id, waited, calibrate,
            members=None if cluster is None else len(cluster),
        )  # fmt: skip
        if is_registered(warehouse, version):
            known = read_model(warehouse, version)
            load_model(warehouse, known)
            log(f"{version} is already trained on this snapshot: nothing to do")
            return Trained(version, known.row, known.thresholds, is_new=False)
        with learner_for(estimator, warehouse, run, snapshot, cluster, means) as learner:
            parts = _learn(estimator, snapshot, learner, method)
    row = _save(warehouse, feature_set, estimator, version, snapshot, parts)
    committed = Run(run.kind, feature_set, run.parameters, version, run.started_at)
    register_model(warehouse, committed, row, parts.thresholds)
    return Trained(version, row, parts.thresholds, is_new=True)


def _learn(estimator: Estimator, snapshot: Snapshot, learner: Learner, method: str) -> Parts:
    """Thresholds and calibration from the holdout, then the estimator fitted on every row."""
    log(f"snapshot {snapshot.snapshot_id}: {learner.rows:,} rows, {learner.positives:,} positives")
    holdout = learner.holdout(estimator)
    failure = failure_of(estimator.kind, holdout.scores)
    if failure:
        raise ModelFailure(
            f"{failure} (on the holdout, the last 20 % of the training time); it is not registered",
            "train on a longer time (--from, --to), in which features vary, or another --model",
        )
    thresholds = _thresholds(holdout)
    method, calibration = _calibrate(estimator, holdout, method)
    learner.fit(estimator)
    return Parts(thresholds, holdout, method, calibration)


@contextmanager
def cluster_for(estimator: Estimator, means: Means) -> Iterator["Cluster | None"]:
    """The cluster to learn on, its devices checked; None where this process learns.

    Raises `UsageError` where the family does not learn on clusters.
    """
    if means.dask is None:
        check_device(means.device)
        yield None
        return
    if not estimator.learns_from_batches:
        able = able_families("learns_from_batches")
        raise UsageError(f"{estimator.name} does not learn on a cluster", f"--dask is for {able}")
    from clickward.models_ml.training.cluster import cluster_at

    with cluster_at(means.dask) as cluster:
        cluster.check_device(means.device)
        yield cluster


@contextmanager
def learner_for(
    estimator: Estimator,
    warehouse: Warehouse,
    run: Run,
    snapshot: Snapshot,
    cluster: "Cluster | None",
    means: Means,
) -> Iterator[Learner]:
    """What reads the snapshot and learns from it: this process, or the cluster's workers."""
    if cluster is None:
        yield choose_learner(estimator, snapshot, warehouse.project.home, means.limits)
        return
    from clickward.models_ml.training.cluster import learner_on

    with learner_on(cluster, warehouse, run.feature_set, snapshot, means.limits) as learner:
        yield learner


def build_estimator(
    model: str, parameters: dict[str, Any], seed: int, device: str = CPU
) -> Estimator:
    """An unfitted estimator.

    Raises `UsageError` naming the parameters it takes, what a parameter may be, or the devices.
    """
    kind = family(model)
    if device != CPU and not kind.takes_device:
        raise UsageError(
            f"{model} computes on the processor, not on {device}",
            f"leave --device out; it is for {able_families('takes_device')}",
        )
    known = kind().get_params()
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise UsageError(
            f"{model} has no parameter {', '.join(unknown)}",
            "parameters are " + ", ".join(f"{name}={value}" for name, value in known.items()),
        )
    given = {"random_state": seed} | parameters
    faults = kind.faults(given)
    if faults:
        raise UsageError(
            f"{model}: {'; '.join(faults)}",
            "see docs/reference/models.md or `clickward models list --available --json`",
        )
    placed = {} if device == CPU else {"device": device}
    return kind(**(placed | given))


def able_families(ability: str) -> str:
    """Names of the installed families that say they can, such as `takes_device`."""
    return ", ".join(
        name for name in FAMILIES if is_installed(name) and getattr(family(name), ability)
    )


def _calibrate(
    estimator: Estimator, holdout: Holdout, method: str
) -> tuple[str, Calibration | None]:
    """The method used and the map; where nobody asked for one that cannot be fitted, none."""
    if method in (OWN, NONE):
        return method, None
    try:
        found = fit_calibration(holdout.scores, holdout.y, method)
    except UserError as error:
        if method != AUTO:
            raise
        log(f"no probabilities: {error.message}")
        return NONE, None
    learnt = "" if estimator.is_supervised else "; labels are used here and nowhere before"
    log(f"probabilities: {found.method}, on {int(holdout.y.sum()):,} holdout positives{learnt}")
    return found.method, found


def _thresholds(holdout: Holdout) -> dict[str, float]:
    """Those that the holdout's labels allow; the others are reported."""
    found = thresholds_of(holdout.scores, holdout.y)
    unset = [name for name, value in found.items() if value is None]
    if unset:
        positives = int(holdout.y.sum())
        log(
            f"cannot set {', '.join(unset)}: the holdout has {positives:,} positives among"
            f" {len(holdout.y):,} rows; by these nothing is flagged until one is set:"
            " `clickward thresholds choose VERSION --by capacity --capacity 200/day`"
        )
    return {name: value for name, value in found.items() if value is not None}


def _save(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    estimator: Estimator,
    version: str,
    snapshot: Snapshot,
    parts: Parts,
) -> dict[str, Any]:
    """Write the artifact; the row of `ml.models` that describes it."""
    manifest = snapshot.manifest
    row = {
        "model_version": version,
        "model": estimator.name,
        "feature_set": feature_set.name,
        "target": feature_set.target,
        "snapshot_id": snapshot.snapshot_id,
        "contract_hash": feature_set.contract_hash,
        "features": [feature.name for feature in feature_set.features],
        "parameters": to_json(estimator.get_params()),
        "trained_from": parse_instant(manifest["from"]),
        "trained_to": parse_instant(manifest["to"]),
        "rows": manifest["rows"],
        "positives": manifest["positives"],
        "calibration": parts.method,
    }
    folder = warehouse.project.home / "models" / version
    saves = [parts.holdout.save]
    if parts.calibration is not None:
        saves.append(parts.calibration.save)
    metadata = row | {"thresholds": parts.thresholds}
    row["artifact_hash"] = save_artifact(estimator, metadata, folder, saves)
    load_artifact(folder, row["artifact_hash"])  # what cannot be loaded is not registered
    row["artifact_path"] = stored_path(warehouse, folder)
    return row
