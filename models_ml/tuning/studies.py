"""Studies on disk: Optuna's own SQLite file, one for each study, that any killed run continues."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from clickward.models_ml.dataset.reading import INSTANT
from clickward.models_ml.estimators.search import Choice, Range, Whole
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.durations import utc_now
from clickward.warehouse.errors import UserError
from clickward.warehouse.run_log import Run, drop_uncommitted, to_json

FOLDER = "studies"
# Trials before the median of the others may prune one.
UNPRUNED = 5
ERROR, FOLDS, FACTS = "error", "folds", "facts"
# Values on each fold, of parameters; it asks after each whether to stop there.
Scores = Callable[[dict[str, Any], Callable[[int, float], bool]], list[float]]


@dataclass(frozen=True)
class Trial:
    """One finished trial: `complete`, `pruned` after some folds, or `failed` on an error.

    `value` is the metric's mean over the folds measured, None where it failed.
    """

    number: int
    state: str
    value: float | None
    folds: list[float]
    parameters: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class Study:
    """An open study: its name, its file, what it is a search over."""

    name: str
    path: Path
    facts: dict[str, Any]
    optuna: Any

    def finished(self) -> list[Trial]:
        """Trials that ended, numbered in order from 0; those a kill interrupted never count."""
        return [
            _trial(place, trial)
            for place, trial in enumerate(t for t in self.optuna.get_trials() if _ended(t))
        ]

    def search(
        self,
        objective: Scores,
        space: dict[str, Range],
        trials: int,
        seed: int,
        timeout: timedelta | None,
        finished: Callable[[Trial, Trial | None], None],
    ) -> None:
        """Run trials until `trials` are finished, or no more begin after `timeout`."""
        self._discard_interrupted()
        began = time.monotonic()
        while (place := len(self.finished())) < trials:
            if timeout is not None and time.monotonic() - began >= timeout.total_seconds():
                return
            self._try(objective, space, place, seed)
            done = self.finished()
            finished(done[-1], best_of(done))

    def _try(self, objective: Scores, space: dict[str, Range], place: int, seed: int) -> None:
        import optuna

        # Seeded by place, not once: a continued study suggests what an uninterrupted one would.
        self.optuna.sampler = optuna.samplers.TPESampler(
            seed=int(np.random.SeedSequence([seed, place]).generate_state(1)[0])
        )
        if place == 0:
            self.optuna.enqueue_trial(defaults_in(space, self.facts["defaults"]))
        trial = self.optuna.ask()
        parameters = {name: _suggest(trial, name, values) for name, values in space.items()}
        is_pruned = False

        def report(step: int, mean: float) -> bool:
            nonlocal is_pruned
            trial.report(mean, step)
            is_pruned = bool(trial.should_prune())
            return is_pruned

        try:
            values = objective(parameters, report)
        except UserError as error:
            trial.set_user_attr(ERROR, error.message)
            self.optuna.tell(trial, state=optuna.trial.TrialState.FAIL)
            return
        trial.set_user_attr(FOLDS, values)
        if is_pruned:
            self.optuna.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            self.optuna.tell(trial, float(np.mean(values)))

    def _discard_interrupted(self) -> None:
        """Trials a killed run left running or waiting fail without an error: they never count."""
        from optuna.trial import TrialState

        for _ in self.optuna.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self.optuna.ask()
        for trial in self.optuna.get_trials(states=(TrialState.RUNNING,)):
            self.optuna.tell(trial.number, state=TrialState.FAIL)


def best_of(trials: list[Trial]) -> Trial | None:
    """The complete trial of the greatest value, of equals the first; None where there is none."""
    return max(
        (trial for trial in trials if trial.state == "complete" and trial.value is not None),
        key=lambda trial: (trial.value, -trial.number),
        default=None,
    )


@contextmanager
def open_study(home: Path, name: str, facts: dict[str, Any]) -> Iterator[Study]:
    """The study `name`, made where there is none, held by this process alone.

    Raises `UserError` where another process is at work on it.
    """
    import fcntl

    from clickward.models_ml.estimators import family

    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"another process is at work on the study {name}", "wait for it to end"
            ) from error
        defaults = family(facts["model"])().get_params()
        plain = json.loads(to_json(facts | {"defaults": defaults}))
        path = folder / f"{name}.db"
        study = Study(name, path, plain, _load(path, name, create=True))
        study.optuna.set_user_attr(FACTS, plain)
        yield study


def read_study(home: Path, name: str) -> Study:
    """A study as its file keeps it. Raises `UserError` naming those that exist."""
    path = home / FOLDER / f"{name}.db"
    if not path.is_file():
        known = ", ".join(study_names(home)) or "none yet"
        raise UserError(f"no study {name!r}", f"studies are {known}")
    loaded = _load(path, name, create=False)
    return Study(name, path, loaded.user_attrs.get(FACTS, {}), loaded)


def best_parameters(home: Path, name: str, model: str) -> dict[str, Any]:
    """The best hyper-parameters of a study of `model`. Raises `UserError` where it has none."""
    study = read_study(home, name)
    if study.facts.get("model") != model:
        raise UserError(
            f"the study {name} tunes {study.facts.get('model')}, not {model}",
            "see `clickward studies list`",
        )
    best = best_of(study.finished())
    if best is None:
        raise UserError(f"the study {name} has no complete trial", "tune on: `clickward tune`")
    return best.parameters


def study_names(home: Path) -> list[str]:
    """Names of the studies kept in the project's home, the latest changed first."""
    files = sorted((home / FOLDER).glob("*.db"), key=lambda path: -path.stat().st_mtime)
    return [path.stem for path in files]


def defaults_in(space: dict[str, Range], defaults: dict[str, Any]) -> dict[str, Any]:
    """The family's defaults of the parameters searched; nothing where one lies outside."""
    found = {name: defaults[name] for name in space}
    return found if all(_inside(space[name], value) for name, value in found.items()) else {}


def write_trials(
    warehouse: Warehouse, run: Run, name: str, metric: str, trials: list[Trial], best: Trial | None
) -> None:
    """Every trial of the study as rows of `ml.trials`, then the ledger row by which they count."""
    drop_uncommitted(warehouse, "tune", "trials", "written_at")
    now = utc_now()
    constants = {
        "run_id": run.run_id,
        "study": name,
        "feature_set": run.feature_set.name,
        "target": run.feature_set.target,
        "model": run.parameters["model"],
        "metric": metric,
        "written_at": now,
    }
    rows = [
        constants
        | {
            "trial": trial.number,
            "state": trial.state,
            "value": trial.value,
            "fold_values": trial.folds,
            "parameters": to_json(trial.parameters),
            "is_best": int(trial is best),
            "seconds": trial.seconds,
        }
        for trial in trials
    ]
    types: dict[str, Any] = {
        "written_at": INSTANT, "trial": pl.UInt32, "value": pl.Float64, "is_best": pl.UInt8,
        "fold_values": pl.List(pl.Float64), "seconds": pl.Float64,
    }  # fmt: skip
    if rows:
        frame = pl.DataFrame(rows, schema_overrides=types)
        warehouse.insert(warehouse.table("ml", "trials"), frame)
    run.parameters["study"] = name
    run.commit(warehouse, rows=len(rows))


def _load(path: Path, name: str, create: bool) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    if not create:
        return optuna.load_study(study_name=name, storage=storage)
    return optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED),
    )


def _suggest(trial: Any, name: str, values: Range) -> Any:
    if isinstance(values, Choice):
        return trial.suggest_categorical(name, values.values)
    suggest = trial.suggest_int if isinstance(values, Whole) else trial.suggest_float
    return suggest(name, values.low, values.high, log=values.log)


def _inside(values: Range, value: Any) -> bool:
    if isinstance(values, Choice):
        return value in values.values
    return value is not None and values.low <= value <= values.high


def _ended(trial: Any) -> bool:
    return trial.state.name in ("COMPLETE", "PRUNED") or ERROR in trial.user_attrs


def _trial(place: int, trial: Any) -> Trial:
    folds = list(trial.user_attrs.get(FOLDS, []))
    states = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    return Trial(
        number=place,
        state=states[trial.state.name],
        value=float(np.mean(folds)) if folds else None,
        folds=folds,
        parameters=dict(trial.params),
        seconds=trial.duration.total_seconds() if trial.duration else 0.0,
    )
