"""Do direct and indirect evidence agree? Design decomposition of Q, and node splitting by back-calculation.

References: Krahn, Binder and Koenig, BMC Med Res Methodol 2013;13:35 (Q within and between designs);
Higgins et al., Res Synth Methods 2012;3:98 (design-by-treatment interaction); Koenig, Krahn and Binder,
Stat Med 2013;32:5414 and Dias et al., Stat Med 2010;29:932 (direct against indirect).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from rodnan.evidence.synthesis.network_fit import Network, NetworkData, StudyBlock, gls, shared_arm
from rodnan.evidence.synthesis.numeric import block_diagonal

__all__ = ["Decomposition", "NodeSplit", "decompose", "node_splits"]


@dataclass(frozen=True, slots=True)
class QPart:
    """A part of Q with its degrees of freedom and p value (1 without degrees of freedom)."""

    name: str
    q: float
    df: int
    p: float


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Q of a network in its parts.

    Parameters
    ----------
    total, within, between
        Whole; heterogeneity within designs; inconsistency between designs.
    designs
        The part of each design that has more than one study.
    between_random, tau2_within
        Inconsistency under random effects with the variance estimated within designs only: a test of the
        design-by-treatment interaction that heterogeneity does not inflate.
    """

    total: QPart
    within: QPart
    between: QPart
    designs: tuple[QPart, ...]
    between_random: QPart
    tau2_within: float


def decompose(fitted: Network) -> Decomposition:
    """Split Q into heterogeneity within designs and inconsistency between them.

    Parameters
    ----------
    fitted
        A network; only its data are used.

    Returns
    -------
    Decomposition
        With p values from chi-square distributions.
    """
    data = fitted.data
    total = _part("total", fitted.q, fitted.df)
    groups: dict[tuple[str, ...], list[StudyBlock]] = defaultdict(list)
    for block in data.blocks:
        groups[block.design].append(block)
    parts, trace = [], 0.0
    for design, blocks in sorted(groups.items()):
        y, v, x, between = _design(blocks)
        _, _, q, a = gls(y, v, x)
        parts.append(_part(":".join(design), q, y.size - x.shape[1]))
        trace += float(np.trace(a @ between))
    q_within, df_within = sum(p.q for p in parts), sum(p.df for p in parts)
    within = _part("within designs", q_within, df_within)
    df_between = fitted.df - df_within
    between_fixed = _part("between designs", max(fitted.q - q_within, 0.0), df_between)
    tau2 = max(0.0, (q_within - df_within) / trace) if df_within > 0 else 0.0
    q_random = _q(data, tau2) - sum(_design_q(blocks, tau2) for blocks in groups.values())
    return Decomposition(
        total,
        within,
        between_fixed,
        tuple(p for p in parts if p.df > 0),
        _part("between designs, random effects", max(q_random, 0.0), df_between),
        tau2,
    )


def _part(name: str, q: float, df: int) -> QPart:
    return QPart(name, q, df, float(stats.chi2.sf(q, df)) if df > 0 else 1.0)


def _design(blocks: list[StudyBlock]):
    """Contrasts of the studies of one design, with a mean for each contrast to the common base."""
    base = blocks[0].treatments
    y = np.concatenate([b.y for b in blocks])
    v = block_diagonal([b.v for b in blocks])
    n = len(base) - 1
    x = np.vstack([np.eye(n) for _ in blocks])
    between = block_diagonal([shared_arm(n) for _ in blocks])
    return y, v, x, between


def _design_q(blocks: list[StudyBlock], tau2: float) -> float:
    y, v, x, between = _design(blocks)
    return gls(y, v + tau2 * between, x)[2]


def _q(data: NetworkData, tau2: float) -> float:
    return gls(data.y, data.v + tau2 * data.between, data.x)[2]


@dataclass(frozen=True, slots=True)
class NodeSplit:
    """Direct against indirect evidence of one comparison, `first` minus `second`.

    Parameters
    ----------
    studies
        Number of studies that compare the two directly.
    share
        Share of the network estimate that is direct (ratio of variances).
    network, direct, indirect
        Estimate and standard error of each; `indirect` is None when all evidence is direct.
    difference, z, p
        Direct minus indirect, and its test; None without indirect evidence.
    """

    first: str
    second: str
    studies: int
    share: float
    network: tuple[float, float]
    direct: tuple[float, float]
    indirect: tuple[float, float] | None
    difference: float | None
    z: float | None
    p: float | None


def node_splits(fitted: Network) -> tuple[NodeSplit, ...]:
    """Separate indirect from direct evidence for every comparison that has direct evidence.

    The direct estimate pools the studies that compare the two, with the network's own tau2; what is left of
    the network estimate when it is taken out, by precision, is the indirect estimate (back-calculation).

    Parameters
    ----------
    fitted
        A network.

    Returns
    -------
    tuple of NodeSplit
        In the order of the treatments.
    """
    splits = []
    for a, b in combinations(fitted.treatments, 2):
        found = [_direct(block, a, b) for block in fitted.data.blocks if {a, b} <= set(block.treatments)]
        if not found:
            continue
        y = np.array([f[0] for f in found])
        w = 1.0 / (np.array([f[1] for f in found]) + fitted.tau2)
        direct, variance = float(np.sum(w * y) / np.sum(w)), float(1 / np.sum(w))
        whole = fitted.relative(a, b)
        share = min(whole.se**2 / variance, 1.0)
        rest = 1 / whole.se**2 - 1 / variance
        if rest <= 1e-8 / whole.se**2:
            splits.append(
                NodeSplit(
                    a,
                    b,
                    len(found),
                    share,
                    (whole.estimate, whole.se),
                    (direct, variance**0.5),
                    None,
                    None,
                    None,
                    None,
                )
            )
            continue
        indirect = (whole.estimate / whole.se**2 - direct / variance) / rest
        difference = direct - indirect
        z = difference / float(np.sqrt(variance + 1 / rest))
        splits.append(
            NodeSplit(
                a,
                b,
                len(found),
                share,
                (whole.estimate, whole.se),
                (direct, variance**0.5),
                (indirect, rest**-0.5),
                difference,
                z,
                float(2 * stats.norm.sf(abs(z))),
            )
        )
    return tuple(splits)


def _direct(block: StudyBlock, a: str, b: str) -> tuple[float, float]:
    """Contrast a minus b of one study and its sampling variance."""
    c = np.zeros(len(block.treatments))
    c[block.treatments.index(a)] += 1
    c[block.treatments.index(b)] -= 1
    c = c[1:]
    return float(c @ block.y), float(c @ block.v @ c)
