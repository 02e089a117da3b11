"""Model families by name. A family is one module and one line here."""

from importlib import import_module

from models_ml.estimators.base import Estimator
from warehouse.errors import UsageError

# Modules are imported when asked for: one family's libraries do not burden another's commands.
FAMILIES = {
    "xgboost": "models_ml.estimators.xgboost:XGBoost",
    "logistic_regression": "models_ml.estimators.logistic_regression:Logistic",
    "isolation_forest": "models_ml.estimators.isolation_forest:Isolation",
}


def family(name: str) -> type[Estimator]:
    """The estimator class called `name`. Raises `UsageError` naming those that exist."""
    if name not in FAMILIES:
        raise UsageError(f"no model {name!r}", f"models are {', '.join(FAMILIES)}")
    module, _, attribute = FAMILIES[name].partition(":")
    return getattr(import_module(module), attribute)


def families(names: str) -> list[str]:
    """`xgboost,isolation_forest` or `all` as names that exist, each once."""
    if names.strip() == "all":
        return list(FAMILIES)
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not wanted:
        raise UsageError("no model named", f"models are {', '.join(FAMILIES)}")
    for name in wanted:
        family(name)
    return wanted


__all__ = ["FAMILIES", "Estimator", "families", "family"]
