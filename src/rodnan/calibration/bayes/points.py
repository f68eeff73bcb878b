"""Points of a simulation design: physical values drawn around the recorded fit, no further out than the priors.

Every parameter moves on its unbounded scale (`rodnan.calibration.scales`); the centre lies between prior and recorded fit
and the spread is a share of the prior's. Optional mechanisms are absent in a share of the points, so that a structural
variant is inside the design and not at its edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rodnan.calibration.bayes.simulate import POTENCY, arm_targets
from rodnan.calibration.scales import from_unbounded, prior_scale, to_unbounded
from rodnan.disease.parameters import ParameterSet
from rodnan.disease.variants import variants
from rodnan.engine.keys import normals, uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["draw_points", "moved_names"]

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
    who = np.arange(count)
    chosen = arm_targets()
    columns: dict[str, Array] = {}
    for name in chosen["parameters"]:
        z = normals(seed, "design", name, who, 1)[:, 0]
        columns[name] = _one(parameters, name, z, toward_fit, width)
    for group in chosen["groups"]:
        columns |= _weights(parameters, group, seed, who, width)
    for drug in chosen["potencies"]:
        columns[POTENCY + drug] = _potency(
            drug,
            normals(seed, "design", POTENCY + drug, who, 1)[:, 0],
            toward_fit,
            width,
            (potencies or {}).get(drug),
        )
    held = {name: value for v in variants().values() for name, value in v.held.items()}
    for name, value in held.items():
        absent = uniforms(seed, "design", f"absent/{name}", who, 1)[:, 0] < ABSENT
        columns[name] = np.where(absent, value, columns[name])
    return [{name: float(columns[name][k]) for name in moved_names(parameters)} for k in range(count)]


def _one(parameters: ParameterSet, name: str, z: Array, toward_fit: float, width: float) -> Array:
    record = parameters.records[name]
    if record.prior[0] == "halfnormal" and parameters[name] == 0.0:
        return float(record.prior[1]) * np.abs(z)
    scale = prior_scale(record)
    fitted = to_unbounded(scale, parameters[name])
    centre = scale.centre + toward_fit * (fitted - scale.centre)
    return np.array([from_unbounded(scale, x) for x in centre + width * scale.sd * z])


def _weights(
    parameters: ParameterSet, group: str, seed: int, who: NDArray[np.int64], width: float
) -> Mapping[str, Array]:
    """Draw weights of a Dirichlet group on the scale of log ratios, around their recorded values."""
    records = {n: r for n, r in parameters.records.items() if r.prior[:2] == ("dirichlet", group)}
    logs = np.stack(
        [
            np.log(parameters[name])
            + width / np.sqrt(float(record.prior[2])) * normals(seed, "design", name, who, 1)[:, 0]
            for name, record in records.items()
        ]
    )
    shares = np.exp(logs - logs.max(axis=0))
    shares /= shares.sum(axis=0)
    return dict(zip(records, shares, strict=True))


def _potency(drug: str, z: Array, toward_fit: float, width: float, value: float | None) -> Array:
    from rodnan.pharmacology import load_model

    potency = load_model(drug).potency
    assert potency is not None
    around = potency.value if value is None else value
    fitted = float(np.log(around / (1.0 - around)))
    centre = potency.prior_logit_mean + toward_fit * (fitted - potency.prior_logit_mean)
    return 1.0 / (1.0 + np.exp(-(centre + width * potency.prior_logit_sd * z)))
