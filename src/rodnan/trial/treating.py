"""The drugs of an arm, background treatment among them, in the patients of a cohort; and what is told of them."""

from __future__ import annotations

from rodnan.engine.keys import uniforms
from rodnan.population.treated import Treatment, treat, treatment_notes
from rodnan.trial.cohort import Cohort
from rodnan.trial.design import ArmDesign
from rodnan.trial.feasibility import Background

__all__ = ["arm_notes", "treatments_of"]


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
    taken = [*arm.drugs, *(b.drug for b in arm.background)]
    who, covariates = cohort.patients, cohort.covariates

    def background(given: Background) -> Treatment:
        takers = uniforms(seed, study, f"background/{given.drug}", who, 1)[:, 0] < given.share
        return treat(
            given.model, given.regimens, covariates, who,
            seed=seed, study=study, taken=taken, takers=takers.astype(float), workers=workers,
        )  # fmt: skip

    return [
        treat(
            arm.models[drug],
            arm.drugs[drug],
            covariates,
            who,
            seed=seed,
            study=study,
            taken=taken,
            workers=workers,
        )
        for drug in arm.drugs
    ] + [background(given) for given in arm.background]


def arm_notes(arm: ArmDesign) -> tuple[str, ...]:
    """Return what the records say of the drugs of an arm together, rules on doses and phenotypes that are drawn.

    Parameters
    ----------
    arm
        The arm; pairs of drugs whose times do not meet are left out.
    """
    models = [*arm.models.values(), *(b.model for b in arm.background)]
    regimens = {**arm.drugs, **{b.drug: b.regimens for b in arm.background}}
    notes = [*treatment_notes(models, regimens)]
    for drug, given in regimens.items():
        rules = dict.fromkeys(rule for regimen in given for rule in regimen.rules)
        if rules:
            notes.append(
                f"{drug}: {', '.join(map(str, rules))}; looked at on the days of visits, in place of the"
                " study's own rule on low counts"
            )
    return tuple(f"{arm.id}: {note}" for note in notes)
