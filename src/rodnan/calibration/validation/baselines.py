"""Baselines B0 to B4: what one would predict of an arm without any mechanism.

All are one hierarchical Gaussian model of arm changes, with different columns:

    y = g(t) * (x'beta + b_trial + a_arm) + e,   b ~ N(0, tau_b), a ~ N(0, tau_a),   g(t) = t / (t + ET50), 1 at a year

fitted exactly on a grid of (ET50, tau_b, tau_class) and averaged over it. The data are those that the full calibration is
fitted to (``targets.yaml``), never a validation study.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.evidence.synthesis.study_rows import treatment_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["BASELINES", "Arm", "Baseline", "arm_of", "fit_baseline", "fit_data"]

BASELINES: Mapping[str, str] = {
    "B0": "no change",
    "B1": "no treatment effect; pooled untreated course by duration",
    "B2": "class mean carried forward",
    "B3": "longitudinal Emax meta-analysis with trial and class effects",
    "B4": "regression on baseline and duration",
}
MONTH = 365.25 / 7.0 / 12.0
ET50_MONTHS = (3.0, 6.3, 12.0)
"""Grid around 6.3 months, prior weights in `ET50_PRIOR` (design, section 7.6: assumed log-normal of spread 0.65)."""
ET50_PRIOR = (0.25, 0.5, 0.25)
SPREADS = (0.5, 1.0, 1.75, 2.75, 4.5)
"""Grid of tau_b, and of tau_class, in units of the endpoint; half-normal prior of scale `SPREAD_SCALE`."""
SPREAD_SCALE = 2.5
CLASS_SCALE = 4.0
ARM_SHARE = 0.5
"""tau_a as a share of tau_b (assumed, as in heterogeneity.yaml: arms share site, raters and calendar)."""
STEPS = (2.0, 10.0)
"""Years of duration and points of baseline that a slope is counted by."""
WIDE = 10.0
"""Prior sd of fixed effects (points at a year)."""
VISITS = 0.8
"""Correlation between the errors of an arm's visits."""

CLASSES: Mapping[str, str] = {
    "cyclophosphamide": "alkylating",
    "mycophenolate": "antimetabolite",
    "azathioprine": "antimetabolite",
    "methotrexate": "antimetabolite",
    "sirolimus": "mtor-calcineurin",
    "cyclosporine": "mtor-calcineurin",
    "tacrolimus": "mtor-calcineurin",
    "rituximab": "b-cell",
    "belimumab": "b-cell",
    "car-t-cd19": "b-cell",
    "tocilizumab": "cytokine",
    "tofacitinib": "cytokine",
    "anifrolumab": "cytokine",
    "imatinib": "antifibrotic",
    "nintedanib": "antifibrotic",
    "pirfenidone": "antifibrotic",
    "autologous-hsct": "transplantation",
    "d-penicillamine": "d-penicillamine",
    "abatacept": "t-cell",
    "alefacept": "t-cell",
    "anti-thymocyte-globulin": "t-cell",
}
STRONGEST = ("autologous-hsct", "car-t-cd19", "cyclophosphamide", "rituximab")
"""Which drug of a combination gives its class, first found."""


@dataclass(frozen=True)
class Arm:
    """What a baseline knows of an arm: trial, name, class by a week, covariates (nan where not published)."""

    study: str
    name: str
    group: str
    duration: float
    baseline: float


def arm_of(study: Any, arm: Any, endpoint: str, week: float) -> Arm:
    """Return what baselines know of an arm at a week.

    Parameters
    ----------
    study, arm
        Records.
    endpoint
        Whose baseline mean.
    week
        Drugs that start later do not count.
    """
    words = treatment_of(arm, week)
    drugs = [d for d in words.split(" + ") if d not in ("prednisone", "placebo", "no treatment")]
    first = next((d for d in STRONGEST if d in drugs), drugs[0] if drugs else "")
    group = CLASSES.get(first, "other") if first else "untreated"

    def mean(variable: str) -> float:
        row = study.baseline(variable, arm.id)
        value = None if row is None else row.mean if row.mean is not None else row.value
        if row is not None and variable == "disease_duration" and row.unit == "month" and value is not None:
            value = value / 12.0
        return float("nan") if value is None else float(value)

    return Arm(study.id, arm.id, group, mean("disease_duration"), mean(endpoint))


@dataclass(frozen=True)
class Datum:
    """One observation: a combination of arms at a week with its standard error."""

    arms: tuple[tuple[Arm, float], ...]
    week: float
    y: float
    se: float


def fit_data(endpoint: str) -> list[Datum]:
    """Return the arm changes and differences that baselines are fitted to."""
    from rodnan.calibration.bayes.simulate import arm_targets
    from rodnan.evidence import load_study

    found = []
    for row in (*arm_targets()["arms"], *arm_targets()["contrasts"]):
        if row["endpoint"] != endpoint:
            continue
        study, week = load_study(row["study"]), float(row["week"])
        names = [row["arm"]] if "arm" in row else list(row["arms"])
        arms = tuple(
            (arm_of(study, study.arm(name), endpoint, week), sign)
            for name, sign in zip(names, (1.0, -1.0), strict=False)
        )
        found.append(Datum(arms, week, float(row["y"]), float(row["se"])))
    return found


@dataclass(frozen=True)
class _Node:
    """Posterior of the fixed effects at one node of the grid, and the spreads there."""

    weight: float
    et50: float
    tau_b: float
    tau_class: float
    mean: Array
    root: Array


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline for one endpoint.

    Attributes
    ----------
    kind
        ``B0`` to ``B4``.
    groups
        Classes with an effect of their own.
    centre
        Of the covariates.
    nodes
        Grid.
    """

    kind: str
    groups: tuple[str, ...]
    centre: tuple[float, float]
    nodes: tuple[_Node, ...]

    def sample(
        self, arms: Sequence[tuple[Arm, float]], count: int, seed: int, *, arm_factor: float = 1.0
    ) -> list[Array]:
        """Draw the true means of arms of one new trial.

        Parameters
        ----------
        arms
            (arm, week); arms of one name share their effect, all share the trial's.
        count
            Draws.
        seed
            Random stream.
        arm_factor
            On the spread of arm effects, where treatment was chosen.

        Returns
        -------
        list of float64[count]
            One an entry of `arms`.
        """
        rng = np.random.default_rng(seed)
        weights = np.array([n.weight for n in self.nodes])
        node = rng.choice(len(self.nodes), size=count, p=weights)
        z = rng.standard_normal((count, len(self.nodes[0].mean)))
        beta = np.empty_like(z)
        for k, n in enumerate(self.nodes):
            chosen = node == k
            beta[chosen] = n.mean + z[chosen] @ n.root.T
        et50, tau_b, tau_class = (
            np.array([getattr(n, f) for n in self.nodes])[node] for f in ("et50", "tau_b", "tau_class")
        )
        trial = tau_b * rng.standard_normal(count)
        own = {a.name: arm_factor * ARM_SHARE * tau_b * rng.standard_normal(count) for a, _ in arms}
        new = {a.group: tau_class * rng.standard_normal(count) for a, _ in arms if a.group not in self.groups}
        out = []
        for arm, week in arms:
            effect = beta @ _columns(self.kind, arm, self.groups, self.centre)
            if self.kind in ("B2", "B3") and arm.group != "untreated" and arm.group not in self.groups:
                effect = effect + new[arm.group]
            share = np.array([_course(self.kind, week, e) for e in ET50_MONTHS])
            place = np.searchsorted(ET50_MONTHS, et50)
            out.append(share[np.minimum(place, len(share) - 1)] * (effect + trial + own[arm.name]))
        return out


def _course(kind: str, week: float, et50: float) -> float:
    if kind == "B2":
        return 1.0
    months = week / MONTH
    return float(months / (months + et50) * (12.0 + et50) / 12.0)


def _columns(kind: str, arm: Arm, groups: Sequence[str], centre: tuple[float, float]) -> Array:
    """Return the row of fixed and class effects of an arm: untreated mean, mean effect of drugs, classes, covariates."""
    if kind == "B0":
        return np.zeros(1)
    duration, base = (
        0.0 if not np.isfinite(v) else (v - c) / s
        for v, c, s in zip((arm.duration, arm.baseline), centre, STEPS, strict=True)
    )
    if kind == "B1":
        return np.array([1.0, duration])
    if kind == "B4":
        return np.array([1.0, duration, base])
    active = arm.group != "untreated"
    return np.array([1.0, float(active), *(float(arm.group == g) for g in groups)])


def fit_baseline(kind: str, data: Sequence[Datum]) -> Baseline:
    """Fit a baseline.

    Parameters
    ----------
    kind
        ``B0`` to ``B4``.
    data
        Observations of one endpoint; B1 sees the arms without a drug only.

    Returns
    -------
    Baseline
    """
    if kind == "B1":
        data = [d for d in data if all(a.group in ("untreated", "d-penicillamine") for a, _ in d.arms)]
    every = [a for d in data for a, _ in d.arms]
    groups = tuple(sorted({a.group for a in every} - {"untreated"})) if kind in ("B2", "B3") else ()
    centre = _moments(every)
    y = np.array([d.y for d in data])
    noise = _noise(data)
    mean0 = np.zeros(_width(kind, groups))
    nodes = []
    class_grid = SPREADS if groups else (1.0,)
    for (k, et50), tau_b, tau_class in product(enumerate(ET50_MONTHS), SPREADS, class_grid):
        x, random = _design(kind, data, groups, centre, et50, tau_b)
        prior = _prior(kind, groups, tau_class)
        cov = noise + random
        total = cov + x @ np.diag(prior) @ x.T
        root = np.linalg.cholesky(total)
        r = np.linalg.solve(root, y - x @ mean0)
        log_like = -0.5 * float(r @ r) - float(np.log(np.diag(root)).sum())
        log_prior = float(np.log(ET50_PRIOR[k])) - 0.5 * (tau_b / SPREAD_SCALE) ** 2
        log_prior -= 0.5 * (tau_class / CLASS_SCALE) ** 2 if groups else 0.0
        gain = np.diag(prior) @ x.T @ np.linalg.inv(total)
        post = np.diag(prior) - gain @ x @ np.diag(prior)
        values, vectors = np.linalg.eigh(0.5 * (post + post.T))
        nodes.append(
            (log_like + log_prior, et50, tau_b, tau_class, gain @ y, vectors * np.sqrt(np.maximum(values, 0)))
        )
    logs = np.array([n[0] for n in nodes])
    weights = np.exp(logs - logs.max()) * np.array(
        [_cell(n[2]) * (_cell(n[3]) if groups else 1) for n in nodes]
    )
    weights /= weights.sum()
    return Baseline(
        kind, groups, centre,
        tuple(_Node(float(w), *n[1:]) for w, n in zip(weights, nodes, strict=True)),
    )  # fmt: skip


def _cell(spread: float) -> float:
    """Return the width of a node's cell on the grid of spreads."""
    edges = [0.0, *((a + b) / 2 for a, b in pairwise(SPREADS)), 5.5]
    return edges[SPREADS.index(spread) + 1] - edges[SPREADS.index(spread)]


def _width(kind: str, groups: Sequence[str]) -> int:
    return {"B0": 1, "B1": 2, "B4": 3}.get(kind, 2 + len(groups))


def _prior(kind: str, groups: Sequence[str], tau_class: float) -> Array:
    if kind in ("B2", "B3"):
        return np.array([WIDE**2, WIDE**2, *([tau_class**2] * len(groups))])
    return np.array([WIDE**2, *([4.0] * (_width(kind, groups) - 1))])


def _moments(arms: Sequence[Arm]) -> tuple[float, float]:
    means = []
    for values in ([a.duration for a in arms], [a.baseline for a in arms]):
        finite = [v for v in values if np.isfinite(v)]
        means.append(float(np.mean(finite)) if finite else 0.0)
    return means[0], means[1]


def _noise(data: Sequence[Datum]) -> Array:
    n = len(data)
    cov = np.zeros((n, n))
    for i, a in enumerate(data):
        for j, b in enumerate(data):
            same = [(x.study, x.name) for x, _ in a.arms] == [(x.study, x.name) for x, _ in b.arms]
            cov[i, j] = a.se**2 if i == j else VISITS * a.se * b.se if same else 0.0
    return cov


def _design(
    kind: str,
    data: Sequence[Datum],
    groups: Sequence[str],
    centre: tuple[float, float],
    et50: float,
    tau_b: float,
) -> tuple[Array, Array]:
    x = np.array(
        [
            _course(kind, d.week, et50)
            * np.sum([s * _columns(kind, a, groups, centre) for a, s in d.arms], axis=0)
            for d in data
        ]
    )
    trials = sorted({a.study for d in data for a, _ in d.arms})
    arms = sorted({(a.study, a.name) for d in data for a, _ in d.arms})
    b, own = np.zeros((len(data), len(trials))), np.zeros((len(data), len(arms)))
    for i, d in enumerate(data):
        for a, s in d.arms:
            g = _course(kind, d.week, et50)
            b[i, trials.index(a.study)] += s * g
            own[i, arms.index((a.study, a.name))] += s * g
    return x, tau_b**2 * (b @ b.T + ARM_SHARE**2 * own @ own.T)
