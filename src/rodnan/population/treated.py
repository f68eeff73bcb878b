"""A group of patients under a treatment: from what is given to the channels of the disease, span by span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease.model import INPUTS
from rodnan.engine.keys import normals
from rodnan.pharmacology import (
    channel_map,
    combine,
    daily_effects,
    dose_plan,
    draw_patients,
    empty_state,
    kept_share,
    load_model,
    prepare,
)
from rodnan.pharmacology.effects import ChannelMap, patient_sizes
from rodnan.pharmacology.exposure import Prepared
from rodnan.pharmacology.models import DrugModel, PatientPK
from rodnan.pharmacology.regimen import DosePlan, Regimen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Treated", "treat"]


@dataclass(frozen=True)
class _Drug:
    model: DrugModel
    plan: DosePlan
    kinetics: PatientPK
    prepared: Prepared


@dataclass(frozen=True)
class Treated:
    """Patients who take everything as planned.

    Attributes
    ----------
    drugs
        What is fixed about each drug.
    mapping, sizes
        How their effects become channels.
    """

    drugs: tuple[_Drug, ...]
    mapping: ChannelMap
    sizes: Array

    def empty(self) -> list[Array]:
        """Return what is in the body before the first dose: float64[n, compartments] for each drug."""
        return [empty_state(drug.model, drug.kinetics.n) for drug in self.drugs]

    def span(
        self, bodies: Sequence[Array], day: int, days: int, *, threads: int | None = None
    ) -> tuple[dict[str, Array], list[Array]]:
        """Treat for some days.

        Parameters
        ----------
        bodies
            What is in the body at the start, as `empty` returns it.
        day, days
            First day of the span and its length.
        threads
            Threads.

        Returns
        -------
        channels
            float64[days, n] by name, of the channels the drugs use.
        bodies
            What is in the body at the end.
        """
        if not self.drugs:
            return {}, []
        doses = [drug.plan.amounts(day, days) for drug in self.drugs]
        sessions = {
            drug.model.id: dose.sum(axis=2)
            for drug, dose in zip(self.drugs, doses, strict=True)
            if drug.model.dose_unit == "session"
        }
        series, after = [], []
        for drug, body, dose in zip(self.drugs, bodies, doses, strict=True):
            kept = kept_share(drug.model, sessions)
            effects, left = daily_effects(
                drug.model, drug.kinetics, body, dose, drug.prepared, kept=kept, threads=threads
            )
            series.append(effects)
            after.append(left)
        channels = combine(self.mapping, self.sizes, np.concatenate(series, axis=2))
        used = ((self.mapping.size != 0) | (self.mapping.size_potency != 0)).any(axis=0)
        return {INPUTS[c]: np.ascontiguousarray(channels[:, :, c].T) for c in np.flatnonzero(used)}, after


def treat(
    treatment: Mapping[str, Sequence[Regimen]],
    covariates: Mapping[str, Array],
    patients: NDArray[np.integer],
    *,
    seed: int,
    cohort: str,
    threads: int | None = None,
) -> Treated:
    """Prepare a treatment for patients.

    Parameters
    ----------
    treatment
        Regimens by drug id, as `rodnan.pharmacology.parse_treatment` returns them.
    covariates
        From `rodnan.population.covariates.draw_covariates`.
    patients
        int[n], patient numbers.
    seed, cohort
        Random stream of the kinetics.
    threads
        Threads.

    Returns
    -------
    Treated

    Raises
    ------
    DoseError, ModelError, EvidenceError
        For a regimen that a drug does not allow, or a drug that is not on record.
    """
    n, drugs = len(patients), []
    for name, regimens in treatment.items():
        model = load_model(name)
        z = normals(seed, cohort, f"kinetics/{name}", patients, max(1, model.n_eta))[:, : model.n_eta]
        beside = [other for other in treatment if other != name]
        kinetics = draw_patients(model, covariates, z, beside=beside)
        plan = dose_plan(model, regimens, covariates, n)
        drugs.append(_Drug(model, plan, kinetics, prepare(model, kinetics, plan.slots, threads=threads)))
    mapping = channel_map([drug.model for drug in drugs])
    sizes = patient_sizes(mapping, [drug.kinetics for drug in drugs])
    return Treated(tuple(drugs), mapping, sizes)
