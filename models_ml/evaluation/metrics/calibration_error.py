"""Expected calibration error: how far probabilities are from what came of them."""

import numpy as np

from clickward.models_ml.evaluation.bootstrap import Weightings

BINS = 10


def mass_bins(values: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Bin `(n,)` from 0 of each value, by quantiles of `values`: equal masses, ties together."""
    edges = np.quantile(values, np.arange(1, bins) / bins)
    return np.searchsorted(edges, values, side="left")


def calibration_error(
    scores: np.ndarray, is_positive: np.ndarray, weights: Weightings
) -> np.ndarray:
    """Expected calibration error `(1 + resamples,)` over ten bins of equal mass.

    The mean over rows of |share positive - mean score| of their bin (Naeini, Cooper and
    Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning"); bins of
    equal mass after Nixon et al. (2019), "Measuring calibration in deep learning". The bins are
    the estimate's in every resample.
    """
    bins = mass_bins(scores)
    gaps = weights.grouped(bins, BINS, is_positive - scores)
    rows = weights.blocks @ np.bincount(weights.places, minlength=weights.blocks.shape[1])
    with np.errstate(invalid="ignore"):
        return np.abs(gaps).sum(axis=1) / rows
