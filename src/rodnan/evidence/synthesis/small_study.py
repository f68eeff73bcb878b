"""Do small studies differ from large ones? Egger's regression, and what a funnel plot shows.

Egger, Davey Smith, Schneider and Minder, BMJ 1997;315:629. The test has little power with few studies; it
is not run with fewer than three and not taken as evidence with fewer than ten (Sterne et al., BMJ
2011;343:d4002).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from rodnan.errors import EvidenceError

__all__ = ["Egger", "egger_test"]


@dataclass(frozen=True, slots=True)
class Egger:
    """Egger's regression of the standardised estimate on precision.

    Parameters
    ----------
    intercept, se, t, p
        The intercept measures asymmetry; 0 is none. Student's t with ``k - 2`` degrees of freedom.
    limit
        The slope: the estimate that the regression extrapolates to for a study of infinite size.
    k
        Number of studies.
    """

    intercept: float
    se: float
    t: float
    df: int
    p: float
    limit: float
    k: int

    @property
    def informative(self) -> bool:
        """True with at least ten studies."""
        return self.k >= 10


def egger_test(y: ArrayLike, v: ArrayLike) -> Egger:
    """Regress ``y/se`` on ``1/se`` without weights.

    Parameters
    ----------
    y, v
        Estimates and sampling variances, shape (study,).

    Returns
    -------
    Egger
        Intercept with its test.

    Raises
    ------
    EvidenceError
        ``RDN-E504`` with fewer than three studies or with all standard errors alike.
    """
    y, se = np.asarray(y, dtype=np.float64), np.sqrt(np.asarray(v, dtype=np.float64))
    if y.size < 3 or np.ptp(1 / se) <= 1e-12 * np.max(1 / se):
        raise EvidenceError("RDN-E504", "Egger's test needs at least three studies of different precision")
    fit: Any = stats.linregress(1 / se, y / se)
    df = y.size - 2
    t = float(fit.intercept / fit.intercept_stderr)
    return Egger(
        float(fit.intercept),
        float(fit.intercept_stderr),
        t,
        df,
        float(2 * stats.t.sf(abs(t), df)),
        float(fit.slope),
        int(y.size),
    )
