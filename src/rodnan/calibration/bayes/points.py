"""Points of a simulation design: physical values drawn around the recorded fit, no further out than the priors.

Everything moves on the standard-normal scale of its prior (`rodnan.calibration.bayes.priors`); the centre lies between
prior and recorded fit and the spread is a share of the prior's. A second design lies where the posterior of the first
lies, somewhat wider, so that the emulator is at its best where it is used. Optional mechanisms are absent in a share of the
points, so that a structural variant is inside the design and not at its edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rodnan.calibration.bayes.priors import POTENCY, Prior, build_prior
from rodnan.calibration.bayes.simulate import arm_targets
from rodnan.disease.parameters import ParameterSet
from rodnan.disease.variants import variants
from rodnan.engine.keys import normals, uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["draw_points", "draw_points_again", "moved_names"]

ABSENT = 0.25
"""Share of the points in which an optional mechanism is absent."""


def moved_names(parameters: ParameterSet) -> tuple[str, ...]:
    """Return the names of everything the calibration moves: parameters, weights, potencies, in order."""
    chosen = arm_targets()
    weights = [
        name
        for group in chosen["groups"]
        for name, record in parameters.records.items()
        if record.prior[0] == "dirichlet" and record.prior[1] == group
    ]
    return (*chosen["parameters"], *weights, *(POTENCY + drug for drug in chosen["potencies"]))


def draw_points(
    count: int,
    *,
    seed: int,
    parameters: ParameterSet,
    potencies: Mapping[str, float] | None = None,
    toward_fit: float = 0.7,
    width: float = 0.7,
) -> list[dict[str, float]]:
    """Draw the points of a design.

    Parameters
    ----------
    count
        Points.
    seed
        Random stream.
    parameters
        The parameter table with the recorded fit, or with any other values to draw around.
    potencies
        Potencies to draw around; those on record where a drug is not named.
    toward_fit
        Where the centre lies between the prior's centre (0) and the recorded value (1).
    width
        Spread as a share of the prior's standard deviation.

    Returns
    -------
    list of dict
        Physical values by name of `moved_names`.
    """
    prior = build_prior(parameters, moved_names(parameters))
    around = _around(parameters, potencies or {}, prior)
    centre = toward_fit * np.where(
        np.isfinite(around), around, 0.0
    )  # an absent mechanism: the middle of its prior
    who = np.arange(count)
    z = centre + width * normals(seed, "design", "points", who, prior.dimension)
    return _with_absent(prior.points(z), seed)


def draw_points_again(
    draws: Array, count: int, *, seed: int, parameters: ParameterSet, width: float = 1.2
) -> list[dict[str, float]]:
    """Draw the points of a later design where an earlier emulator's posterior lies.

    Parameters
    ----------
    draws
        float64[n, d], draws of that posterior on the standard-normal scale of the priors.
    count
        Points; as many draws are taken, at equal distances and some more than once where there are fewer.
    seed
        Random stream.
    parameters
        The parameter table.
    width
        Spread as a multiple of the posterior's around its mean.

    Returns
    -------
    list of dict
        Physical values by name of `moved_names`.
    """
    prior = build_prior(parameters, moved_names(parameters))
    rows = np.linspace(0, len(draws) - 1, count).round().astype(int)
    middle = draws.mean(axis=0)
    return _with_absent(prior.points(middle + width * (draws[rows] - middle)), seed)


def _with_absent(points: list[dict[str, float]], seed: int) -> list[dict[str, float]]:
    """Take each optional mechanism out of a share of the points."""
    who = np.arange(len(points))
    for name, value in {n: v for variant in variants().values() for n, v in variant.held.items()}.items():
        absent = uniforms(seed, "design", f"absent/{name}", who, 1)[:, 0] < ABSENT
        for k in np.flatnonzero(absent):
            points[k][name] = value
    return points


def _around(parameters: ParameterSet, potencies: Mapping[str, float], prior: Prior) -> Array:
    """Return the recorded values on the standard-normal scale, float64[d]."""
    from rodnan.pharmacology import load_model

    values = {n: parameters[n] for n in prior.names if not n.startswith(POTENCY)}
    for name in prior.names:
        if name.startswith(POTENCY):
            drug = name.removeprefix(POTENCY)
            potency = load_model(drug).potency
            assert potency is not None
            values[name] = potencies.get(drug, potency.value)
    for members in prior.groups.values():
        total = sum(values[name] for name in members)  # recorded to two digits: sums to one within rounding
        values |= {name: values[name] / total for name in members}
    return prior.z_of(prior.table([values]))[0]
