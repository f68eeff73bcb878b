"""Drugs in a group of patients: kinetics alone and beside each other, and the channels of the disease they bring.

Who decides what is taken is somebody else's business: a virtual trial with adherence, held doses and patients who leave, or
a population that takes everything as planned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease.model import INPUTS
from rodnan.engine.keys import normals
from rodnan.pharmacology import (
    channel_map,
    combination_notes,
    combine,
    daily_effects,
    dose_plan,
    draw_patients,
    empty_state,
    kept_share,
    load_model,
    partners,
    prepare,
)
from rodnan.pharmacology.effects import CHANNELS, ChannelMap, patient_sizes
from rodnan.pharmacology.exposure import Prepared
from rodnan.pharmacology.models import DrugModel, PatientPK
from rodnan.pharmacology.regimen import DosePlan, Regimen
from rodnan.population.phenotypes import PHENOTYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Therapy", "Treatment", "therapy", "treat", "treatment_notes"]

Kinetics = tuple[PatientPK, Prepared]


@dataclass(frozen=True)
class Treatment:
    """One drug in every patient of a group.

    Attributes
    ----------
    model, plan
        The drug and its doses.
    covariates
        Of the patients.
    kinetics, prepared
        Individual kinetics of the drug alone, ready to compute.
    random
        Standard normals of the patients, float64[n, n_eta].
    partners
        Drugs that change its kinetics while they are taken.
    takers
        Background drugs: 1 for who takes it, and no conduct rule of a study touches it. None: all take it.
    """

    model: DrugModel
    plan: DosePlan
    covariates: Mapping[str, Array]
    kinetics: PatientPK
    prepared: Prepared
    random: Array
    partners: tuple[str, ...] = ()
    takers: Array | None = None
    _changed: dict[tuple[str, ...], Kinetics] = field(default_factory=dict, repr=False)

    def effects(
        self,
        state: Array,
        dose: Array,
        active: Mapping[str, NDArray[np.bool_]],
        sessions: Mapping[str, Array],
        workers: int | None,
    ) -> tuple[Array, Array]:
        """Return the daily effects of a span of days and the amounts in the body after it.

        Parameters
        ----------
        state
            Amounts before it, float64[n, compartments].
        dose
            What was taken, float64[n, days, slots].
        active
            Drug id -> bool[n], who is on it in this span; partners that are not named are not taken.
        sessions
            Drug id -> float64[n, days], sessions taken of what is given in sessions.
        workers
            Threads.
        """
        kept = kept_share(self.model, sessions)
        nobody = np.zeros(len(state), bool)
        with_partner = np.array([active.get(name, nobody) for name in self.partners], dtype=bool)
        if not with_partner.any():
            return daily_effects(
                self.model, self.kinetics, state, dose, self.prepared, kept=kept, threads=workers
            )
        effects, after = np.empty((*dose.shape[:2], self.model.n_series)), np.empty_like(state)
        for pattern in np.unique(with_partner, axis=1).T:
            who = np.flatnonzero((with_partner == pattern[:, None]).all(axis=0))
            beside = tuple(name for name, on in zip(self.partners, pattern, strict=True) if on)
            kinetics, prepared = self._beside(beside, workers)
            effects[who], after[who] = daily_effects(
                self.model,
                kinetics.take(who),
                state[who],
                dose[who],
                prepared.take(who),
                kept=None if kept is None else kept[who],
                threads=workers,
            )
        return effects, after

    def _beside(self, others: tuple[str, ...], workers: int | None) -> Kinetics:
        """Return the kinetics of every patient beside other drugs, drawn once from the same random effects."""
        if not others:
            return self.kinetics, self.prepared
        if others not in self._changed:
            kinetics = draw_patients(self.model, self.covariates, self.random, beside=others)
            self._changed[others] = (
                kinetics,
                prepare(self.model, kinetics, self.plan.slots, threads=workers),
            )
        return self._changed[others]


def treat(
    model: DrugModel,
    regimens: Sequence[Regimen],
    covariates: Mapping[str, Array],
    patients: NDArray[np.integer],
    *,
    seed: int,
    study: str,
    taken: Sequence[str] = (),
    takers: Array | None = None,
    workers: int | None = None,
) -> Treatment:
    """Return one drug in every patient of a group.

    Parameters
    ----------
    model, regimens
        The drug and how it is planned.
    covariates
        float64[n] by name.
    patients
        int[n], patient numbers.
    seed, study
        Random stream of the kinetics.
    taken
        Ids of all drugs of the group.
    takers
        As in `Treatment`.
    workers
        Threads.

    Returns
    -------
    Treatment

    Raises
    ------
    DoseError, ModelError
        For a regimen that the drug does not allow.
    """
    z = normals(seed, study, f"kinetics/{model.id}", patients, max(1, model.n_eta))[:, : model.n_eta]
    kinetics = draw_patients(model, covariates, z)
    plan = dose_plan(model, regimens, covariates, len(patients))
    ready = prepare(model, kinetics, plan.slots, threads=workers)
    return Treatment(model, plan, covariates, kinetics, ready, z, partners(model, taken), takers)


@dataclass(frozen=True)
class Therapy:
    """The drugs of a group of patients together.

    Attributes
    ----------
    drugs
        Each in every patient.
    mapping, sizes
        How their effects become channels.
    """

    drugs: tuple[Treatment, ...]
    mapping: ChannelMap
    sizes: Array

    @classmethod
    def of(cls, drugs: Sequence[Treatment], n: int) -> Therapy:
        """Return the drugs of n patients together."""
        mapping = channel_map([drug.model for drug in drugs])
        none = np.zeros((n, 0, len(CHANNELS)))
        sizes = patient_sizes(mapping, [drug.kinetics for drug in drugs]) if drugs else none
        return cls(tuple(drugs), mapping, sizes)

    def empty(self) -> list[Array]:
        """Return what is in the body before the first dose: float64[n, compartments] for each drug."""
        return [empty_state(drug.model, drug.kinetics.n) for drug in self.drugs]

    def span(
        self,
        bodies: Sequence[Array],
        day: int,
        days: int,
        *,
        doses: Sequence[Array] | None = None,
        on: Sequence[NDArray[np.bool_]] | None = None,
        workers: int | None = None,
    ) -> tuple[dict[str, Array], list[Array]]:
        """Return the channels of a span of days, and what is in the body after it.

        Parameters
        ----------
        bodies
            What is in the body before it, as `empty` returns it.
        day, days
            First day of the span and its length.
        doses
            What is really taken of each drug, float64[n, days, slots]; everything as planned where None.
        on
            bool[n] for each drug, who takes it at all in this span; all where None.
        workers
            Threads.

        Returns
        -------
        channels
            float64[days, n] by name, of the channels the drugs use.
        bodies
            What is in the body after it.
        """
        if not self.drugs:
            return {}, []
        given = [drug.plan.amounts(day, days) for drug in self.drugs] if doses is None else doses
        everybody = np.ones(len(self.sizes), bool)
        active, sessions = {}, {}
        for index, (drug, dose) in enumerate(zip(self.drugs, given, strict=True)):
            taking = everybody if on is None else on[index]
            active[drug.model.id] = taking & drug.plan.under_way(day, days)
            if drug.model.dose_unit == "session":
                sessions[drug.model.id] = dose.sum(axis=2)
        series, after = [], []
        for drug, body, dose in zip(self.drugs, bodies, given, strict=True):
            effects, left = drug.effects(body, dose, active, sessions, workers)
            series.append(effects)
            after.append(left)
        channels = combine(self.mapping, self.sizes, np.concatenate(series, axis=2))
        used = ((self.mapping.size != 0) | (self.mapping.size_potency != 0)).any(axis=0)
        return {INPUTS[c]: np.ascontiguousarray(channels[:, :, c].T) for c in np.flatnonzero(used)}, after


def therapy(
    regimens: Mapping[str, Sequence[Regimen]],
    covariates: Mapping[str, Array],
    patients: NDArray[np.integer],
    *,
    seed: int,
    study: str,
    workers: int | None = None,
) -> Therapy:
    """Return a treatment of a group in which everybody takes everything.

    Parameters
    ----------
    regimens
        By drug id, as `rodnan.pharmacology.parse_treatment` returns them.
    covariates, patients, seed, study, workers
        As in `treat`.

    Returns
    -------
    Therapy

    Raises
    ------
    DoseError, ModelError, EvidenceError
        For a regimen that a drug does not allow, or a drug that is not on record.
    """
    drugs = [
        treat(
            load_model(name),
            given,
            covariates,
            patients,
            seed=seed,
            study=study,
            taken=list(regimens),
            workers=workers,
        )
        for name, given in regimens.items()
    ]
    return Therapy.of(drugs, len(patients))


def treatment_notes(
    models: Sequence[DrugModel], regimens: Mapping[str, Sequence[Regimen]]
) -> tuple[str, ...]:
    """Return what the records say of drugs together, and which phenotypes are drawn for them.

    Parameters
    ----------
    models
        The drugs.
    regimens
        By drug id; pairs of drugs whose times do not meet are left out.
    """
    notes = [*combination_notes(models, regimens)]
    for model in models:
        used = {c.covariate for effects in model.covariates.values() for c in effects}
        names = [name.upper() for name in PHENOTYPES if name in used]
        if names:
            notes.append(f"{model.id}: {' and '.join(names)} of each patient drawn at European frequencies")
    return tuple(notes)
