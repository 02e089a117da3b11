"""Validation the way fraud arrives: folds in time order, late labels, attacks never seen."""

from clickward.models_ml.validation.fold import (
    FoldData,
    Outcome,
    fit_fold,
    prepare_fold,
    run_fold,
    scored_of,
)
from clickward.models_ml.validation.history import History, read_history
from clickward.models_ml.validation.protocol import (
    ANY_WINDOWS,
    KEYS,
    Evaluation,
    Protocol,
    Windows,
)
from clickward.models_ml.validation.run import validate
from clickward.models_ml.validation.variants import AS_IS, Variant

__all__ = [
    "ANY_WINDOWS",
    "AS_IS",
    "KEYS",
    "Evaluation",
    "FoldData",
    "History",
    "Outcome",
    "Protocol",
    "Variant",
    "Windows",
    "fit_fold",
    "prepare_fold",
    "read_history",
    "run_fold",
    "scored_of",
    "validate",
]
