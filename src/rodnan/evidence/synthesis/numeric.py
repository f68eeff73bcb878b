"""Root, minimum and block matrix: thin typed fronts of SciPy used by the estimators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

__all__ = ["block_diagonal", "minimum", "root"]


def root(function: Callable[[float], float], low: float, high: float, *, xtol: float = 1e-12) -> float:
    """Root of a function that changes sign between `low` and `high` (Brent)."""
    found: Any = optimize.brentq(function, low, high, xtol=xtol)
    return float(found)


def minimum(
    function: Callable[[float], float], low: float, high: float, *, xtol: float
) -> tuple[float, float]:
    """Place and value of a minimum between `low` and `high` (Brent, bounded)."""
    found: Any = optimize.minimize_scalar(
        function, bounds=(low, high), method="bounded", options={"xatol": xtol}
    )
    return float(found.x), float(found.fun)


def block_diagonal(blocks: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Square matrix with the square `blocks` along its diagonal."""
    size = sum(b.shape[0] for b in blocks)
    out = np.zeros((size, size))
    at = 0
    for block in blocks:
        out[at : at + block.shape[0], at : at + block.shape[0]] = block
        at += block.shape[0]
    return out
