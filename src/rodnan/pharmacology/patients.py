"""From covariates and random effects to the individual kinetics of patients.

Random numbers are handed in as standard normals: this module draws none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rodnan.errors import ModelError, PopulationError, nearest_name
from rodnan.evidence.records.pkwords import COVARIATES, LEVELS, level_words, parameter_kind
from rodnan.pharmacology.models import DrugModel, Eta, PatientPK

__all__ = ["TYPICAL_PATIENT", "UNCERTAINTY", "draw_patients", "uncertain"]

Array = NDArray[np.float64]

TYPICAL_PATIENT: Mapping[str, float] = MappingProxyType(
    {"sex": 0.0, "age": 50.0, "weight": 65.0, "height": 163.0, "bsa": 1.7, "crcl": 5.7, "albumin": 40.0}
)
"""A woman of 50 with the weight of the registries (65 kg) and a creatinine clearance of 95 mL/min."""


def draw_patients(
    model: DrugModel,
    covariates: Mapping[str, ArrayLike],
    z: ArrayLike | None = None,
    *,
    potency: ArrayLike | None = None,
    z_occasion: ArrayLike | None = None,
    z_uncertain: ArrayLike | None = None,
    beside: Sequence[str] = (),
    n: int | None = None,
) -> PatientPK:
    """Return the individual kinetics of n patients.

    Parameters
    ----------
    model
        The drug.
    covariates
        Name -> values, shape (n,) or (), in the units of ``COVARIATES`` (sex 0 female 1 male, age year,
        weight kg, height cm, bsa m2, crcl L/h, albumin g/L; inherited phenotypes by their ``LEVELS``). More than
        the model needs may be given.
    z
        Independent standard normals, shape (n, ``model.n_eta``), columns in the order of ``model.etas``;
        None for typical patients.
    potency
        Replaces the record's typical potency, shape () or (n,); the spread between patients stays.
    z_occasion
        Standard normals of one occasion, shape (n, ``len(model.occasions)``); None for the patient's own
        mean.
    z_uncertain
        Standard normals of one draw of the *typical* values, shape (``len(uncertain(model))``,); see
        :func:`uncertain`. None: the record's values.
    beside
        Ids of the other drugs taken, whose effects on this drug's parameters then hold.
    n
        Number of patients, where neither `z` nor the covariates show it.

    Returns
    -------
    PatientPK

    Raises
    ------
    PopulationError
        ``RDN-P101`` a covariate the model needs is missing; ``RDN-P102`` a value is not finite or not above
        zero.
    ModelError
        ``RDN-M116`` `z` has the wrong shape or is not finite; ``RDN-M117`` a potency outside (0, 1).
    """
    z = None if z is None else np.atleast_2d(np.asarray(z, dtype=np.float64))
    values = {name: np.asarray(value, dtype=np.float64) for name, value in covariates.items()}
    sizes = {v.size for name, v in values.items() if v.ndim and name in COVARIATES}
    if z is not None:
        sizes.add(len(z))
    if n is not None:
        sizes.add(n)
    if len(sizes) > 1:
        raise ModelError("RDN-M116", "covariates and random effects differ in the number of patients")
    n = sizes.pop() if sizes else 1
    values = {name: np.asarray(value) for name, value in model.assumed.items()} | values
    used = [*model.needed_covariates, *model.assumed]
    needed = {name: _covariate_values(model, values, name, n) for name in used}
    typicals = _typicals(model, z_uncertain, beside)
    shifts = _shifts(model.etas, z, model.cholesky, n, "random effects", model.id)
    moves = _shifts(model.occasions, z_occasion, None, n, "random effects of an occasion", model.id)
    parameters: dict[str, Array] = {}
    for name in model.typical:
        value = np.full(n, typicals[name])
        for covariate in model.covariates.get(name, ()):
            value = value * covariate.factor(needed[covariate.covariate])
        if (value <= 0.0).any():
            raise PopulationError(
                "RDN-P102",
                f"covariates outside the range of the model make {name} not positive",
                where=model.id,
            )
        for eta, shift in [*zip(model.etas, shifts, strict=True), *zip(model.occasions, moves, strict=True)]:
            if eta.name == name:
                value = value * np.exp(shift) if eta.scale == "log" else _logit_shift(value, shift)
        parameters[name] = value
    return PatientPK(
        n=n,
        parameters=MappingProxyType(parameters),
        k=np.ascontiguousarray(np.broadcast_to(model.structure.rate_matrix(parameters), _kshape(model, n))),
        rows=_rows(model, parameters, n),
        half=_halves(model, parameters, n),
        potency=_potency(model, typicals.get("potency") if potency is None else potency, shifts, n),
        bsa=needed.get("bsa"),
    )


UNCERTAINTY: Mapping[str, float] = MappingProxyType(
    {"read": 0.15, "recalled": 0.25, "estimated": 0.3, "assumed": 0.5}
)
"""Assumed log-sd (logit-sd for fractions) of a typical value by how it is known, where no standard error was read."""


def uncertain(model: DrugModel) -> tuple[str, ...]:
    """Return what is uncertain about a drug: its typical values and, last, its potency.

    Typical values vary on the log scale (fractions below one on the logit scale) with the sd of
    ``UNCERTAINTY``, the potency on the logit scale by its prior.
    """
    return (*model.typical, *(["potency"] if model.potency is not None else []))


def _typicals(model: DrugModel, z: ArrayLike | None, beside: Sequence[str]) -> dict[str, float]:
    """Typical values, moved by one draw of their uncertainty and by the other drugs taken."""
    values = dict(model.typical)
    if model.potency is not None:
        values["potency"] = model.potency.value
    if z is not None:
        draw = np.asarray(z, dtype=np.float64)
        names = uncertain(model)
        if draw.shape != (len(names),) or not np.isfinite(draw).all():
            expected = f"the uncertainty must be finite and of shape ({len(names)},)"
            raise ModelError("RDN-M116", expected, where=model.id, value=str(draw.shape))
        basis = {p.name: p.basis for p in model.record.parameters}
        for name, shift in zip(names, draw, strict=True):
            if name == "potency" and model.potency is not None:
                logit = model.potency.prior_logit_mean + model.potency.prior_logit_sd * shift
                values[name] = float(1.0 / (1.0 + np.exp(-logit)))
            elif parameter_kind(name) == "fraction" and values[name] < 1.0:
                moved = _logit_shift(np.array(values[name]), np.array(UNCERTAINTY[basis[name]] * shift))
                values[name] = float(moved)
            else:
                values[name] *= float(np.exp(UNCERTAINTY[basis[name]] * shift))
    for entry in model.record.interactions:
        if entry.kind == "parameter" and entry.other in beside:
            values[entry.parameter or ""] *= entry.value or 1.0
    return values


def _kshape(model: DrugModel, n: int) -> tuple[int, int, int]:
    return (n, model.n_compartments, model.n_compartments)


def _rows(model: DrugModel, parameters: Mapping[str, Array], n: int) -> Array:
    rows = np.zeros((n, model.n_series, model.n_compartments))
    for i, series in enumerate(model.series):
        if series.form != "dose":
            free = "parent" if series.concentration == "total" else series.concentration
            rows[:, i] = model.structure.output_rows(free, parameters)
    return rows


def _halves(model: DrugModel, parameters: Mapping[str, Array], n: int) -> Array:
    half = np.ones((n, model.n_series))
    for i, series in enumerate(model.series):
        if series.half is not None:
            half[:, i] = parameters[series.half]
    return half


def _potency(model: DrugModel, given: ArrayLike | None, shifts: list[Array], n: int) -> Array:
    if model.potency is None:
        return np.ones(n)
    value = np.broadcast_to(np.asarray(given, dtype=np.float64), (n,))
    if not ((value > 0.0) & (value < 1.0)).all():
        bad = float(value[~((value > 0.0) & (value < 1.0))][0])
        raise ModelError("RDN-M117", "a potency lies between 0 and 1", where=model.id, value=bad)
    for eta, shift in zip(model.etas, shifts, strict=True):
        if eta.name == "potency":
            value = _logit_shift(value, shift)
    return np.array(value)


def _covariate_values(model: DrugModel, given: Mapping[str, Array], name: str, n: int) -> Array:
    if name not in given:
        raise PopulationError(
            "RDN-P101",
            f"the model of {model.id} needs the covariate {name} ({COVARIATES[name]})",
            value=", ".join(given) or "none",
            nearest=nearest_name(name, given),
        )
    values = np.broadcast_to(given[name], (n,))
    levels = LEVELS.get(name)
    legal = np.isfinite(values) & (values > 0.0) if levels is None else np.isin(values, list(levels))
    if not legal.all():
        expected = "a finite number above zero"
        if levels is not None:
            expected = f"one of {level_words(levels)}"
        raise PopulationError(
            "RDN-P102",
            f"the covariate {name} must be {expected}",
            where=model.id,
            value=float(values[~legal][0]),
        )
    return values


def _shifts(
    etas: tuple[Eta, ...], z: ArrayLike | None, cholesky: Array | None, n: int, what: str, model: str
) -> list[Array]:
    if z is None:
        return [np.zeros(n) for _ in etas]
    z = np.asarray(z, dtype=np.float64)
    if z.shape != (n, len(etas)) or not np.isfinite(z).all():
        expected = f"{what} must be finite and of shape ({n}, {len(etas)})"
        raise ModelError("RDN-M116", expected, where=model, value=str(z.shape))
    correlated = z if cholesky is None else z @ cholesky.T
    return [eta.sd * correlated[:, i] for i, eta in enumerate(etas)]


def _logit_shift(value: Array, shift: Array) -> Array:
    odds = value / (1.0 - value) * np.exp(shift)
    return odds / (1.0 + odds)
