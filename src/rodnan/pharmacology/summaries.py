"""Summaries of a concentration profile (non-compartmental analysis).

Every function takes times (shape (t,)) and concentrations (shape (..., t)) and works on the last axis. The
profile is taken as straight lines between its points, on which areas, extremes and times above a level are
exact; the ``log`` method joins falling points by exponentials instead, on which the area is exact too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rodnan.errors import ModelError

__all__ = [
    "Summary",
    "accumulation",
    "area",
    "area_to_infinity",
    "half_life",
    "summarise",
    "time_above",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Summary:
    """Summaries of a profile over its times, each of shape (...).

    Attributes
    ----------
    auc
        Area under the profile.
    cmax, tmax
        Highest concentration and the first time at which it is reached.
    cmin
        Lowest concentration.
    cavg
        Area over the length of the profile.
    fluctuation
        (cmax - cmin) / cavg.
    """

    auc: Array
    cmax: Array
    tmax: Array
    cmin: Array
    cavg: Array
    fluctuation: Array


def area(times: ArrayLike, concentrations: ArrayLike, method: Literal["linear", "log"] = "linear") -> Array:
    """Return the area under a profile.

    Parameters
    ----------
    times
        Ascending times, shape (t,).
    concentrations
        Concentrations not below zero, shape (..., t).
    method
        ``linear``: trapezia. ``log``: exponentials between points where the concentration falls.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ModelError
        ``RDN-M130`` times that do not ascend, or shapes that do not fit; ``RDN-M131`` a concentration that is
        negative or not finite.
    """
    t, c = _profile(times, concentrations)
    width = np.diff(t)
    left, right = c[..., :-1], c[..., 1:]
    pieces = width * (left + right) / 2.0
    if method == "log":
        falling = (right < left) & (right > 0.0)
        ratio = np.where(falling, left / np.where(falling, right, 1.0), np.e)
        steep = falling & (ratio > 1.0 + 1e-9)
        pieces = np.where(steep, width * (left - right) / np.log(np.where(steep, ratio, np.e)), pieces)
    return pieces.sum(axis=-1)


def area_to_infinity(
    times: ArrayLike, concentrations: ArrayLike, points: int = 3, method: Literal["linear", "log"] = "linear"
) -> Array:
    """Return the area under a profile, continued to infinity with its terminal `half_life`."""
    _, c = _profile(times, concentrations)
    return area(times, concentrations, method) + c[..., -1] * half_life(
        times, concentrations, points
    ) / math.log(2)


def half_life(times: ArrayLike, concentrations: ArrayLike, points: int = 3) -> Array:
    """Return the terminal half-life: least squares on the logarithms of the last points.

    Parameters
    ----------
    times, concentrations
        As in :func:`area`.
    points
        How many of the last points to use, at least 2.

    Returns
    -------
    ndarray, shape (...)
        In the unit of the times; infinity where the profile does not fall.

    Raises
    ------
    ModelError
        ``RDN-M132`` too few points, or a last concentration of zero.
    """
    t, c = _profile(times, concentrations)
    if points < 2 or len(t) < points:
        raise ModelError("RDN-M132", "a half-life needs at least two points", value=min(points, len(t)))
    tail = c[..., -points:]
    if (tail <= 0.0).any():
        raise ModelError("RDN-M132", "a half-life needs concentrations above zero at the end of the profile")
    x = t[-points:] - t[-points:].mean()
    slope = (x * np.log(tail)).sum(axis=-1) / (x * x).sum()
    return np.where(slope < 0.0, -math.log(2.0) / np.where(slope < 0.0, slope, -1.0), np.inf)


def time_above(times: ArrayLike, concentrations: ArrayLike, level: ArrayLike) -> Array:
    """Return how long a profile lies above a level, exactly on its straight lines.

    Parameters
    ----------
    times, concentrations
        As in :func:`area`.
    level
        Concentration, shape () or (...).

    Returns
    -------
    ndarray, shape (...)
    """
    t, c = _profile(times, concentrations)
    over = c - np.asarray(level, dtype=np.float64)[..., None]
    left, right = over[..., :-1], over[..., 1:]
    change = np.where(left == right, 1.0, right - left)
    crossing = np.clip(-left / change, 0.0, 1.0)
    share = np.where(
        (left > 0.0) & (right > 0.0),
        1.0,
        np.where(left > 0.0, crossing, np.where(right > 0.0, 1.0 - crossing, 0.0)),
    )
    return (share * np.diff(t)).sum(axis=-1)


def accumulation(single: ArrayLike, repeated: ArrayLike) -> Array:
    """Return the accumulation ratio: a summary at steady state over the same after the first dose."""
    first = np.asarray(single, dtype=np.float64)
    if (first <= 0.0).any():
        raise ModelError(
            "RDN-M131", "an accumulation ratio needs an exposure above zero after the first dose"
        )
    return np.asarray(repeated, dtype=np.float64) / first


def summarise(times: ArrayLike, concentrations: ArrayLike) -> Summary:
    """Return area, extremes and mean of a profile.

    Parameters
    ----------
    times, concentrations
        As in :func:`area`; at least two times.

    Returns
    -------
    Summary
    """
    t, c = _profile(times, concentrations)
    if len(t) < 2:
        raise ModelError("RDN-M130", "a profile needs at least two times", value=len(t))
    auc = area(t, c)
    cmax, cmin = c.max(axis=-1), c.min(axis=-1)
    cavg = auc / (t[-1] - t[0])
    fluctuation = np.divide(cmax - cmin, cavg, out=np.zeros_like(cavg), where=cavg > 0.0)
    return Summary(auc, cmax, t[c.argmax(axis=-1)], cmin, cavg, fluctuation)


def _profile(times: ArrayLike, concentrations: ArrayLike) -> tuple[Array, Array]:
    t = np.asarray(times, dtype=np.float64)
    c = np.asarray(concentrations, dtype=np.float64)
    if t.ndim != 1 or c.shape[-1:] != t.shape or not np.isfinite(t).all() or (np.diff(t) <= 0.0).any():
        raise ModelError("RDN-M130", "a profile needs ascending times, one for each concentration")
    if not (np.isfinite(c) & (c >= 0.0)).all():
        raise ModelError("RDN-M131", "a concentration is negative or not a finite number")
    return t, c
