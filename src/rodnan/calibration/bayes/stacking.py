"""Structural variants beside each other: leave-one-unit-out log scores, and the weights of the best mixture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.importance import smoothed
from rodnan.calibration.bayes.posterior import Chains
from rodnan.errors import CalibrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["LeftOut", "compare", "leave_one_out", "stacking_weights"]


@dataclass(frozen=True)
class LeftOut:
    """Leave-one-unit-out predictive log scores of one variant.

    Attributes
    ----------
    units
        Studies and natural-history targets.
    score
        Log predictive density of each, float64[u].
    k_hat
        Tail of the weights of each, float64[u]; above 0.7 the score is not to be relied on.
    """

    units: tuple[str, ...]
    score: Array
    k_hat: Array


def leave_one_out(chains: Chains) -> LeftOut:
    """Return the predictive log density of every unit given all the others, by Pareto-smoothed importance sampling."""
    log = chains.flat_by_unit
    score, k_hat = np.empty(log.shape[1]), np.empty(log.shape[1])
    for u in range(log.shape[1]):
        weights, k_hat[u] = smoothed(-log[:, u])
        top = log[:, u].max()
        score[u] = top + np.log(np.sum(weights * np.exp(log[:, u] - top)))
    return LeftOut(chains.units, score, k_hat)


def stacking_weights(scores: Array, rounds: int = 2000) -> Array:
    """Return the weights that maximise the summed log score of the mixture, by expectation and maximisation.

    Parameters
    ----------
    scores
        Log scores, float64[units, variants].
    rounds
        Of the iteration; it stops once the weights stay.

    Returns
    -------
    float64[variants]
        Summing to one.
    """
    density = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = np.full(scores.shape[1], 1.0 / scores.shape[1])
    for _ in range(rounds):
        share = density * weights
        new = (share / share.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(new - weights).max() < 1e-9:
            return new
        weights = new
    return weights


def compare(fits: Mapping[str, Chains]) -> list[dict[str, Any]]:
    """Compare variants fitted to the same observations.

    Parameters
    ----------
    fits
        Chains by name of the variant.

    Returns
    -------
    list of dict
        Per variant ``variant``, ``score`` (summed leave-one-out log score), ``difference`` (from the best), ``se`` of the
        difference, ``weight`` in the stack, ``unreliable`` (units with k-hat above 0.7).

    Raises
    ------
    CalibrationError
        RDN-C050 when the variants were not fitted to the same units.
    """
    left = {name: leave_one_out(chains) for name, chains in fits.items()}
    units = {out.units for out in left.values()}
    if len(units) != 1:
        raise CalibrationError("RDN-C050", "variants must be fitted to the same observations")
    scores = np.stack([out.score for out in left.values()], axis=1)
    weights = stacking_weights(scores)
    best = int(np.argmax(scores.sum(axis=0)))
    rows = []
    for k, (name, out) in enumerate(left.items()):
        gap = scores[:, k] - scores[:, best]
        rows.append(
            {
                "variant": name,
                "score": float(scores[:, k].sum()),
                "difference": float(gap.sum()),
                "se": float(gap.std(ddof=1) * np.sqrt(len(gap))) if len(gap) > 1 else 0.0,
                "weight": float(weights[k]),
                "unreliable": [u for u, k_hat in zip(out.units, out.k_hat, strict=True) if k_hat > 0.7],
            }
        )
    return rows
