"""From a study record to a trial that can be run: arms, regimens, visits, entry rules, published results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rodnan.errors import TrialError
from rodnan.pharmacology import load_model, regimen_from_item
from rodnan.pharmacology.models import DrugModel
from rodnan.pharmacology.regimen import Regimen
from rodnan.population.entries import EntryRules, study_entry

__all__ = ["ENDPOINTS", "ArmDesign", "TrialDesign", "design_from_study"]

ENDPOINTS: Mapping[str, str] = {"fvc_pct_pred": "% predicted", "mrss": "units (0-51)"}
"""Endpoints that a virtual trial reports, with their unit in words."""

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
    """

    id: str
    label: str
    n: int | None
    drugs: Mapping[str, tuple[Regimen, ...]]
    models: Mapping[str, DrugModel]
    regimen_text: str


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
    """

    study: Any
    arms: tuple[ArmDesign, ...]
    entry: EntryRules
    weeks: int
    role: str

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
        RDN-T001 when the study has no arms to run, RDN-T002 when it reports no endpoint that can be simulated.
    EvidenceError, DoseError, UnitError
        A drug without a model, or a regimen that cannot be given.
    """
    arms = [_arm(study.id, arm) for arm in study.arms if getattr(arm, "subgroup_of", None) is None]
    if not arms:
        raise TrialError("RDN-T001", "the study has no arms to simulate", value=study.id)
    weeks = [
        int(row.week)
        for row in study.outcomes
        if row.endpoint in ENDPOINTS and row.week is not None and row.week <= 208
    ]
    if not weeks:
        raise TrialError(
            "RDN-T002", f"the study reports none of {', '.join(ENDPOINTS)} at a week", value=study.id
        )
    weeks += [
        int(row.week)
        for row in (*study.adverse_events, *study.withdrawals)
        if row.week is not None and row.week <= 104
    ]
    follow_up = max(weeks)
    role = "calibration" if study.id in _CALIBRATION else "validation"
    return TrialDesign(study, tuple(arms), study_entry(study), min(follow_up, 104), role)


def _arm(study: str, arm: Any) -> ArmDesign:
    drugs: dict[str, list[Regimen]] = {}
    texts: list[str] = []
    for index, item in enumerate(arm.regimen):
        regimen = regimen_from_item(item, where=f"{study}: arms.{arm.id}.regimen[{index}]")
        drugs.setdefault(regimen.drug, []).append(regimen)
        texts.append(_words(regimen))
    models = {drug: load_model(drug) for drug in drugs if drug != "placebo"}
    return ArmDesign(
        id=arm.id,
        label=arm.label,
        n=arm.n,
        drugs={drug: tuple(items) for drug, items in drugs.items() if drug != "placebo"},
        models=models,
        regimen_text="; ".join(texts) or "no study drug",
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
    return f"{regimen.drug} {regimen.dose.amount:g} {regimen.dose.unit} {every}{stop}" + (
        f" ({'; '.join(notes)})" if notes else ""
    )
