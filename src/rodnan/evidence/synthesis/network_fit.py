"""Network meta-analysis: all comparisons of all treatments at once, contrast-based, with random effects.

Within a study of several arms the contrasts share arms and are correlated; the correlation follows from the
variances of all its pairwise contrasts. Between studies one variance tau2 holds for every comparison, which
gives a covariance of tau2/2 between two contrasts of a study that share an arm. The treatment effects are
generalised least squares.

References: Lu and Ades, Stat Med 2004;23:3105; White, Barrett, Jackson and Higgins, Res Synth Methods
2012;3:111; Ruecker, Res Synth Methods 2012;3:312; Jackson, White and Riley, Stat Med 2012;31:3805 (moments
estimator of tau2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, stats

from rodnan.errors import EvidenceError, nearest_name
from rodnan.evidence.synthesis.numeric import block_diagonal, minimum

__all__ = ["Contrast", "Network", "NetworkData", "Relative", "arm_contrasts", "components", "network"]

Array = NDArray[np.float64]


def shared_arm(contrasts: int) -> Array:
    """Covariance of contrasts that share an arm, for variance 1: 1 on the diagonal, 1/2 beside it."""
    return 0.5 * (np.eye(contrasts) + np.ones((contrasts, contrasts)))


@dataclass(frozen=True, slots=True)
class Contrast:
    """One comparison inside one study: `y` is `first` minus `second`, with standard error `se`."""

    study: str
    first: str
    second: str
    y: float
    se: float


@dataclass(frozen=True, slots=True)
class StudyBlock:
    """A study: treatments (the first is its base), contrasts of the others to the base, their covariance."""

    study: str
    treatments: tuple[str, ...]
    y: Array
    v: Array

    @property
    def design(self) -> tuple[str, ...]:
        """The set of treatments compared, in alphabetical order."""
        return tuple(sorted(self.treatments))


@dataclass(frozen=True, slots=True)
class NetworkData:
    """Studies of a connected network; the first treatment is the reference."""

    treatments: tuple[str, ...]
    blocks: tuple[StudyBlock, ...]

    @property
    def y(self) -> Array:
        """All contrasts, shape (contrast,)."""
        return np.concatenate([b.y for b in self.blocks])

    @property
    def v(self) -> Array:
        """Their covariance within studies, block diagonal."""
        return block_diagonal([b.v for b in self.blocks])

    @property
    def between(self) -> Array:
        """Covariance between studies for tau2 = 1: 1 on the diagonal, 1/2 inside a study."""
        return block_diagonal([shared_arm(b.y.size) for b in self.blocks])

    @property
    def x(self) -> Array:
        """Design matrix, shape (contrast, treatment - 1): columns are treatments against the reference."""
        column = {t: i - 1 for i, t in enumerate(self.treatments)}
        rows = []
        for block in self.blocks:
            base = column[block.treatments[0]]
            for treatment in block.treatments[1:]:
                row = np.zeros(len(self.treatments) - 1)
                if column[treatment] >= 0:
                    row[column[treatment]] += 1
                if base >= 0:
                    row[base] -= 1
                rows.append(row)
        return np.array(rows)


@dataclass(frozen=True, slots=True)
class Relative:
    """A relative effect, `first` minus `second`, with interval and two-sided p value (normal)."""

    first: str
    second: str
    estimate: float
    se: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Network:
    """A fitted network.

    Parameters
    ----------
    data
        Studies and treatments.
    effects, covariance
        Of every treatment against the reference, shape (treatment - 1,) and square.
    tau2, method
        Variance between studies and its estimator.
    q, df, p
        Q of the whole network (heterogeneity and inconsistency together) at tau2 = 0.
    i2
        ``max(0, (Q - df) / Q)`` in percent.
    level
        Confidence level.
    """

    data: NetworkData
    effects: Array
    covariance: Array
    tau2: float
    method: str
    q: float
    df: int
    p: float
    i2: float
    level: float

    @property
    def treatments(self) -> tuple[str, ...]:
        """Treatments, the reference first."""
        return self.data.treatments

    def relative(self, first: str, second: str) -> Relative:
        """Return the effect of `first` against `second`.

        Raises
        ------
        EvidenceError
            ``RDN-E510`` for a treatment that the network does not have.
        """
        contrast = np.zeros(len(self.treatments))
        for name, sign in ((first, 1.0), (second, -1.0)):
            if name not in self.treatments:
                near = nearest_name(name, self.treatments)
                raise EvidenceError("RDN-E510", "the network has no such treatment", value=name, nearest=near)
            contrast[self.treatments.index(name)] += sign
        c = contrast[1:]
        estimate, se = float(c @ self.effects), float(np.sqrt(max(c @ self.covariance @ c, 0.0)))
        reach = float(stats.norm.ppf(0.5 + self.level / 2)) * se
        p = float(2 * stats.norm.sf(abs(estimate) / se)) if se > 0 else 1.0
        return Relative(first, second, estimate, se, estimate - reach, estimate + reach, p)

    def league(self) -> tuple[Relative, ...]:
        """Every pair once, in the order of the treatments."""
        return tuple(self.relative(a, b) for a, b in combinations(self.treatments, 2))

    def studies_of(self, first: str, second: str) -> tuple[str, ...]:
        """Names of the studies that compare the two directly."""
        return tuple(b.study for b in self.data.blocks if {first, second} <= set(b.treatments))


def arm_contrasts(study: str, arms: Mapping[str, tuple[float, float]]) -> tuple[Contrast, ...]:
    """All pairwise contrasts of independent arms.

    Parameters
    ----------
    study
        Name of the study.
    arms
        Treatment to (estimate, standard error) of its arm.

    Returns
    -------
    tuple of Contrast
        One for every pair; variances add.
    """
    return tuple(
        Contrast(study, a, b, arms[a][0] - arms[b][0], float(np.hypot(arms[a][1], arms[b][1])))
        for a, b in combinations(arms, 2)
    )


def components(contrasts: Sequence[Contrast]) -> tuple[tuple[str, ...], ...]:
    """Connected parts of the network: tuples of treatments, largest first, names in alphabetical order."""
    parts: list[set[str]] = []
    for contrast in contrasts:
        touching = [p for p in parts if contrast.first in p or contrast.second in p]
        joined = {contrast.first, contrast.second}.union(*touching)
        parts = [p for p in parts if p not in touching] + [joined]
    return tuple(sorted((tuple(sorted(p)) for p in parts), key=lambda p: (-len(p), p)))


def network_data(contrasts: Sequence[Contrast], reference: str | None = None) -> NetworkData:
    """Sort contrasts into studies, derive the covariances, check that the network is whole.

    Raises
    ------
    EvidenceError
        ``RDN-E506`` no contrast, a contrast of a treatment with itself, or a bad number; ``RDN-E507`` a
        multi-arm study without all its pairs, or whose pairs contradict each other; ``RDN-E508`` a network
        in parts; ``RDN-E510`` an unknown reference.
    """
    if not contrasts:
        raise EvidenceError("RDN-E506", "a network needs at least one comparison")
    studies: dict[str, dict[tuple[str, str], tuple[float, float]]] = defaultdict(dict)
    for c in contrasts:
        if c.first == c.second or not (np.isfinite(c.y) and np.isfinite(c.se) and c.se > 0):
            raise EvidenceError(
                "RDN-E506",
                "a comparison needs two treatments, a number and a standard error above 0",
                where=c.study,
            )
        if (c.first, c.second) in studies[c.study] or (c.second, c.first) in studies[c.study]:
            raise EvidenceError("RDN-E506", "a study gives the same comparison twice", where=c.study)
        studies[c.study][c.first, c.second] = (c.y, c.se)
    parts = components(contrasts)
    names = parts[0]
    if len(parts) > 1:
        shown = "; ".join(", ".join(p) for p in parts)
        raise EvidenceError("RDN-E508", f"the comparisons do not connect: {shown}")
    if reference is not None and reference not in names:
        near = nearest_name(reference, names)
        raise EvidenceError("RDN-E510", "the network has no such treatment", value=reference, nearest=near)
    reference = reference or names[0]
    order = (reference, *(n for n in names if n != reference))
    return NetworkData(order, tuple(_block(study, pairs, order) for study, pairs in studies.items()))


def _block(
    study: str, pairs: Mapping[tuple[str, str], tuple[float, float]], order: Sequence[str]
) -> StudyBlock:
    present = {t for pair in pairs for t in pair}
    treatments: tuple[str, ...] = tuple([t for t in order if t in present])
    both = {**pairs, **{(b, a): (-y, se) for (a, b), (y, se) in pairs.items()}}
    for a, b in combinations(treatments, 2):
        if (a, b) not in both:
            raise EvidenceError(
                "RDN-E507", f"a study of several arms lacks the comparison {a} - {b}", where=study
            )
    base, others = min(treatments, key=order.index), treatments[1:]
    y = np.array([both[t, base][0] for t in others])
    n = len(others)
    v = np.diag([both[t, base][1] ** 2 for t in others])
    for i, j in combinations(range(n), 2):
        gap = abs(y[i] - y[j] - both[others[i], others[j]][0])
        if gap > 0.1 * both[others[i], others[j]][1]:
            raise EvidenceError(
                "RDN-E507", "the comparisons of a study contradict each other", where=study, value=gap
            )
        v[i, j] = v[j, i] = (v[i, i] + v[j, j] - both[others[i], others[j]][1] ** 2) / 2
    if n > 1 and np.min(linalg.eigvalsh(v)) <= 1e-10 * np.max(np.diag(v)):
        raise EvidenceError(
            "RDN-E507", "the standard errors of a study's comparisons cannot hold together", where=study
        )
    return StudyBlock(study, treatments, y, v)


def network(
    contrasts: Sequence[Contrast],
    *,
    reference: str | None = None,
    tau: Literal["REML", "DL", "fixed"] = "REML",
    level: float = 0.95,
) -> Network:
    """Fit a network meta-analysis.

    Parameters
    ----------
    contrasts
        Comparisons within studies; a study of m arms gives all its m(m-1)/2.
    reference
        Treatment that `Network.effects` refer to; the first in alphabetical order when None.
    tau
        ``"REML"``, ``"DL"`` (generalised moments, as netmeta) or ``"fixed"`` (0).
    level
        Confidence level.

    Returns
    -------
    Network
        Effects, covariance, heterogeneity.

    Raises
    ------
    EvidenceError
        ``RDN-E506``, ``RDN-E507``, ``RDN-E508``, ``RDN-E510``; see `network_data`.
    """
    data = network_data(contrasts, reference)
    y, v, x, between = data.y, data.v, data.x, data.between
    _, _, q, projected = gls(y, v, x)
    df = y.size - x.shape[1]
    tau2 = 0.0
    if df > 0 and tau == "DL":
        tau2 = max(0.0, (q - df) / float(np.trace(projected @ between)))
    elif df > 0 and tau == "REML":
        tau2 = _reml(y, v, x, between)
    effects, covariance, _, _ = gls(y, v + tau2 * between, x)
    p = float(stats.chi2.sf(q, df)) if df > 0 else 1.0
    i2 = max(0.0, 100.0 * (q - df) / q) if q > 0 and df > 0 else 0.0
    return Network(data, effects, covariance, tau2, tau, q, df, p, i2, level)


def gls(y: Array, v: Array, x: Array) -> tuple[Array, Array, float, Array]:
    """Generalised least squares.

    Returns
    -------
    (Array, Array, float, Array)
        Coefficients, their covariance, the weighted residual sum of squares, and the matrix A with that sum
        ``y'Ay``.
    """
    w = linalg.inv(v)
    covariance = linalg.inv(x.T @ w @ x)
    beta = covariance @ (x.T @ w @ y)
    a = w - w @ x @ covariance @ x.T @ w
    return beta, covariance, float(y @ a @ y), a


def _reml(y: Array, v: Array, x: Array, between: Array) -> float:
    """Maximise the restricted likelihood over tau2 >= 0: a grid, then refinement around its best point."""

    def minus_twice(t2: float) -> float:
        m = v + t2 * between
        factor = linalg.cho_factor(m, lower=True)
        wx, wy = linalg.cho_solve(factor, x), linalg.cho_solve(factor, y)
        information = x.T @ wx
        beta = linalg.solve(information, x.T @ wy, assume_a="pos")
        residual = y - x @ beta
        logdet = 2 * np.sum(np.log(np.diag(factor[0]))) + np.linalg.slogdet(information)[1]
        return float(logdet + residual @ linalg.cho_solve(factor, residual))

    top = max(float(np.var(y)) * 10, float(np.max(np.diag(v))))
    grid = np.concatenate([[0.0], np.geomspace(top * 1e-8, top, 40)])
    values = [minus_twice(t) for t in grid]
    best = int(np.argmin(values))
    if best == 0:
        return 0.0
    low, high = grid[best - 1], grid[min(best + 1, grid.size - 1)]
    tau2, value = minimum(minus_twice, float(low), float(high), xtol=1e-12 * top)
    return tau2 if value < values[0] else 0.0
