"""Published results beside simulated ones: intervals, agreement in one rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["agrees", "published_count", "published_number"]

Z90, Z95 = 1.6448536269514722, 1.959963984540054


def published_number(row: Any) -> dict[str, Any] | None:
    """Return a published mean with its 90 % interval.

    Parameters
    ----------
    row
        An outcome record (``mean``, ``se``, ``sd``, ``n``, ``ci95``, ``adjusted``, ``basis``, ``derived``).

    Returns
    -------
    dict or None
        None when the record gives no mean. The interval comes from the standard error, else from the 95 % interval,
        else from sd and n; None where none of them is given.
    """
    mean = getattr(row, "mean", None)
    if mean is None:
        return None
    se = getattr(row, "se", None)
    ci95 = getattr(row, "ci95", None)
    sd, n = getattr(row, "sd", None), getattr(row, "n", None)
    error = se
    if error is None and ci95 is not None:
        error = (ci95[1] - ci95[0]) / (2 * Z95)
    if error is None and sd is not None and n:
        error = sd / float(np.sqrt(n))
    return {
        "mean": float(mean),
        "se": se,
        "ci95": list(ci95) if ci95 is not None else None,
        "interval90": None if error is None else [round(mean - Z90 * error, 6), round(mean + Z90 * error, 6)],
        "n": n,
        "adjusted": bool(getattr(row, "adjusted", False)),
        "basis": row.basis,
        "derived": bool(getattr(row, "derived", False)),
    }


def published_count(row: Any) -> dict[str, Any] | None:
    """Return a published count as a percentage with its 90 % interval (Clopper and Pearson); None without numbers."""
    from scipy.special import betaincinv

    of, n, pct = getattr(row, "of", None), getattr(row, "n", None), getattr(row, "pct", None)
    if n is None and pct is not None and of:
        n = round(pct * of / 100)
    if n is None or not of:
        return None
    low = 0.0 if n == 0 else float(betaincinv(n, of - n + 1, 0.05))
    high = 1.0 if n == of else float(betaincinv(n + 1, of - n, 0.95))
    return {
        "n": int(n),
        "of": int(of),
        "percent": round(100.0 * n / of, 6),
        "interval90": [round(100 * low, 6), round(100 * high, 6)],
        "basis": row.basis,
    }


def agrees(
    simulated: Mapping[str, Any] | None, published: Mapping[str, Any] | None, key: str = "mean"
) -> bool | None:
    """Return whether the published number lies inside the simulated 90 % predictive interval; None without either."""
    if simulated is None or published is None:
        return None
    low, high = simulated["interval90"]
    if low is None or high is None:
        return None
    return bool(low <= published[key] <= high)
