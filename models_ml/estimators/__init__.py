"""Model families by name. A family is one module and one line here."""

from importlib import import_module
from importlib.util import find_spec

from clickward.models_ml.estimators.base import Estimator
from clickward.warehouse.errors import UsageError
from clickward.warehouse.log import log

# Modules are imported when asked for: one family's libraries do not burden another's commands.
FAMILIES = {
    "prior": "clickward.models_ml.estimators.prior:Prior",
    "rules": "clickward.models_ml.estimators.rules:Rules",
    "k_means": "clickward.models_ml.estimators.k_means:Clusters",
    "hdbscan": "clickward.models_ml.estimators.hdbscan:DensityClusters",
    "local_outlier_factor": "clickward.models_ml.estimators.local_outlier_factor:LocalOutliers",
    "elliptic_envelope": "clickward.models_ml.estimators.elliptic_envelope:Envelope",
    "isolation_forest": "clickward.models_ml.estimators.isolation_forest:Isolation",
    "gaussian_mixture": "clickward.models_ml.estimators.gaussian_mixture:Mixture",
    "decision_tree": "clickward.models_ml.estimators.decision_tree:DecisionTree",
    "random_forest": "clickward.models_ml.estimators.random_forest:RandomForest",
    "gaussian_mixture_classes": "clickward.models_ml.estimators.gaussian_mixture:ClassMixtures",
    "linear_svm": "clickward.models_ml.estimators.linear_svm:LinearSVM",
    "rbf_svm": "clickward.models_ml.estimators.rbf_svm:KernelSVM",
    "naive_bayes": "clickward.models_ml.estimators.naive_bayes:NaiveBayes",
    "xgboost": "clickward.models_ml.estimators.xgboost:XGBoost",
    "adaboost": "clickward.models_ml.estimators.adaboost:AdaBoost",
    "logistic_regression": "clickward.models_ml.estimators.logistic_regression:Logistic",
    "neural_net": "clickward.models_ml.estimators.neural_net:NeuralNet",
    "torch_net": "clickward.models_ml.estimators.torch_net:TorchNet",
    "recurrent_net": "clickward.models_ml.estimators.recurrent_net:RecurrentNet",
}
# The module that a family needs beside the default installation.
EXTRAS = {"torch_net": "torch", "recurrent_net": "torch"}


def family(name: str) -> type[Estimator]:
    """The estimator class called `name`. Raises `UsageError` naming those that exist."""
    if name not in FAMILIES:
        raise UsageError(f"no model {name!r}", f"models are {', '.join(FAMILIES)}")
    module, _, attribute = FAMILIES[name].partition(":")
    return getattr(import_module(module), attribute)


def is_installed(name: str) -> bool:
    """Whether the family's library is there; the default installation lacks those of extras."""
    return name not in EXTRAS or find_spec(EXTRAS[name]) is not None


def families(names: str) -> list[str]:
    """`xgboost,isolation_forest` or `all` as names that exist, each once.

    `all` is every family whose library is installed; those left out are reported.
    """
    if names.strip() == "all":
        absent = [name for name in FAMILIES if not is_installed(name)]
        if absent:
            log(
                f"left out, since their library is not installed: {', '.join(absent)}"
                " (pip install 'clickward[deep]')"
            )
        return [name for name in FAMILIES if name not in absent]
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not wanted:
        raise UsageError("no model named", f"models are {', '.join(FAMILIES)}")
    for name in wanted:
        family(name)
    return wanted


__all__ = ["FAMILIES", "Estimator", "families", "family", "is_installed"]
