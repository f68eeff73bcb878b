"""The course of one typical patient under drugs, beside the same patient untreated.

For drug cards and for checks of mechanism: no population, no flares, no noise. The patient has early
diffuse disease with lung involvement and every parameter at its typical value; treatment starts `start_day`
days after onset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease.equations import INDIVIDUAL
from rodnan.disease.model import advance_patients, onset_state
from rodnan.disease.parameters import ParameterSet, load_parameters
from rodnan.disease.states import STATE_INDEX
from rodnan.pharmacology import (
    CHANNELS,
    channel_map,
    combine,
    daily_effects,
    dose_plan,
    draw_patients,
    empty_state,
    patient_sizes,
)
from rodnan.pharmacology.interactions import kept_share
from rodnan.pharmacology.patients import TYPICAL_PATIENT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rodnan.pharmacology import DrugModel, Regimen

__all__ = ["Course", "daily_channels", "typical_course"]


@dataclass(frozen=True)
class Course:
    """A patient's course.

    Attributes
    ----------
    days
        Days since the start of treatment, from 0.
    treated, untreated
        States, float64[days + 1, 33].
    channels
        Drug channels of each day, float64[days, 26].
    """

    days: NDArray[np.int64]
    treated: NDArray[np.float64]
    untreated: NDArray[np.float64]
    channels: NDArray[np.float64]

    def ratio(self, state: str) -> NDArray[np.float64]:
        """Return a state under treatment relative to the untreated course, float64[days + 1]."""
        index = STATE_INDEX[state]
        return self.treated[:, index] / self.untreated[:, index]

    def change(self, state: str) -> NDArray[np.float64]:
        """Return a state under treatment relative to its value at the start, float64[days + 1]."""
        index = STATE_INDEX[state]
        return self.treated[:, index] / self.treated[0, index]


def typical_course(
    treatments: Sequence[tuple[DrugModel, Sequence[Regimen]]],
    days: int,
    *,
    start_day: int = 730,
    covariates: Mapping[str, float] = TYPICAL_PATIENT,
    potency: Mapping[str, float] | None = None,
    parameters: ParameterSet | None = None,
) -> Course:
    """Follow the typical patient under drugs taken as planned.

    Parameters
    ----------
    treatments
        Each drug once, with its regimens; day 0 is the start of treatment.
    days
        Length of the course.
    start_day
        Days from biological onset to the start of treatment.
    covariates
        Of the patient, for kinetics and dosing.
    potency
        Drug id -> potency that replaces that of its record.
    parameters
        Disease parameters; those on record where None.

    Returns
    -------
    Course
    """
    parameters = load_parameters() if parameters is None else parameters
    individual = _typical(parameters)
    y, _ = advance_patients(parameters, individual, onset_state(individual), {}, start_day)
    channels = daily_channels(treatments, days, covariates, potency or {})
    inputs = {
        name: np.ascontiguousarray(channels[:, i : i + 1])
        for i, name in enumerate(CHANNELS)
        if channels[:, i].any()
    }
    keep = np.arange(days + 1)
    _, untreated = advance_patients(parameters, individual, y, {}, days, out_days=keep)
    _, treated = advance_patients(parameters, individual, y, inputs, days, out_days=keep)
    return Course(keep, treated[:, 0], untreated[:, 0], channels)


def _typical(p: ParameterSet) -> NDArray[np.float64]:
    own = {"g_s": p["g_s_diffuse"], "g_l": p["g_l_prone"], "sl": p["sl_other"]}
    return np.array([[own[name] if name in own else p[name] for name in INDIVIDUAL]])


def daily_channels(
    treatments: Sequence[tuple[DrugModel, Sequence[Regimen]]],
    days: int,
    covariates: Mapping[str, float],
    potency: Mapping[str, float],
) -> NDArray[np.float64]:
    """Return the channels of each day under drugs taken as planned, float64[days, 26]; arguments as in `typical_course`."""
    if not treatments:
        return np.zeros((days, len(CHANNELS)))
    mapping = channel_map([model for model, _ in treatments])
    plans = {model.id: dose_plan(model, regimens, covariates, 1) for model, regimens in treatments}
    given = {drug: plan.amounts(0, days) for drug, plan in plans.items()}
    sessions = {drug: amounts.sum(axis=2) for drug, amounts in given.items()}
    patients, series = [], []
    for model, _ in treatments:
        kinetics = draw_patients(
            model, covariates, potency=potency.get(model.id), beside=[d for d in plans if d != model.id], n=1
        )
        effects, _ = daily_effects(
            model,
            kinetics,
            empty_state(model, 1),
            given[model.id],
            plans[model.id].slots,
            kept=kept_share(model, sessions),
        )
        patients.append(kinetics)
        series.append(effects)
    return combine(mapping, patient_sizes(mapping, patients), np.concatenate(series, axis=2))[0]
