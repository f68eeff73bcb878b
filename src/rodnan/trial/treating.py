"""The drugs of an arm: their kinetics in each patient, alone and beside each other, and what they do day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rodnan.engine.keys import normals, uniforms
from rodnan.pharmacology import (
    combination_notes,
    daily_effects,
    dose_plan,
    draw_patients,
    kept_share,
    partners,
    prepare,
)
from rodnan.pharmacology.exposure import Prepared
from rodnan.pharmacology.models import DrugModel, PatientPK
from rodnan.pharmacology.regimen import DosePlan, Regimen
from rodnan.population.phenotypes import PHENOTYPES
from rodnan.trial.cohort import Cohort
from rodnan.trial.design import ArmDesign
from rodnan.trial.feasibility import Background

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Treatment", "arm_notes", "treatments_of"]

Kinetics = tuple[PatientPK, Prepared]


@dataclass(frozen=True)
class Treatment:
    """One drug of an arm in every patient of a cohort.

    Attributes
    ----------
    model, plan
        The drug and its doses.
    kinetics, prepared
        Individual kinetics of the drug alone, ready to compute.
    random
        Standard normals of the patients, float64[n, n_eta].
    partners
        Drugs of the arm that change its kinetics while they are taken.
    takers
        Background drugs: 1 for who takes it, and no conduct rule of the study touches it. None: all take it.
    """

    model: DrugModel
    plan: DosePlan
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
        cohort: Cohort,
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
        cohort
            Whose covariates count.
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
            kinetics, prepared = self._beside(beside, cohort, workers)
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

    def _beside(self, others: tuple[str, ...], cohort: Cohort, workers: int | None) -> Kinetics:
        """Return the kinetics of every patient beside other drugs, drawn once from the same random effects."""
        if not others:
            return self.kinetics, self.prepared
        if others not in self._changed:
            kinetics = draw_patients(self.model, cohort.covariates, self.random, beside=others)
            self._changed[others] = (
                kinetics,
                prepare(self.model, kinetics, self.plan.slots, threads=workers),
            )
        return self._changed[others]


def treatments_of(
    arm: ArmDesign, cohort: Cohort, study: str, seed: int, workers: int | None
) -> list[Treatment]:
    """Return the drugs of an arm in every patient of a cohort, background treatment last.

    Parameters
    ----------
    arm, cohort
        Who gets what; the same patients take a background drug in every arm with the same share.
    study, seed
        Random streams.
    workers
        Threads.
    """
    everything = [*arm.drugs, *(b.drug for b in arm.background)]

    def treatment(model: DrugModel, regimens: Sequence[Regimen], takers: Array | None = None) -> Treatment:
        z = normals(seed, study, f"kinetics/{model.id}", cohort.patients, max(1, model.n_eta))
        z = z[:, : model.n_eta]
        kinetics = draw_patients(model, cohort.covariates, z)
        plan = dose_plan(model, regimens, cohort.covariates, len(cohort.patients))
        ready = prepare(model, kinetics, plan.slots, threads=workers)
        return Treatment(model, plan, kinetics, ready, z, partners(model, everything), takers)

    def background(given: Background) -> Treatment:
        u = uniforms(seed, study, f"background/{given.drug}", cohort.patients, 1)[:, 0]
        return treatment(given.model, given.regimens, (u < given.share).astype(float))

    return [treatment(arm.models[drug], arm.drugs[drug]) for drug in arm.drugs] + [
        background(given) for given in arm.background
    ]


def arm_notes(arm: ArmDesign) -> tuple[str, ...]:
    """Return what the records say of the drugs of an arm together, rules on doses and phenotypes that are drawn.

    Parameters
    ----------
    arm
        The arm; pairs of drugs whose times do not meet are left out.
    """
    models = [*arm.models.values(), *(b.model for b in arm.background)]
    regimens = {**arm.drugs, **{b.drug: b.regimens for b in arm.background}}
    notes = [*combination_notes(models, regimens)]
    for drug, given in regimens.items():
        rules = dict.fromkeys(rule for regimen in given for rule in regimen.rules)
        if rules:
            notes.append(
                f"{drug}: {', '.join(map(str, rules))}; looked at on the days of visits, in place of the"
                " study's own rule on low counts"
            )
    for model in models:
        used = {c.covariate for effects in model.covariates.values() for c in effects}
        names = [name.upper() for name in PHENOTYPES if name in used]
        if names:
            notes.append(f"{model.id}: {' and '.join(names)} of each patient drawn at European frequencies")
    return tuple(f"{arm.id}: {note}" for note in notes)
