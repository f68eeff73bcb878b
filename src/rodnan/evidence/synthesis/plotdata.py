"""The numbers of the figures of an answer, ready to be drawn and drawn by nobody here.

Values are on the natural scale (ratios, not logarithms); a figure of ratios needs a logarithmic axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from rodnan.evidence.synthesis.endpoints import RATIOS, SCALE_WORDS, Endpoint
from rodnan.evidence.synthesis.parts import Comparison, NetworkPart

__all__ = [
    "ForestData",
    "ForestRow",
    "FunnelData",
    "FunnelPoint",
    "NetworkEdge",
    "NetworkGraph",
    "NetworkNode",
    "forest_data",
    "funnel_data",
    "network_forest_data",
    "network_graph",
]


@dataclass(frozen=True, slots=True)
class ForestRow:
    """A line of a forest plot.

    Parameters
    ----------
    label
        Study, or what the summary is.
    note
        Printed beside the label, such as the week and the number of patients.
    kind
        ``"study"``, ``"pooled"``, ``"prediction"`` or ``"network"``.
    weight
        Share in the pooled estimate, 0 to 1; None for a summary.
    verified
        False when the numbers were not read at their source.
    certainty
        Word of certainty, for rows of a network.
    """

    label: str
    note: str
    estimate: float | None
    low: float
    high: float
    kind: str
    weight: float | None = None
    verified: bool = True
    certainty: str | None = None


@dataclass(frozen=True, slots=True)
class ForestData:
    """A forest plot: rows, and what the axis means.

    Parameters
    ----------
    outcome, axis
        The outcome in words; the measure with its unit.
    left, right
        What a value on either side of no effect means, in words ("" where the outcome has no known
        direction).
    no_effect
        0, or 1 for ratios.
    log
        True when the axis must be logarithmic.
    important
        The smallest important difference on either side, where known.
    """

    title: str
    outcome: str
    axis: str
    rows: tuple[ForestRow, ...]
    no_effect: float
    log: bool
    left: str
    right: str
    important: float | None = None


@dataclass(frozen=True, slots=True)
class FunnelPoint:
    """A study in a funnel plot: estimate, natural scale, and standard error (of the log for ratios)."""

    study: str
    estimate: float
    se: float
    verified: bool


@dataclass(frozen=True, slots=True)
class FunnelData:
    """A funnel plot: points, centre, and the two edges at the largest standard error."""

    title: str
    outcome: str
    axis: str
    points: tuple[FunnelPoint, ...]
    centre: float
    edge_low: float
    edge_high: float
    top_se: float
    log: bool
    note: str


@dataclass(frozen=True, slots=True)
class NetworkNode:
    """A treatment: place on the unit circle, patients (None where unknown), studies."""

    name: str
    x: float
    y: float
    studies: int
    patients: int | None


@dataclass(frozen=True, slots=True)
class NetworkEdge:
    """A direct comparison: number of studies."""

    first: str
    second: str
    studies: int
    verified: bool


@dataclass(frozen=True, slots=True)
class NetworkGraph:
    """A network plot."""

    title: str
    nodes: tuple[NetworkNode, ...]
    edges: tuple[NetworkEdge, ...]


def _natural(value: float, scale: str) -> float:
    return math.exp(value) if scale in RATIOS else value


def _axis(what: Endpoint, scale: str) -> str:
    unit = f" ({what.unit})" if what.unit and scale == "MD" else ""
    return f"{SCALE_WORDS[scale]}{unit}"


def _sides(what: Endpoint, drug: str, against: str) -> tuple[str, str]:
    if what.better is None:
        return "", ""
    worse, better = f"{against} better", f"{drug} better"
    return (worse, better) if what.better == "higher" else (better, worse)


def forest_data(comparison: Comparison, what: Endpoint) -> ForestData:
    """Return the forest plot of a pairwise comparison.

    Parameters
    ----------
    comparison
        Studies with their pooled estimate.
    what
        The outcome.

    Returns
    -------
    ForestData
        Studies, then the pooled estimate and the prediction interval (k-1 degrees of freedom) where there
        is one.
    """
    c, scale = comparison, comparison.scale
    z = float(stats.norm.ppf(0.975))
    rows = [
        ForestRow(
            r.facts.name,
            ", ".join(
                t for t in (f"week {r.week:g}" if r.week is not None else "", f"n {r.n}" if r.n else "") if t
            ),
            _natural(r.y, scale),
            _natural(r.y - z * r.se, scale),
            _natural(r.y + z * r.se, scale),
            "study",
            float(w),
            r.basis == "read",
        )
        for r, w in zip(c.rows, c.pooled.weights, strict=True)
    ]
    if c.pooled.k > 1:
        p = c.pooled
        mean, low, high = (_natural(x, scale) for x in (p.estimate, p.low, p.high))
        rows.append(ForestRow("pooled", f"random effects, {p.k} studies", mean, low, high, "pooled"))
        if c.predicted[0] is not None:
            low, high = (_natural(x, scale) for x in c.predicted[0])
            rows.append(ForestRow("a further study", "prediction interval", None, low, high, "prediction"))
    return _forest(f"{c.drug} against {c.against}", rows, what, scale, c.drug, c.against)


def network_forest_data(part: NetworkPart, drug: str, what: Endpoint) -> ForestData:
    """Return the forest plot of the network's estimates of a drug against every other treatment.

    Parameters
    ----------
    part
        The fitted network with its estimates.
    drug
        The drug.
    what
        The outcome.

    Returns
    -------
    ForestData
        A row for each comparator, saying how many studies compare the two directly.
    """
    scale = part.estimates[0].scale
    unverified = {frozenset((r.first, r.second)) for r in part.rows if r.basis != "read"}
    rows = []
    for e in part.estimates:
        r = e.relative
        direct = (
            f"{e.direct_studies} direct {'study' if e.direct_studies == 1 else 'studies'}"
            if e.direct_studies
            else f"indirect, via {', '.join(e.via)}"
        )
        path = (drug, *e.via, r.second)
        used = {frozenset((a, b)) for a in path for b in path if a != b}
        estimate, low, high = (_natural(x, scale) for x in (r.estimate, r.low, r.high))
        rows.append(
            ForestRow(
                f"against {r.second}",
                direct,
                estimate,
                low,
                high,
                "network",
                verified=not (used & unverified),
                certainty=e.certainty.word,
            )
        )
    return _forest(f"{drug} in the network of randomised trials", rows, what, scale, drug, "comparator")


def _forest(
    title: str, rows: list[ForestRow], what: Endpoint, scale: str, drug: str, against: str
) -> ForestData:
    left, right = _sides(what, drug, against)
    ratio = scale in RATIOS
    important = what.mid.value if what.mid is not None and scale == "MD" else None
    return ForestData(
        title, what.label, _axis(what, scale), tuple(rows), float(ratio), ratio, left, right, important
    )


def funnel_data(comparison: Comparison, what: Endpoint) -> FunnelData:
    """Return the funnel plot of a pairwise comparison around its common-effect estimate.

    Parameters
    ----------
    comparison
        At least one study.
    what
        The outcome.

    Returns
    -------
    FunnelData
        With a sentence on what can be read from it.
    """
    c, scale = comparison, comparison.scale
    top = max(r.se for r in c.rows) * 1.1
    z = float(stats.norm.ppf(0.975))
    if c.egger is not None and c.egger.informative:
        note = f"Egger's test of asymmetry: p = {c.egger.p:.2g} ({c.egger.k} studies)."
    else:
        k = len(c.rows)
        note = f"{k} {'study' if k == 1 else 'studies'}: too few to judge whether small studies differ."
    return FunnelData(
        f"{c.drug} against {c.against}",
        what.label,
        _axis(what, scale),
        tuple(FunnelPoint(r.facts.name, _natural(r.y, scale), r.se, r.basis == "read") for r in c.rows),
        _natural(c.common.estimate, scale),
        _natural(c.common.estimate - z * top, scale),
        _natural(c.common.estimate + z * top, scale),
        top,
        scale in RATIOS,
        note,
    )


def network_graph(part: NetworkPart, what: Endpoint) -> NetworkGraph:
    """Return the network plot: treatments on a circle, lines where trials compare them directly.

    Parameters
    ----------
    part
        The fitted network.
    what
        The outcome.

    Returns
    -------
    NetworkGraph
        Node sizes by patients in the studies of a treatment, lines by number of studies.
    """
    names = part.fitted.treatments
    angles = np.pi / 2 + 2 * np.pi * np.arange(len(names)) / len(names)
    nodes = []
    for name, angle in zip(names, angles, strict=True):
        studies = {r.facts.study: r.n for r in part.rows if name in (r.first, r.second)}
        known = [n for n in studies.values() if n is not None]
        patients = sum(known) if len(known) == len(studies) else None
        nodes.append(NetworkNode(name, float(np.cos(angle)), float(np.sin(angle)), len(studies), patients))
    pairs: dict[tuple[str, str], list[bool]] = {}
    for r in part.rows:
        pairs.setdefault((min(r.first, r.second), max(r.first, r.second)), []).append(r.basis == "read")
    edges = tuple(NetworkEdge(a, b, len(v), all(v)) for (a, b), v in sorted(pairs.items()))
    return NetworkGraph(f"Randomised trials: {what.label}", tuple(nodes), edges)
