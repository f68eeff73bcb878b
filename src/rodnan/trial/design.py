"""From a study record to a trial that can be run: arms, regimens, visits, entry rules, published results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rodnan.errors import TrialError
from rodnan.pharmacology.models import DrugModel
from rodnan.pharmacology.regimen import Regimen
from rodnan.population.entries import EntryRules, study_entry
from rodnan.trial.feasibility import Background, NotSimulated, Treatment, arm_treatment, background_of
from rodnan.trial.harms import COUNTED, event_name

__all__ = ["ENDPOINTS", "ArmDesign", "TrialDesign", "design_from_study"]

ENDPOINTS: Mapping[str, str] = {"fvc_pct_pred": "% predicted", "mrss": "units (0-51)"}
"""Endpoints that a virtual trial reports, with their unit in words."""

LONGEST = 208
"""Weeks beyond which a published number is not simulated."""
LONGEST_COUNT = 104
"""The same for counts of events."""

_CALIBRATION = (
    "sls-1",
    "pope-2001",
    "clements-1999-dpen",
    "le-2011",
    "boulos-2017",
    "fasscinate",
    "desires",
    "astis",
    "senscis",
    "spiera-2011",
)


@dataclass(frozen=True)
class ArmDesign:
    """One arm.

    Attributes
    ----------
    id, label
        From the record.
    n
        Patients randomised to it, None where not published.
    drugs
        Drug id -> regimens.
    regimen_text
        The regimen in words, with what was assumed.
    background
        Drugs that a share of the patients takes besides.
    """

    id: str
    label: str
    n: int | None
    drugs: Mapping[str, tuple[Regimen, ...]]
    models: Mapping[str, DrugModel]
    regimen_text: str
    background: tuple[Background, ...] = ()


@dataclass(frozen=True)
class TrialDesign:
    """A trial to run.

    Attributes
    ----------
    study
        The record.
    arms
        Randomised arms.
    entry
        Filters and baseline moments.
    weeks
        Follow-up.
    role
        ``calibration`` or ``validation``: whether the shipped parameters have seen this study.
    assumptions
        What the record does not say and the simulation assumes.
    not_simulated
        Arms and background treatments left out, with the reason.
    """

    study: Any
    arms: tuple[ArmDesign, ...]
    entry: EntryRules
    weeks: int
    role: str
    assumptions: tuple[str, ...] = ()
    not_simulated: tuple[NotSimulated, ...] = ()

    def arm(self, name: str) -> ArmDesign:
        """Return an arm by id."""
        return next(a for a in self.arms if a.id == name)


def design_from_study(study: Any) -> TrialDesign:
    """Turn a study record into a design.

    Parameters
    ----------
    study
        A `rodnan.evidence` study record.

    Returns
    -------
    TrialDesign

    Raises
    ------
    TrialError
        RDN-T001 when the study has no arms to run, RDN-T002 when it reports no endpoint and
        no event that can be simulated.
    EvidenceError, DoseError, UnitError
        A drug without a model, or a regimen that cannot be given.
    """
    if "meta-analysis" in str(study.design.type):
        raise TrialError("RDN-T001", "a pooled analysis has no patients of its own to enrol", value=study.id)
    arms: list[ArmDesign] = []
    left: list[NotSimulated] = []
    assumptions: list[str] = []
    for arm in study.arms:
        if getattr(arm, "subgroup_of", None) is not None:
            continue
        treatment = arm_treatment(study, arm)
        if isinstance(treatment, NotSimulated):
            left.append(treatment)
            continue
        background, unknown = background_of(arm)
        arms.append(_arm(arm, treatment, background))
        left.extend(unknown)
        assumptions.extend(treatment.assumptions)
        assumptions.extend(
            f"{arm.id}: {b.drug} in {b.share:.0%} from entry on, at its usual dose" for b in background
        )
    if not arms:
        reasons = "; ".join(f"{item.what}: {item.reason}" for item in left)
        raise TrialError(
            "RDN-T001",
            f"the study has no arms to simulate{f' ({reasons})' if reasons else ''}",
            value=study.id,
        )
    weeks = [
        int(row.week)
        for row in study.outcomes
        if row.endpoint in ENDPOINTS and row.week is not None and 0 < row.week <= LONGEST
    ]
    counted = [row for row in study.adverse_events if event_name(row.event) in COUNTED]
    counts = [int(row.week) for row in counted if row.week is not None and 0 < row.week <= LONGEST_COUNT]
    if not weeks and not counts:
        raise TrialError(
            "RDN-T002",
            f"the study reports none of {', '.join(ENDPOINTS)} at a week, and no event that is counted",
            value=study.id,
        )
    weeks += counts + [
        int(row.week)
        for row in (*study.adverse_events, *study.withdrawals)
        if row.week is not None and row.week <= LONGEST_COUNT
    ]
    entry, assumed = study_entry(study)
    role = "calibration" if study.id in _CALIBRATION else "validation"
    return TrialDesign(study, tuple(arms), entry, max(weeks), role, (*assumptions, *assumed), tuple(left))


def _arm(arm: Any, treatment: Treatment, background: tuple[Background, ...]) -> ArmDesign:
    texts = [_words(regimen) for regimens in treatment.drugs.values() for regimen in regimens]
    return ArmDesign(
        id=arm.id,
        label=arm.label,
        n=arm.n,
        drugs=treatment.drugs,
        models=treatment.models,
        regimen_text="; ".join(texts) or "no study drug",
        background=background,
    )


def _words(regimen: Regimen) -> str:
    hours = regimen.interval * 24
    every = (
        f"every {hours:g} h"
        if hours < 24
        else ("daily" if hours == 24 else f"every {regimen.interval:g} days")
    )
    stop = "" if regimen.stop > 1e6 else f" to week {regimen.stop / 7:g}"
    notes: Sequence[str] = regimen.notes
    return (
        f"{regimen.drug} {regimen.dose.amount:g} {regimen.dose.unit} {every}{stop}"
        + (f" ({'; '.join(notes)})" if notes else "")
        + "".join(f", {rule}" for rule in regimen.rules)
    )
