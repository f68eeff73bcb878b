"""Minimum-relative-entropy weights: the least change to a cloud of candidates that meets published moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rodnan.errors import PopulationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["EntropyWeights", "entropy_weights"]


@dataclass(frozen=True)
class EntropyWeights:
    """Weights and how well they meet the moments.

    Attributes
    ----------
    weights
        float64[m], sum one.
    multipliers
        float64[k].
    residual
        float64[k], weighted mean of each feature minus its target (feature units).
    iterations
        Newton steps taken.
    """

    weights: Array
    multipliers: Array
    residual: Array
    iterations: int


def entropy_weights(features: Array, tolerance: Array, base: Array | None = None) -> EntropyWeights:
    """Weight candidates so that the mean of each feature is zero within its tolerance.

    Minimises the relative entropy to `base` plus ``sum (residual_j / tolerance_j)^2 / 2``; the solution is ``w ~ base
    exp(features . multipliers)``, found by Newton's method on the convex dual ``log sum base exp(f . m) + sum
    (tolerance m)^2 / 2``.

    Parameters
    ----------
    features
        float64[m, k], each centred on its target.
    tolerance
        float64[k], positive: how far a moment may stay from its target.
    base
        float64[m], weights to start from; equal where None.

    Returns
    -------
    EntropyWeights

    Raises
    ------
    PopulationError
        RDN-P010 when the dual has no solution within 200 steps (the moments cannot be met).
    """
    m, k = features.shape
    log_base = np.zeros(m) if base is None else np.log(np.maximum(base, 1e-300))
    slack = tolerance**2

    def evaluate(multipliers: Array) -> tuple[float, Array, Array]:
        exponent = log_base + features @ multipliers
        top = exponent.max()
        raw = np.exp(exponent - top)
        total = raw.sum()
        weights = raw / total
        mean = weights @ features
        value = top + np.log(total) + 0.5 * float(slack @ multipliers**2)
        return value, weights, mean

    multipliers = np.zeros(k)
    value, weights, mean = evaluate(multipliers)
    for iteration in range(200):
        gradient = mean + slack * multipliers
        if np.max(np.abs(gradient) / np.maximum(tolerance, 1e-12)) < 1e-8:
            return EntropyWeights(weights, multipliers, mean, iteration)
        centred = features - mean
        hessian = (centred * weights[:, None]).T @ centred + np.diag(slack)
        step = -np.linalg.solve(hessian, gradient)
        if not np.abs(multipliers + step).max() < 1e8:
            break
        decrease = gradient @ step
        scale = 1.0
        while True:
            new_value, new_weights, new_mean = evaluate(multipliers + scale * step)
            if new_value <= value + 1e-4 * scale * decrease + 1e-13 * abs(value) or scale < 1e-8:
                break
            scale *= 0.5
        multipliers = multipliers + scale * step
        value, weights, mean = new_value, new_weights, new_mean
    raise PopulationError("RDN-P010", "the baseline moments cannot be met by any weighting of the pool")
