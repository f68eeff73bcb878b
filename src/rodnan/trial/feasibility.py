"""What of a study's arms can be simulated: regimens completed where the record is silent, reasons where that fails.

A dose is never guessed in silence: where the record gives none, the usual regimen of the drug's model is given and said
so; an arm whose drug has no model, or whose treatment is not described, is named with the reason and left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rapidfuzz import fuzz

from rodnan.errors import EvidenceError, RodnanError
from rodnan.evidence import drug_id
from rodnan.pharmacology import load_model, model_ids, parse_regimen, regimen_from_item
from rodnan.pharmacology.models import DrugModel
from rodnan.pharmacology.monitoring_words import read_rules
from rodnan.pharmacology.regimen import Regimen

__all__ = ["Background", "NotSimulated", "Treatment", "arm_treatment", "background_of"]

UNTREATED = re.compile(
    r"placebo|no immunosuppress|no treatment|untreated|\bnone\b|\bcontrols?\b|standard (treatment|care)|without|alone",
    re.IGNORECASE,
)
"""Labels under which an arm without a regimen is an arm without a study drug."""

HISTORICAL = re.compile(r"histor", re.IGNORECASE)
MISSPELT = 85.0
"""Likeness (0 to 100) from which an unknown drug is a misspelt name of a known one: an error, not an arm left out."""

MIXED = re.compile(r"\bor\b|/|\bmixed\b|\bany\b|various", re.IGNORECASE)
SPELLED = {"mg_per_day": ("mg", 1.0), "g_per_day": ("g", 1.0), "mg/day": ("mg", 1.0), "g/day": ("g", 1.0)}


@dataclass(frozen=True)
class NotSimulated:
    """Something a study has that is left out.

    Attributes
    ----------
    what
        The arm, or the part of it.
    reason
        Why, in words.
    """

    what: str
    reason: str


@dataclass(frozen=True)
class Background:
    """A drug that a share of an arm's patients takes besides the study drug, from entry on.

    Attributes
    ----------
    drug, share
        What, and how many (0 to 1).
    regimens, model
        Its usual regimen, ready to give.
    """

    drug: str
    share: float
    regimens: tuple[Regimen, ...]
    model: DrugModel


@dataclass(frozen=True)
class Treatment:
    """The study treatment of an arm.

    Attributes
    ----------
    drugs, models
        Regimens and models by drug id.
    assumptions
        What the record did not say and was assumed.
    """

    drugs: Mapping[str, tuple[Regimen, ...]]
    models: Mapping[str, DrugModel]
    assumptions: tuple[str, ...]


def arm_treatment(study: Any, arm: Any) -> Treatment | NotSimulated:
    """Return the treatment of an arm, or why it cannot be simulated.

    Parameters
    ----------
    study, arm
        Records of `rodnan.evidence`.

    Returns
    -------
    Treatment or NotSimulated

    Raises
    ------
    EvidenceError
        RDN-E202 and like: a drug whose name is a misspelling of a known one.
    DoseError
        RDN-D180 to RDN-D185: rules on a dose that are not understood or make no sense.
    """
    text = f"{arm.id} {arm.label}"
    if HISTORICAL.search(text):
        return NotSimulated(arm.id, "historical controls: patients of another study")
    if not arm.regimen:
        if UNTREATED.search(text):
            return Treatment({}, {}, ())
        return NotSimulated(arm.id, "the record says nothing of its treatment")
    items, notes = _chosen(arm.regimen)
    earlier, joined = _induction(study, arm, items)
    items, notes = [*earlier, *items], [*notes, *joined]
    drugs: dict[str, list[Regimen]] = {}
    models: dict[str, DrugModel] = {}
    for item in items:
        if item.drug == "placebo":
            continue
        try:
            drug = drug_id(item.drug)
            model = models.get(drug) or load_model(drug)
        except EvidenceError as error:
            if error.nearest and fuzz.ratio(item.drug.lower(), str(error.nearest).lower()) >= MISSPELT:
                raise
            why = "names several drugs" if MIXED.search(item.drug) else "has no model"
            return NotSimulated(arm.id, f"its treatment {item.drug!r} {why}")
        where = f"{study.id}: arms.{arm.id}"
        words = getattr(item, "rules", None)
        rules = read_rules(words, where) if words else ()
        try:
            regimens, said = _regimens(item, drug, model, where=where)
        except RodnanError as error:
            return NotSimulated(arm.id, f"its regimen cannot be given: {error.message}")
        models[drug] = model
        drugs.setdefault(drug, []).extend(replace(r, rules=rules or r.rules) for r in regimens)
        notes.extend(said)
    return Treatment(
        {d: tuple(r) for d, r in drugs.items()}, models, tuple(f"{arm.id}: {note}" for note in notes)
    )


def _chosen(items: Sequence[Any]) -> tuple[list[Any], list[str]]:
    """Leave out what another item's model comprises, what lies before entry, and second routes of one drug."""
    notes: list[str] = []
    for item in items:
        parts = _comprised(item.drug)
        inside = [i for i in items if i is not item and i.drug.casefold() in parts]
        if inside:
            names = dict.fromkeys(i.drug for i in inside)
            notes.append(f"{', '.join(names)}: part of the model of {item.drug}")
            items = [i for i in items if i not in inside]
    kept: list[Any] = []
    for item in items:
        if item.start_week is not None and item.start_week < 0:
            notes.append(f"{item.drug} before entry is not simulated")
            continue
        twin = next((k for k in kept if k.drug == item.drug and k.route != item.route), None)
        if twin is not None and (twin.start_week or 0) == (item.start_week or 0):
            notes.append(f"{item.drug} by {twin.route} or {item.route}: {twin.route} is simulated")
            continue
        kept.append(item)
    return kept, notes


def _comprised(drug: str) -> frozenset[str]:
    """Return the treatments that a drug's own model stands for, in lower case."""
    try:
        return frozenset(name.casefold() for name in load_model(drug_id(drug)).record.comprises)
    except EvidenceError:
        return frozenset()


def _induction(study: Any, arm: Any, items: Sequence[Any]) -> tuple[list[Any], list[str]]:
    """Return what another arm was given up to the week at which this arm's treatment begins."""
    first = min((item.start_week or 0.0 for item in items), default=0.0)
    if first <= 4:
        return [], []
    before = [
        other
        for other in study.arms
        if other.id != arm.id and other.regimen and all(_last(item) == first for item in other.regimen)
    ]
    if len(before) != 1:
        return [], [f"what was given before week {first:g} is not in the record"]
    return list(before[0].regimen), [f"begins with the treatment of arm {before[0].id}"]


def _last(item: Any) -> float | None:
    stop = item.stop_week
    return float(stop[-1]) if isinstance(stop, Sequence) else None if stop is None else float(stop)


def _regimens(item: Any, drug: str, model: DrugModel, where: str) -> tuple[tuple[Regimen, ...], list[str]]:
    """Return the regimens of an item; the usual one of the drug's model where the record gives no schedule."""
    fields = dict(item) if isinstance(item, Mapping) else item.model_dump()
    fields["drug"] = drug
    notes: list[str] = []
    if model.record.dose_unit == "session" and not str(fields.get("unit") or "").startswith("session"):
        return _usual(model, fields), [_usual_words(model, fields, "")]
    if fields.get("route") not in (None, *model.routes):
        fields["route"], notes = _route(fields["route"], model, notes)
    unit = str(fields.get("unit") or "")
    if unit in SPELLED and fields.get("dose") is not None:
        hours = 24.0 * min(1.0, parse_regimen(_usual_record(model, fields).doses, drug)[0].interval)
        dose = fields["dose"]
        levels = dose if isinstance(dose, Sequence) else (dose,)
        share = tuple(float(level) * hours / 24.0 for level in levels)
        fields |= {
            "dose": share if len(share) > 1 else float(levels[0]) * hours / 24.0,
            "unit": SPELLED[unit][0],
        }
        fields |= {"interval": hours, "interval_unit": "hour"}
        notes.append(f"the daily dose of {drug} is given every {hours:g} h")
    missing = fields.get("dose") is None or not unit
    unscheduled = fields.get("interval") is None and fields.get("interval_unit") != "once"
    if missing or unscheduled:
        what = "no dose" if missing else "no interval"
        said = _usual_words(model, fields, f"{what} of {drug} in the record; ")
        return _usual(model, fields), [*notes, said]
    return (regimen_from_item(fields, where=where),), notes


def _route(route: str, model: DrugModel, notes: list[str]) -> tuple[str | None, list[str]]:
    known = [name for name in re.split(r"[-\s]+or[-\s]+|/", route) if name in model.routes]
    if known:
        return known[0], [*notes, f"{model.id} {route}: {known[0]} is simulated"]
    return route, notes


def _usual_words(model: DrugModel, fields: Mapping[str, Any], before: str) -> str:
    first = _usual_record(model, fields)
    return f"{before}the usual regimen is assumed: {first.doses} ({first.label})"


def _usual_record(model: DrugModel, fields: Mapping[str, Any]) -> Any:
    """Return the usual regimen by the record's route, else the first."""
    route = str(fields.get("route") or "")
    fitting = [u for u in model.record.usual if route and f" {route} " in f" {u.doses} "]
    return (fitting or list(model.record.usual))[0]


def _usual(model: DrugModel, fields: Mapping[str, Any]) -> tuple[Regimen, ...]:
    """Return a usual regimen of the model, moved and cut to the weeks of the record; without a stop it goes on."""
    regimens = list(parse_regimen(_usual_record(model, fields).doses, model.id))
    start = 7.0 * float(fields.get("start_week") or 0.0)
    course = len(regimens) > 1 or regimens[0].doses is not None or math.isinf(regimens[0].interval)
    if course:  # so many doses: the record's weeks do not cut it short
        return tuple(replace(r, start=r.start + start, stop=r.stop + start) for r in regimens)
    stop = fields.get("stop_week")
    stop = stop[-1] if isinstance(stop, Sequence) else stop
    end = math.inf if stop is None else 7.0 * float(stop)
    return (replace(regimens[0], start=regimens[0].start + start, stop=end),)


_SHARE = re.compile(r"([A-Za-z][A-Za-z \-]*?)\s+(?:>=?\s*[\d.]+\s*mg\s+)?(\d+(?:\.\d+)?)\s*%")


def background_of(arm: Any) -> tuple[tuple[Background, ...], tuple[NotSimulated, ...]]:
    """Return the background treatment of an arm that can be simulated, and what cannot.

    Parameters
    ----------
    arm
        An arm of a study record; entries are drugs with shares, or text such as ``methotrexate 50%, MMF 6.7%``.
    """
    found: dict[str, Background] = {}
    left: list[NotSimulated] = []
    study_drugs = {item.drug for item in arm.regimen}
    for entry in arm.background or ():
        pairs = [(entry.drug, entry.share)] if hasattr(entry, "drug") else _pairs(str(entry))
        if not pairs:
            left.append(NotSimulated(arm.id, f"background treatment: {entry}"))
        for name, share in pairs:
            try:
                drug = drug_id(name)
            except EvidenceError:
                drug = ""
            if share is None or drug not in model_ids() or drug in study_drugs:
                left.append(NotSimulated(arm.id, f"background treatment: {name}"))
                continue
            model = load_model(drug)
            found[drug] = Background(drug, float(share), _usual(model, {}), model)
    return tuple(found.values()), tuple(left)


def _pairs(text: str) -> list[tuple[str, float]]:
    """Read drugs with percentages from a text; nothing where any part of it is not understood."""
    parts = [part for part in re.split(r",\s*|;\s*|\band\b", text) if part.strip()]
    pairs = []
    for part in parts:
        match = _SHARE.match(part.strip())
        if match is None:
            return []
        pairs.append((match[1].strip(), float(match[2]) / 100.0))
    return pairs
