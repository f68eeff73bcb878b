"""A therapy: names, mode of action, regimens, kinetics with checks, effects, safety, monitoring."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from rodnan.evidence.records.base import Basis, Count, Number, Pair, Positive, Record, Size, Text, Value, Year
from rodnan.evidence.records.pharmacodynamics import EffectRow
from rodnan.evidence.records.vocabulary import known_dose_unit, known_interval

__all__ = [
    "CellEffect",
    "Drug",
    "DrugNames",
    "DrugRegimen",
    "ExposureCheck",
    "Finding",
    "Kinetics",
    "KineticsAlternative",
    "KineticsParameter",
    "KineticsSource",
    "Onset",
    "SafetyFinding",
]


class DrugNames(Record):
    """What a therapy is called."""

    inn: Text
    brands: tuple[str, ...] = ()
    abbreviations: tuple[str, ...] = ()
    active_moiety: str | None = None
    synonyms: tuple[str, ...] = ()


class CellEffect(Record):
    """What the therapy does to the cells it acts on."""

    mode: Text
    detail: str
    basis: Basis


class DrugRegimen(Record):
    """A way the therapy has been given; a list of doses is the span that was used."""

    label: Text
    route: str
    dose: Positive | Annotated[tuple[Positive, ...], Field(min_length=1)] | None = None
    unit: str | None = None
    interval: Positive | None = None
    interval_unit: str | None = None
    doses: Count | tuple[Count, Count] | str | None = None
    duration: str | None = None
    loading: str | None = None
    repeat: str | None = None
    titration: str | None = None
    note: str | None = None
    source: str
    basis: Basis

    @field_validator("unit")
    @classmethod
    def _dose_unit(cls, unit: str | None) -> str | None:
        if unit is None:
            return None
        amount, _, _ = unit.partition(", ")
        return _dose_phrase(amount) and unit

    @field_validator("interval_unit")
    @classmethod
    def _interval_unit(cls, unit: str | None) -> str | None:
        return None if unit is None else known_interval(unit)


def _dose_phrase(text: str) -> str:
    """Check a dose unit that may say what is counted: ``10^6 CAR T cells/kg``, ``mg/kg total``."""
    if text.startswith("10^6 ") and "cells/kg" in text:
        return text
    if text == "plasma volumes per session":
        return text
    return known_dose_unit(text.split(" ")[0])


class KineticsSource(Record):
    """Where a kinetic model was published."""

    pmid: str | None = None
    doi: str | None = None
    pmc: str | None = None
    first_author: str | None = None
    title: str | None = None
    journal: str | None = None
    year: Year | None = None
    population: str | None = None
    via: str | None = None


class KineticsParameter(Record):
    """A published parameter of a kinetic model; the executable form is the drug's model record."""

    name: Text
    value: Value | dict[str, Number]
    unit: Text
    iiv_cv_pct: Size | None = None
    iov_cv_pct: Size | None = None
    range: Pair | None = None
    sd: Size | None = None
    covariates: str | None = None
    source: str | None = None
    basis: Basis
    note: str | None = None


class KineticsAlternative(Record):
    """Another published model, or one that was looked at and left aside."""

    label: Text
    source: KineticsSource | None = None
    parameters: tuple[KineticsParameter, ...] = ()
    rejected: str | None = None


class ExposureCheck(Record):
    """A published exposure that a model of the drug can be held against."""

    quantity: Text
    regimen: str
    value: Value | None = None
    unit: str | None = None
    statistic: str | None = None
    comparator: str | None = None
    sd: Size | None = None
    range: Pair | None = None
    iqr: Pair | None = None
    ci95: Pair | None = None
    n: Count | None = None
    time: str | None = None
    source: str
    basis: Basis
    note: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _rejoin_split_text(cls, data: Any) -> Any:
        """Give back what an unquoted comma in a YAML mapping cut off: a key with a space and no value."""
        if not isinstance(data, dict):
            return data
        joined: dict[Any, Any] = {}
        last = None
        for key, value in data.items():
            if value is None and isinstance(key, str) and " " in key and isinstance(joined.get(last), str):
                joined[last] = f"{joined[last]}, {key}"
            else:
                joined[key] = value
                last = key
        return joined


class Finding(Record):
    """A labelled observation about the drug: bioavailability, kidney, infection, effect of a covariate."""

    label: str | None = None
    factor: str | None = None
    ratio: str | None = None
    value: Value | None = None
    unit: str | None = None
    range: Pair | None = None
    pct: Number | None = None
    events: Count | None = None
    hazard_ratio: Value | None = None
    odds_ratio: Value | None = None
    ci95: Pair | None = None
    source: str
    basis: Basis
    note: str | None = None


class Kinetics(Record):
    """What is published about the kinetics of a drug."""

    structure: str
    population: str
    source: KineticsSource
    dose_basis: str | None = None
    equations: str | None = None
    parameters: tuple[KineticsParameter, ...] = ()
    polyglutamates: tuple[KineticsParameter, ...] = ()
    alternatives: tuple[KineticsAlternative, ...] = ()
    checks: tuple[ExposureCheck, ...] = ()
    bioavailability_oral_vs_sc: tuple[Finding, ...] = ()
    covariate_effects_seen_in_ssc: tuple[Finding, ...] = ()
    autoinduction_note: str | None = None
    missing: str | None = None


class Onset(Record):
    """When an effect was seen."""

    description: str
    value: Value
    unit: str
    source: str
    basis: Basis


class SafetyFinding(Record):
    """How often something harmful happened with the drug, and where."""

    event: Text
    setting: str
    n: Count | None = None
    of: Count | None = None
    incidence_pct: Value | None = None
    range_pct: Pair | None = None
    rate_per_100py: Size | None = None
    rate_per_100000_patients: Size | None = None
    hazard_ratio: Value | None = None
    odds_ratio: Value | None = None
    relative_risk: Value | None = None
    sir: Number | dict[str, Number] | None = None
    ci95: Pair | None = None
    hr_3m: Number | None = None
    hr_6m: Number | None = None
    hr_1y: Number | None = None
    hr_2y: Number | None = None
    ci95_3m: Pair | None = None
    ci95_6m: Pair | None = None
    ci95_1y: Pair | None = None
    ci95_2y: Pair | None = None
    transplant_pct: Number | None = None
    cyc_pct: Number | None = None
    d50: Number | None = None
    d90: Number | None = None
    comparator: str | None = None
    unit: str | None = None
    source: str
    basis: Basis

    @model_validator(mode="after")
    def _not_more_than_all(self) -> Any:
        if self.n is not None and self.of is not None and self.n > self.of:
            raise ValueError(f"n ({self.n}) is larger than of ({self.of})")
        return self


class GeneGroup(Record):
    """A group of patients by genotype or phenotype."""

    gene: Text
    group: str
    population_share_pct: Number | None = None
    leukopenia_odds_ratio: Number | None = None
    ci95: Pair | None = None
    source: str
    basis: Basis
    note: str | None = None


class SelfCheck(Record):
    """A prediction made by hand from the published parameters, beside what was observed."""

    quantity: Text
    predicted: Value
    observed: str
    unit: str
    verdict: str


class MarrowParameters(Record):
    """One published parameter set of a marrow model."""

    name: Text
    source: KineticsSource | None = None
    parameters: tuple[KineticsParameter, ...]


class MarrowAnchor(Record):
    """How often counts fell below a limit under a regimen."""

    regimen: Text
    n: Count | None = None
    wbc_below_2500_pct: Number | None = None
    anc_below_1000_pct: Number | None = None
    anc_below_500: str | None = None
    wbc_below_1000: str | None = None
    lymph_below_100: str | None = None
    stopped_for_neutropenia: Count | None = None
    source: str
    basis: Basis


class Myelosuppression(Record):
    """A published model of marrow toxicity and what it can be held against."""

    model: str
    equations: str
    sets: tuple[MarrowParameters, ...]
    calibration_anchors: tuple[MarrowAnchor, ...] = ()
    note: str | None = None


class CalibrationExample(Record):
    """Slopes that reproduce observed counts, worked out by hand."""

    derived: Literal[True]
    method: str
    anc_slope_per_mg_per_L: Value
    wbc_slope_per_mg_per_L: Value
    cross_check: str


class Drug(Record):
    """One therapy, as the literature describes it.

    Attributes
    ----------
    id
        Name in the catalogue; regimens of studies use it.
    approved_for_ssc
        False, or the approval in words with its year.
    pk
        Published kinetics with exposure checks; None for placebo.
    pd
        Measured effects.
    safety
        Harms with denominators and settings.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9\-]*$")]
    names: DrugNames
    kind: Literal[
        "small-molecule", "monoclonal-antibody", "polyclonal-antibody", "fusion-protein", "immunoglobulin",
        "cell-therapy", "procedure", "inert",
    ]  # fmt: skip
    selectivity: Literal["targeted", "nonselective", "none"]
    action: Literal[
        "blocks-proliferation", "blocks-activation", "depletes-cells", "neutralises-cytokine",
        "removes-antibody", "reconstitutes", "antifibrotic", "none",
    ]  # fmt: skip
    cell_effect: CellEffect | None = None
    target: str
    approved_for_ssc: bool | str
    regimens: tuple[DrugRegimen, ...] = ()
    pk: Kinetics | None = None
    pd: tuple[EffectRow, ...] = ()
    onset: Onset | None = None
    safety: tuple[SafetyFinding, ...] = ()
    renal: tuple[Finding, ...] = ()
    renal_crisis: tuple[Finding, ...] = ()
    infection: tuple[Finding, ...] = ()
    pharmacogenetics: tuple[GeneGroup, ...] = ()
    myelosuppression: Myelosuppression | None = None
    calibration_example: CalibrationExample | None = None
    cumulative_dose_examples: tuple[str, ...] = ()
    monitoring: tuple[str, ...] = ()
    contraindications: tuple[str, ...] = ()
    interactions: tuple[str, ...] = ()
    unit_pitfalls: tuple[str, ...] = ()
    self_check: tuple[SelfCheck, ...] = ()
    derived: tuple[str, ...] = ()
    efficacy_note: str | None = None
    confidence: str | None = None
    text_basis: str | None = None
    notes: str = ""

    @property
    def all_names(self) -> tuple[str, ...]:
        """Every name by which the therapy can be found."""
        n = self.names
        return tuple(dict.fromkeys((self.id, n.inn, *n.brands, *n.abbreviations, *n.synonyms)))

    @property
    def approval(self) -> str:
        """Approval for systemic sclerosis in words."""
        if isinstance(self.approved_for_ssc, str):
            return self.approved_for_ssc
        return "approved" if self.approved_for_ssc else "not approved; use is off-label"
