"""Pharmacology: from a dose to a concentration to an effect on a process of the disease.

A drug is a record (`rodnan.evidence.records.pkmodel`); :func:`load_model` makes it computable,
:func:`draw_patients` makes patients of it, :func:`dose_plan` lays out their doses, :func:`daily_effects`
returns the mean effect of each day, and :func:`combine` turns the effects of several drugs into the
channels of the disease model. Public names are loaded on first use, so that importing this package loads no
array library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rodnan.pharmacology.checks import check_exposure
    from rodnan.pharmacology.effects import (
        CHANNELS,
        ChannelMap,
        channel_map,
        combine,
        patient_sizes,
    )
    from rodnan.pharmacology.exposure import Prepared, daily_effects, empty_state, prepare
    from rodnan.pharmacology.interactions import combination_notes, kept_share, partners
    from rodnan.pharmacology.models import DrugModel, PatientPK, load_model, model_ids, read_model
    from rodnan.pharmacology.patients import draw_patients, uncertain
    from rodnan.pharmacology.pieces import DoseSlot
    from rodnan.pharmacology.profiles import concentrations, steady_state
    from rodnan.pharmacology.regimen import DosePlan, DoseRule, Regimen, dose_plan, taken
    from rodnan.pharmacology.regimen_reading import parse_regimen, parse_treatment, regimen_from_item
    from rodnan.pharmacology.summaries import summarise
    from rodnan.pharmacology.usual import usual_exposure

_WHERE = {
    "CHANNELS": "effects",
    "ChannelMap": "effects",
    "DosePlan": "regimen",
    "DoseRule": "regimen",
    "DoseSlot": "pieces",
    "DrugModel": "models",
    "PatientPK": "models",
    "Prepared": "exposure",
    "Regimen": "regimen",
    "channel_map": "effects",
    "check_exposure": "checks",
    "combination_notes": "interactions",
    "combine": "effects",
    "concentrations": "profiles",
    "daily_effects": "exposure",
    "dose_plan": "regimen",
    "draw_patients": "patients",
    "empty_state": "exposure",
    "kept_share": "interactions",
    "load_model": "models",
    "model_ids": "models",
    "parse_regimen": "regimen_reading",
    "parse_treatment": "regimen_reading",
    "partners": "interactions",
    "patient_sizes": "effects",
    "prepare": "exposure",
    "read_model": "models",
    "regimen_from_item": "regimen_reading",
    "steady_state": "profiles",
    "summarise": "summaries",
    "taken": "regimen",
    "uncertain": "patients",
    "usual_exposure": "usual",
}

__all__ = [
    "CHANNELS",
    "ChannelMap",
    "DosePlan",
    "DoseRule",
    "DoseSlot",
    "DrugModel",
    "PatientPK",
    "Prepared",
    "Regimen",
    "channel_map",
    "check_exposure",
    "combination_notes",
    "combine",
    "concentrations",
    "daily_effects",
    "dose_plan",
    "draw_patients",
    "empty_state",
    "kept_share",
    "load_model",
    "model_ids",
    "parse_regimen",
    "parse_treatment",
    "partners",
    "patient_sizes",
    "prepare",
    "read_model",
    "regimen_from_item",
    "steady_state",
    "summarise",
    "taken",
    "uncertain",
    "usual_exposure",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
