"""The network part of an answer: which trials connect, what they say together, how sure it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from rodnan.errors import EvidenceError
from rodnan.evidence.synthesis.certainty import judge
from rodnan.evidence.synthesis.consistency import decompose, node_splits
from rodnan.evidence.synthesis.endpoints import SCALE_WORDS, Endpoint
from rodnan.evidence.synthesis.network_fit import Contrast, Network, components, network
from rodnan.evidence.synthesis.parts import Comparison, Indirect, NetworkPart
from rodnan.evidence.synthesis.ranking import rank_treatments
from rodnan.evidence.synthesis.rows import ContrastRow, Extraction, Unused

__all__ = ["network_part"]


def network_part(
    found: Extraction,
    direct: Sequence[Comparison],
    drug: str,
    against: str | None,
    what: Endpoint,
    week: float | None,
    level: float,
) -> tuple[NetworkPart | None, tuple[Unused, ...]]:
    """Fit the network of randomised comparisons, on the scale that connects the drug to most treatments."""
    best: list[ContrastRow] = []
    left: set[str] = set()
    for scale in SCALE_WORDS:
        rows = [r for r in found.contrasts if r.scale == scale and r.facts.randomised]
        parts = components([_contrast(r) for r in rows])
        own = next((p for p in parts if drug in p), ())
        inside = [r for r in rows if r.first in own]
        if len(inside) > len(best):
            best, left = inside, {t for p in parts if p != own for t in p}
    rows, unused = _whole_studies(best)
    names = {t for r in rows for t in (r.first, r.second)}
    if drug not in names or len(names) < 3:
        return None, unused
    part = next(p for p in components([_contrast(r) for r in rows]) if drug in p)
    rows = [r for r in rows if r.first in part]
    reference = (
        against if against in part else ("placebo" if "placebo" in part and drug != "placebo" else drug)
    )
    fitted = network([_contrast(r) for r in rows], reference=reference, level=level)
    splits = node_splits(fitted)
    incoherent = min((s.p for s in splits if s.p is not None), default=None)
    estimates = [
        _indirect(fitted, rows, direct, drug, other, what, week, incoherent)
        for other in fitted.treatments
        if other != drug and (against is None or other == against)
    ]
    ranks = rank_treatments(fitted, higher_is_better=what.better == "higher") if what.better else ()
    return (
        NetworkPart(
            fitted,
            tuple(rows),
            fitted.df > 0,
            tuple(sorted(left)),
            tuple(estimates),
            ranks,
            decompose(fitted) if fitted.df > 0 else None,
            splits,
        ),
        unused,
    )


def _contrast(row: ContrastRow) -> Contrast:
    return Contrast(row.facts.study, row.first, row.second, row.y, row.se)


def _whole_studies(rows: Sequence[ContrastRow]) -> tuple[list[ContrastRow], tuple[Unused, ...]]:
    """Keep studies whose comparisons can stand in a network together: all pairs, at one time."""
    by_study: dict[str, list[ContrastRow]] = defaultdict(list)
    for row in rows:
        by_study[row.facts.study].append(row)
    kept, unused = [], []
    for study, own in by_study.items():
        try:
            network([_contrast(r) for r in own], tau="fixed")
            whole = len({r.week for r in own}) == 1
        except EvidenceError:
            whole = False
        if whole:
            kept += own
        else:
            reason = "its arms do not all have a comparison at one time, which a network needs"
            unused.append(Unused(study, "all arms, in the network", reason))
    return kept, tuple(unused)


def _indirect(
    fitted: Network,
    rows: Sequence[ContrastRow],
    comparisons: Sequence[Comparison],
    drug: str,
    other: str,
    what: Endpoint,
    week: float | None,
    incoherent: float | None,
) -> Indirect:
    """Network estimate of one comparison; its direct part is judged for inconsistency as it is alone."""
    relative = fitted.relative(drug, other)
    direct = fitted.studies_of(drug, other)
    scale = rows[0].scale
    alone = [c.pooled for c in comparisons if c.randomised and (c.against, c.scale) == (other, scale)]
    shares = _contributions(fitted, rows, drug, other)
    used = [(r, s) for r, s in zip(rows, shares, strict=True) if s > 1e-9]
    certainty = judge(
        [r for r, _ in used],
        [s for _, s in used],
        (relative.low, relative.high),
        what,
        pooled=alone[0] if alone else None,
        target_week=week,
        indirect=not direct,
        incoherent_p=incoherent,
    )
    via = tuple(sorted({t for r, _ in used for t in (r.first, r.second)} - {drug, other}))
    return Indirect(relative, scale, len(direct), via, certainty)


def _contributions(fitted: Network, rows: Sequence[ContrastRow], drug: str, other: str) -> list[float]:
    """How much the estimate moves with each row: absolute coefficients of the rows' contrasts."""
    data = fitted.data
    w = np.linalg.inv(data.v + fitted.tau2 * data.between)
    hat = fitted.covariance @ data.x.T @ w  # effects = hat @ y
    c = np.zeros(len(data.treatments))
    c[data.treatments.index(drug)] += 1
    c[data.treatments.index(other)] -= 1
    coefficients = np.abs(c[1:] @ hat)
    place, shares = 0, {}
    for block in data.blocks:
        for treatment in block.treatments[1:]:
            shares[block.study, frozenset((treatment, block.treatments[0]))] = float(coefficients[place])
            place += 1
    return [shares.get((r.facts.study, frozenset((r.first, r.second))), 0.0) for r in rows]
