"""How far the data moved each coordinate from its prior: contraction, shift, and overlap of prior and posterior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["INFORMED", "contraction"]

INFORMED = 0.2
"""Contraction below which no mechanism is claimed: the posterior is mostly the prior."""

_BINS = 16


def contraction(z: ArrayLike, names: Sequence[str], weights: ArrayLike | None = None) -> list[dict[str, Any]]:
    """Return prior-posterior contraction, shift and overlap of every coordinate.

    Parameters
    ----------
    z
        Posterior draws on the standard-normal scale of the prior, float64[n, d].
    names
        Of the coordinates.
    weights
        Of the draws, float64[n]; equal when None.

    Returns
    -------
    list of dict
        Rows ``coordinate, mean, sd`` (prior: 0 and 1), ``contraction`` (1 - sd), ``overlap`` (shared area of prior and
        posterior, 1 when equal, from bins of equal prior probability), ``informed``; most contracted first.
    """
    draws = np.asarray(z, dtype=np.float64)
    share = (
        np.full(len(draws), 1.0 / len(draws)) if weights is None else np.asarray(weights, dtype=np.float64)
    )
    share = share / share.sum()
    effective = 1.0 / np.sum(share**2)
    bins = int(np.clip(effective / 25.0, 4, _BINS))
    rows = []
    for k, name in enumerate(names):
        column = draws[:, k]
        finite = np.isfinite(column)
        mean = float(share[finite] @ column[finite] / share[finite].sum())
        sd = float(np.sqrt(share[finite] @ (column[finite] - mean) ** 2 / share[finite].sum()))
        place = np.minimum((special.ndtr(column) * bins).astype(int), bins - 1)
        posterior = np.bincount(place, weights=share, minlength=bins)
        narrowed = 1.0 - sd
        rows.append(
            {
                "coordinate": name,
                "mean": mean,
                "sd": sd,
                "contraction": narrowed,
                "overlap": float(np.minimum(posterior, 1.0 / bins).sum()),
                "informed": narrowed >= INFORMED,
            }
        )
    return sorted(rows, key=lambda row: -row["contraction"])
