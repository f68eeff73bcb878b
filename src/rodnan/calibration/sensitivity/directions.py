"""What the data inform: Fisher information by study, its leading directions, and which class of drug informs which weight.

At free coordinates z with the emulator's Jacobian J and, for unit u, the covariance C_u of its observations (standard
errors, trial effects at their typical scale, emulator), the information is ``J_u' C_u^-1 J_u``; the prior's is 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.posterior import Problem
from rodnan.calibration.sensitivity.local import jacobian

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["Informed", "class_map", "fisher_by_unit", "informed_directions"]


@dataclass(frozen=True)
class Informed:
    """Directions that data inform, most informed first.

    Attributes
    ----------
    information
        In units of the prior's, float64[d]: 1 says that the data know as much as the prior.
    directions
        Unit vectors, float64[d, d], one a column.
    coordinates
        Names of the rows.
    """

    information: Array
    directions: Array
    coordinates: tuple[str, ...]

    @property
    def count(self) -> int:
        """Directions in which the data know more than the prior."""
        return int((self.information > 1.0).sum())

    def rows(self, loadings: int = 5) -> list[dict[str, Any]]:
        """Return the informed directions with their largest loadings."""
        found = []
        for j in range(max(self.count, 1)):
            vector = self.directions[:, j]
            order = np.argsort(-np.abs(vector), kind="stable")[:loadings]
            found.append(
                {
                    "direction": j + 1,
                    "information": float(self.information[j]),
                    "posterior_sd": float(1.0 / np.sqrt(1.0 + self.information[j])),
                    "loadings": {self.coordinates[k]: float(vector[k]) for k in order},
                }
            )
        return found


def fisher_by_unit(problem: Problem, z: ArrayLike, spreads: ArrayLike) -> dict[str, Array]:
    """Return the Fisher information of every unit, float64[d_free, d_free].

    Parameters
    ----------
    problem
        Emulator and likelihood.
    z, spreads
        Free coordinates float64[d_free] and between-trial spreads float64[t] of the point.

    Returns
    -------
    dict
        Matrix by name of the unit.
    """
    slopes = jacobian(problem, z)
    mean, variance = _summaries(problem, z)
    tau2 = np.asarray(spreads, dtype=np.float64) ** 2
    likelihood = problem.likelihood
    sd = np.sqrt(variance)
    found = {name: np.zeros((slopes.shape[1], slopes.shape[1])) for name in likelihood.units}
    for block in likelihood.blocks:
        for s, unit in enumerate(block.unit):
            keep = block.there[s] > 0
            at = block.summary[s][keep]
            errors = block.correlation[s][np.ix_(keep, keep)] * np.outer(sd[at], sd[at])
            effects = np.einsum("e,ekl->kl", tau2[: block.effects.shape[1]], block.effects[s])
            covariance = block.sampling[s][np.ix_(keep, keep)] + errors + effects[np.ix_(keep, keep)]
            found[likelihood.units[unit]] += slopes[at].T @ np.linalg.solve(covariance, slopes[at])
    for k in likelihood.normal:
        at = likelihood.summary[k]
        spread = likelihood.se[k] ** 2 + variance[at]
        found[likelihood.units[likelihood.unit[k]]] += np.outer(slopes[at], slopes[at]) / spread
    for k in likelihood.count:
        at, n = likelihood.summary[k], likelihood.n[k]
        share = float(np.clip(mean[at] / 100.0, 0.01, 0.99))
        inflation = 1.0 + (n - 1.0) * float(np.sqrt(tau2[-1])) / (1.0 + float(np.sqrt(tau2[-1])))
        spread = 1e4 * share * (1.0 - share) * inflation / n + variance[at]
        found[likelihood.units[likelihood.unit[k]]] += np.outer(slopes[at], slopes[at]) / spread
    return found


def _summaries(problem: Problem, z: ArrayLike) -> tuple[Array, Array]:
    import jax

    with jax.enable_x64(True):
        inputs = np.asarray(problem.inputs(np.asarray(z, dtype=np.float64)))
    mean, variance = problem.emulator.predict(inputs)
    return mean[0], variance[0]


def informed_directions(problem: Problem, z: ArrayLike, spreads: ArrayLike) -> Informed:
    """Return the eigen-directions of the summed information of all units, most informed first.

    Parameters
    ----------
    problem
        Emulator and likelihood.
    z, spreads
        The point.

    Returns
    -------
    Informed
    """
    total = np.sum(list(fisher_by_unit(problem, z, spreads).values()), axis=0)
    values, vectors = np.linalg.eigh(total)
    names = tuple(problem.prior.coordinate_names[k] for k in problem.free)
    return Informed(np.maximum(values[::-1], 0.0), vectors[:, ::-1], names)


def class_map(
    problem: Problem, z: ArrayLike, spreads: ArrayLike, classes: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return which class of evidence informs which coordinate.

    The information that a class adds about a coordinate is what is lost of the posterior precision of that coordinate (all
    others unknown) when the class is left out; shares are of the sum over classes.

    Parameters
    ----------
    problem
        Emulator and likelihood.
    z, spreads
        The point.
    classes
        Class of each unit, for example the action of the drug a study tested; units that it does not name count as
        ``natural history``.

    Returns
    -------
    list of dict
        Rows ``coordinate, class, precision`` (gained, in units of the prior's) and ``share``, most informed first.
    """
    by_unit = fisher_by_unit(problem, z, spreads)
    d = len(problem.free)
    of_class: dict[str, Array] = {}
    for unit, information in by_unit.items():
        name = classes.get(unit, "natural history")
        of_class[name] = of_class.get(name, np.zeros((d, d))) + information
    prior = np.eye(d)
    whole = prior + np.sum(list(of_class.values()), axis=0)
    precision = 1.0 / np.diag(np.linalg.inv(whole))
    lost = {
        name: np.maximum(precision - 1.0 / np.diag(np.linalg.inv(whole - information)), 0.0)
        for name, information in of_class.items()
    }
    total = np.sum(list(lost.values()), axis=0)
    rows = []
    for k in np.argsort(-precision, kind="stable"):
        name = problem.prior.coordinate_names[problem.free[k]]
        rows += [
            {
                "coordinate": name,
                "class": label,
                "precision": float(value[k]),
                "share": float(value[k] / total[k]) if total[k] > 0 else 0.0,
            }
            for label, value in sorted(lost.items(), key=lambda item, k=k: -item[1][k])
        ]
    return rows
