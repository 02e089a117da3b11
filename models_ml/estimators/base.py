"""What every model family offers, in scikit-learn's conventions."""

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator

from clickward.models_ml.dataset.batches import Rows
from clickward.models_ml.estimators.parts import load_part, save_part
from clickward.models_ml.estimators.preparation.preprocessing import numbers
from clickward.models_ml.estimators.preparation.subsample import subsample
from clickward.models_ml.estimators.search import Parameter, Range, searched, whole
from clickward.models_ml.estimators.threads import fitted_to
from clickward.warehouse.errors import UserError

FACTS = "estimator.json"
SEED = whole(0, 2**32 - 1)
# Hyper-parameters that weigh the classes, and what each is where it does not.
WEIGHING = {"class_weight": None, "scale_pos_weight": 1}


class Estimator(BaseEstimator, ABC):
    """A model family: constructors only store parameters, fitting sets names ending in `_`.

    Numeric columns of `X` hold null where unknown; text columns are categories; columns of
    lists are sequences, which only families that say so read. Scores rise with the likelihood
    of the target and depend on nothing but the row.
    """

    name: ClassVar[str]
    is_supervised: ClassVar[bool]
    # Whose implementation it is: a distribution's name.
    library: ClassVar[str] = "scikit-learn"
    # The extra that installs the library where the default installation lacks it.
    extra: ClassVar[str | None] = None
    # What the family is: baseline, unsupervised, supervised or deep.
    kind: ClassVar[str] = "unsupervised"
    # What each hyper-parameter but the seed may be, and the part of it that is worth tuning.
    hyper_parameters: ClassVar[dict[str, Parameter]] = {}
    # That part by itself, made of `hyper_parameters`.
    search_space: ClassVar[dict[str, Range]] = {}
    # Training rows above which the family learns from a subsample; None where it takes all.
    max_rows: ClassVar[int | None] = None
    # Whether scores are probabilities as they come, where no class is weighed.
    is_calibrated: ClassVar[bool] = False
    # Whether columns of lists are read, and not passed over.
    reads_sequences: ClassVar[bool] = False
    # Whether it also learns from batches (`fit_batches`), so that memory need not hold its rows.
    learns_from_batches: ClassVar[bool] = False
    # Whether `--device` may name another place than the processor.
    takes_device: ClassVar[bool] = False
    # Fitted attributes, without their `_`, that skops saves.
    parts: ClassVar[tuple[str, ...]] = ()
    # Rows learnt from and rows given, where `max_rows` made them differ.
    subsampled_: tuple[int, int] | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "hyper_parameters" in vars(cls):
            cls.search_space = searched(cls.hyper_parameters)

    @property
    def gives_probabilities(self) -> bool:
        """Whether scores are probabilities under these hyper-parameters: no class is weighed."""
        given = self.get_params()
        return self.is_calibrated and all(
            given.get(name, plain) == plain for name, plain in WEIGHING.items()
        )

    def fit(self, X: pl.DataFrame, y: np.ndarray | None = None) -> Self:
        """Learn from `X` `(n, d)` and, where supervised, labels `y` `(n,)` of 0 and 1.

        An unsupervised family never looks at `y`. Above `max_rows` a seeded subsample is learnt
        from, stratified by label where supervised, and `subsampled_` says so. Raises `UserError`
        where a supervised family gets labels of one class only.
        """
        self._remember(X)
        self.subsampled_ = None
        if not self.is_supervised:
            return self._fit_kept(X[self._kept(X.height, None)], None)
        if y is None:
            raise ValueError(f"{self.name} is supervised: expected labels, found None")
        labels = np.asarray(y)
        if labels.shape != (X.height,):
            raise ValueError(f"expected labels ({X.height},), found {labels.shape}")
        self._check_classes(int(labels.sum()), len(labels))
        kept = self._kept(X.height, labels)
        return self._fit_kept(X[kept], labels[kept])

    def fit_batches(self, rows: Rows, folds: np.ndarray, spill: Path | None = None) -> Self:
        """Learn from `rows` one batch at a time; `folds` `(n,)` are of `rates.stratified_folds`.

        What does not fit in memory goes into the folder `spill`; None keeps it in memory. Only
        families that say `learns_from_batches` have it.
        """
        raise NotImplementedError(f"{self.name} does not learn from batches")

    def predict_score(self, X: pl.DataFrame) -> np.ndarray:
        """Scores `(n,)` as float64."""
        checked = self._checked(X)
        if not X.height:
            return np.zeros(0)
        with fitted_to(X.height * X.width):
            return self._score(checked)

    def explain(self, X: pl.DataFrame) -> np.ndarray:
        """How much each feature raised the row's score, `(n, d)` in the columns' order.

        The unit is the family's own and is stated in its docstring. A column that the family
        does not read has 0.
        """
        checked = self._checked(X)
        if not X.height:
            return np.zeros(X.shape)
        with fitted_to(X.height * X.width):
            found = self._explain(checked)
        if not self.sequence_:
            return found
        explained = np.zeros((X.height, X.width))
        explained[:, [X.columns.index(name) for name in self.static_]] = found
        return explained

    @classmethod
    def faults(cls, parameters: dict[str, Any]) -> list[str]:
        """What is wrong with these hyper-parameters, each in words; those undeclared pass."""
        declared = {"random_state": SEED} | cls.hyper_parameters
        return [
            f"{name}={value!r} is not {declared[name].words()}"
            for name, value in parameters.items()
            if name in declared and not declared[name].admits(value)
        ]

    def inputs(self) -> dict[str, str]:
        """What else than data and parameters makes the model, by name: hashes of files read."""
        return {}

    def save(self, folder: Path) -> None:
        """Write parameters, columns and fitted parts into `folder`, which must exist."""
        facts = {
            "estimator": self.name,
            "parameters": self.get_params(),
            "features": self.feature_names_in_,
            "categorical": self.categorical_,
            "sequences": self.sequence_,
            "subsampled": self.subsampled_,
        }
        (folder / FACTS).write_text(json.dumps(facts, indent=2) + "\n")
        self._save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The estimator saved in `folder`."""
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text())
        loaded = cls(**facts["parameters"])
        loaded.feature_names_in_ = facts["features"]
        loaded.categorical_ = facts["categorical"]
        loaded.sequence_ = facts.get("sequences", [])
        used = facts.get("subsampled")
        loaded.subsampled_ = tuple(used) if used else None
        loaded._load(folder)
        return loaded

    def _fit_kept(self, X: pl.DataFrame, y: Any) -> Self:
        with fitted_to(X.height * X.width):
            self._fit(X, y)
        return self

    @abstractmethod
    def _fit(self, X: pl.DataFrame, y: Any) -> None: ...

    @abstractmethod
    def _score(self, X: pl.DataFrame) -> np.ndarray: ...

    @abstractmethod
    def _explain(self, X: pl.DataFrame) -> np.ndarray: ...

    def _save(self, folder: Path) -> None:
        for name in self.parts:
            save_part(getattr(self, f"{name}_"), folder / f"{name}.skops")

    def _load(self, folder: Path) -> None:
        for name in self.parts:
            setattr(self, f"{name}_", load_part(folder / f"{name}.skops"))

    def _check_classes(self, positives: int, rows: int) -> None:
        if positives in (0, rows):
            raise UserError(
                f"{self.name} needs both classes, found {positives:,} positives among"
                f" {rows:,} training rows",
                "widen the training window or take labels known later (--as-of)",
            )

    def _remember(self, X: pl.DataFrame) -> None:
        self.feature_names_in_: list[str] = X.columns
        self.categorical_: list[str] = [n for n, kind in X.schema.items() if kind == pl.String]
        self.sequence_: list[str] = [n for n, kind in X.schema.items() if kind == pl.List]

    def _kept(self, rows: int, labels: np.ndarray | None) -> np.ndarray | slice:
        """The training rows to learn from, in order."""
        if self.max_rows is None or rows <= self.max_rows:
            return slice(None)
        kept = subsample(rows, self.max_rows, labels, self.get_params()["random_state"])
        self.subsampled_ = (len(kept), rows)
        return kept

    @property
    def static_(self) -> list[str]:
        """The columns that are not sequences, in order."""
        return [name for name in self.feature_names_in_ if name not in set(self.sequence_)]

    @property
    def numeric_(self) -> list[str]:
        """The columns that are neither categories nor sequences, in order."""
        return [name for name in self.static_ if name not in set(self.categorical_)]

    def _numbers(self, X: pl.DataFrame) -> np.ndarray:
        """The numeric columns `(n, numeric)`, NaN where unknown."""
        return numbers(X.drop([*self.categorical_, *self.sequence_]))

    def _categories(self, X: pl.DataFrame) -> pl.DataFrame:
        """The categorical columns; dropping, unlike selecting, keeps the height of none."""
        return X.drop([*self.numeric_, *self.sequence_])

    def _checked(self, X: pl.DataFrame) -> pl.DataFrame:
        if X.columns != self.feature_names_in_:
            raise ValueError(f"expected columns {self.feature_names_in_}, found {X.columns}")
        return X

    def _in_order(self, numeric: np.ndarray, categorical: np.ndarray) -> np.ndarray:
        """Columns of the two kinds put back in the order of `static_`."""
        place = {name: j for j, name in enumerate([*self.numeric_, *self.categorical_])}
        both = np.hstack([numeric, categorical])
        return both[:, [place[name] for name in self.static_]]


class Margin(Estimator):
    """A supervised family whose scores rank rows and are no probabilities."""

    is_supervised = True
    kind: ClassVar[str] = "supervised"


class Supervised(Estimator):
    """A family whose scores are probabilities, usable by scikit-learn's tools."""

    is_supervised = True
    kind: ClassVar[str] = "supervised"
    is_calibrated: ClassVar[bool] = True
    classes_: ClassVar[np.ndarray] = np.array([0, 1])

    def predict_proba(self, X: pl.DataFrame) -> np.ndarray:
        """Probabilities `(n, 2)` of the classes 0 and 1."""
        positive = self.predict_score(X)
        return np.column_stack([1 - positive, positive])
