"""Gaussian mixture (Dempster, Laird and Rubin 1977): unlikely under every kind of row."""

import warnings
from typing import Any, ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from clickward.models_ml.estimators.dense import DenseAnomaly, DenseMargin
from clickward.models_ml.estimators.search import Parameter, Real, Whole, real, whole
from clickward.models_ml.estimators.threads import one_thread

LOG_2PI = float(np.log(2 * np.pi))
PARAMETERS: dict[str, Parameter] = {
    "n_components": whole(1, 10_000, tuned=Whole(1, 32, log=True)),
    "reg_covar": real(0, above=True, tuned=Real(1e-4, 1, log=True)),
}


class Mixture(DenseAnomaly):
    """How unlikely a row is under a mixture of axis-parallel Gaussians; labels are never seen.

    The score is the negative log density of the standardised row. Features as for k-means.
    Explanations are the negative log density of each value by itself, under the mixture's
    density of that feature alone, less its mean over the training rows: a row's own component
    may be wide in every direction, and would blame the features that are not unusual.
    """

    name = "gaussian_mixture"
    parts = ("dense", "model", "usual")
    max_rows = 50_000
    hyper_parameters: ClassVar[dict[str, Parameter]] = PARAMETERS

    def __init__(
        self, n_components: int = 8, reg_covar: float = 0.05, random_state: int = 0
    ) -> None:
        self.n_components = n_components
        self.reg_covar = reg_covar
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        self.model_ = fit_mixture(matrix, self.n_components, self.reg_covar, self.random_state)
        self.usual_ = marginal_surprises(self.model_, matrix).mean(axis=0)

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        return -log_density(self.model_, matrix)[0]

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        return marginal_surprises(self.model_, matrix) - self.usual_


class ClassMixtures(DenseMargin):
    """One mixture for each class: how much likelier a row is as a fraud than as honest.

    The score is the log-odds by Bayes' rule. Densities in many dimensions overstate their
    evidence, so it is no probability. Features as for logistic regression. Explanations are the
    differences of the two mixtures' terms: half the squared distance from the honest kinds, less
    that from the fraudulent ones.
    """

    name = "gaussian_mixture_classes"
    max_rows = 50_000
    parts = ("dense", "honest", "fraud", "prior")
    hyper_parameters: ClassVar[dict[str, Parameter]] = PARAMETERS

    def __init__(
        self, n_components: int = 4, reg_covar: float = 0.05, random_state: int = 0
    ) -> None:
        self.n_components = n_components
        self.reg_covar = reg_covar
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        settings = (self.n_components, self.reg_covar, self.random_state)
        self.honest_ = fit_mixture(matrix[y == 0], *settings)
        self.fraud_ = fit_mixture(matrix[y == 1], *settings)
        self.prior_ = float(np.log(y.mean() / (1 - y.mean())))

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        honest, _ = log_density(self.honest_, matrix)
        fraud, _ = log_density(self.fraud_, matrix)
        return fraud - honest + self.prior_

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        return surprises(self.honest_, matrix) - surprises(self.fraud_, matrix)


def fit_mixture(
    matrix: np.ndarray, components: int, reg_covar: float, seed: int
) -> GaussianMixture:
    """A mixture of at most `components`, one for every ten rows at least."""
    mixture = GaussianMixture(
        n_components=max(min(components, len(matrix) // 10), 1),
        covariance_type="diag",
        reg_covar=reg_covar,
        max_iter=100,
        random_state=seed,
    )
    if len(matrix) < 2:
        matrix = np.repeat(matrix, 2, axis=0)
    with one_thread(), warnings.catch_warnings():
        # A hundred rounds are enough to rank rows, converged or not.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(matrix)


def log_density(mixture: GaussianMixture, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log densities `(n,)` and each component's responsibility `(n, components)`.

    Summed feature by feature for each row: the library's matrix product would make the last bits
    depend on how many rows are asked for at once.
    """
    logs = np.empty((len(matrix), len(mixture.weights_)))
    for k, weight in enumerate(mixture.weights_):
        squares = (matrix - mixture.means_[k]) ** 2 / mixture.covariances_[k]
        spread = (np.log(mixture.covariances_[k]) + LOG_2PI).sum()
        logs[:, k] = np.log(weight) - 0.5 * (squares.sum(axis=1) + spread)
    most = logs.max(axis=1)
    scaled = np.exp(logs - most[:, None])
    total = scaled.sum(axis=1)
    return most + np.log(total), scaled / total[:, None]


def surprises(mixture: GaussianMixture, matrix: np.ndarray) -> np.ndarray:
    """Each value's negative log density, the mean over components by responsibility.

    `(n, columns)`; a row's sum is its negative log density, up to the entropy of the choice
    between components.
    """
    _, responsibility = log_density(mixture, matrix)
    found = np.zeros(matrix.shape)
    for k, variances in enumerate(mixture.covariances_):
        squares = (matrix - mixture.means_[k]) ** 2 / variances
        found += 0.5 * responsibility[:, k : k + 1] * (squares + np.log(variances) + LOG_2PI)
    return found


def marginal_surprises(mixture: GaussianMixture, matrix: np.ndarray) -> np.ndarray:
    """The negative log density of each value under its feature's marginal, `(n, columns)`."""
    logs = np.stack(
        [
            np.log(weight) - 0.5 * ((matrix - mean) ** 2 / variances + np.log(variances) + LOG_2PI)
            for weight, mean, variances in zip(
                mixture.weights_, mixture.means_, mixture.covariances_, strict=True
            )
        ]
    )
    most = logs.max(axis=0)
    return -(most + np.log(np.exp(logs - most).sum(axis=0)))
