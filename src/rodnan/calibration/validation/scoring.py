"""Scores of predictive distributions given as samples, and of shares of hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Coverage", "Score", "coverage", "crps", "log_score", "score", "skill"]


@dataclass(frozen=True)
class Score:
    """How one published number fared under one predictive distribution.

    Attributes
    ----------
    mean, low50, high50, low90, high90
        Of the predictive distribution.
    crps, log_score
        Both negatively oriented: smaller is better.
    pit
        Share of the predictive distribution below the published number.
    """

    mean: float
    low50: float
    high50: float
    low90: float
    high90: float
    crps: float
    log_score: float
    pit: float

    @property
    def inside50(self) -> bool:
        """Whether the published number lies in the central half."""
        return 0.25 <= self.pit <= 0.75

    @property
    def inside90(self) -> bool:
        """Whether the published number lies in the 90 % predictive interval."""
        return 0.05 <= self.pit <= 0.95


@dataclass(frozen=True)
class Coverage:
    """A share of hits with its 90 % interval (Clopper and Pearson)."""

    hits: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Hits among all; not a number without any."""
        return self.hits / self.of if self.of else float("nan")


def crps(samples: Array, y: float) -> float:
    """Return the continuous ranked probability score, unbiased in the number of samples.

    Parameters
    ----------
    samples
        Draws of the predictive distribution, float64[n], n at least 2.
    y
        What was observed.

    Returns
    -------
    float
        ``E|X - y| - E|X - X'| / 2`` with the pairs of different draws (Gneiting and Raftery 2007; Ferro 2014).
    """
    x = np.sort(samples)
    n = len(x)
    weight = 2.0 * np.arange(n) - (n - 1)
    pairs = 2.0 * float(weight @ x) / (n * (n - 1))
    return float(np.abs(x - y).mean() - 0.5 * pairs)


def log_score(means: Array, sd: float, y: float) -> float:
    """Return minus the log density of a mixture of normals.

    Parameters
    ----------
    means
        Centres of the components, float64[n].
    sd
        Their common standard deviation.
    y
        What was observed.
    """
    z = -0.5 * ((y - means) / sd) ** 2
    top = float(z.max())
    return -(top + float(np.log(np.exp(z - top).mean())) - float(np.log(sd * np.sqrt(2.0 * np.pi))))


def score(true: Array, se: float, noise: Array, y: float) -> Score:
    """Score one published number.

    Parameters
    ----------
    true
        Draws of the mean that a trial without sampling error would show, float64[n].
    se
        Sampling error of the published number.
    noise
        Standard normal draws, float64[n].
    y
        The published number.

    Returns
    -------
    Score
    """
    x = true + se * noise
    low50, high50, low90, high90 = (float(v) for v in np.quantile(x, [0.25, 0.75, 0.05, 0.95]))
    pit = float((x < y).mean() + 0.5 * (x == y).mean())
    return Score(float(x.mean()), low50, high50, low90, high90, crps(x, y), log_score(true, se, y), pit)


def coverage(hits: Sequence[bool]) -> Coverage:
    """Return how many of the intervals held what was observed, with the share's 90 % interval."""
    from scipy.stats import beta

    k, n = sum(hits), len(hits)
    low = float(beta.ppf(0.05, k, n - k + 1)) if k else 0.0
    high = float(beta.ppf(0.95, k + 1, n - k)) if k < n else 1.0
    return Coverage(k, n, low, high if n else 1.0)


def skill(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Return one minus the ratio of summed scores; None without a score to compare with."""
    total = float(sum(theirs))
    return 1.0 - float(sum(ours)) / total if total > 0 else None
