"""The executable model of a drug, as a record: kinetics, concentration-effect relations, channels.

One YAML file a drug; adding a drug changes no Python file. The names of parameters carry their meaning and
dimension (`rodnan.evidence.records.pkwords`); every number carries unit, basis and source, and a number without
a source must say in ``note`` where it comes from.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rodnan.errors import nearest_name
from rodnan.evidence.records.base import Basis, Positive, Record
from rodnan.evidence.records.base import Number as Finite
from rodnan.evidence.records.pkwords import (
    COVARIATES,
    LEVELS,
    PARAMETER_KINDS,
    level_words,
    parameter_kind,
)

__all__ = [
    "AbsorptionRecord",
    "CheckRecord",
    "CovariateRecord",
    "DrugModelRecord",
    "EffectRecord",
    "InteractionRecord",
    "ParameterRecord",
    "PotencyRecord",
    "RouteRecord",
    "SeriesRecord",
    "UsualRegimenRecord",
]

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class CovariateRecord(Record):
    """How a covariate changes a parameter's typical value.

    ``power``: (x/centre)^value. ``linear``: 1 + value (x - centre). ``factor``: `value` where x equals
    `level`, else 1. `unit` is the unit of `centre`.
    """

    covariate: str
    form: Literal["power", "linear", "factor"]
    value: Finite
    centre: Positive | None = None
    level: Finite | None = None
    unit: str | None = None
    assume: Finite | None = None
    basis: Basis
    derived: bool = False
    source: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _check(self):
        if self.covariate not in COVARIATES:
            near = nearest_name(self.covariate, COVARIATES)
            raise ValueError(
                f"unknown covariate {self.covariate!r}" + (f", did you mean {near!r}?" if near else "")
            )
        if self.form == "factor":
            if self.level is None or self.value <= 0.0:
                raise ValueError("a factor needs the level it holds for and a value above zero")
            levels = LEVELS.get(self.covariate)
            if levels is not None and self.level not in levels:
                raise ValueError(f"{self.covariate} has the levels {level_words(levels)}")
        elif self.centre is None or self.unit is None:
            raise ValueError("a power or linear covariate needs a centre and its unit")
        return self


class ParameterRecord(Record):
    """A typical value with its spread between patients.

    ``iiv_cv_pct``: lognormal, coefficient of variation, log-sd = sqrt(ln(1 + CV^2)). ``iiv_logit_sd``:
    normal on the logit scale, for fractions. ``iov_cv_pct``: lognormal between occasions of one patient.
    """

    name: Name
    value: Positive
    unit: str
    iiv_cv_pct: Annotated[float, Field(gt=0.0, le=400.0)] | None = None
    iiv_logit_sd: Annotated[float, Field(gt=0.0, le=5.0)] | None = None
    iov_cv_pct: Annotated[float, Field(gt=0.0, le=400.0)] | None = None
    covariates: tuple[CovariateRecord, ...] = ()
    basis: Basis
    derived: bool = False
    source: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _check(self):
        kind = parameter_kind(self.name)
        if kind is None:
            shapes = ", ".join(pattern for pattern, _, _ in PARAMETER_KINDS.values())
            raise ValueError(f"unknown parameter name {self.name!r}; a name is one of: {shapes}")
        if self.iiv_cv_pct is not None and self.iiv_logit_sd is not None:
            raise ValueError("a parameter varies on the log or on the logit scale, not both")
        if self.iiv_logit_sd is not None and kind != "fraction":
            raise ValueError("only a fraction can vary on the logit scale")
        return self


class CorrelationRecord(Record):
    """Correlation of two parameters between patients, on the scale on which they vary."""

    between: tuple[Name, Name]
    value: Annotated[float, Field(gt=-1.0, lt=1.0)]
    basis: Basis
    derived: bool = False
    source: str | None = None
    note: str | None = None


class AbsorptionRecord(Record):
    """How an extravascular route reaches the blood: transit compartments, then a first-order depot."""

    route: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    transit: Annotated[int, Field(ge=0, le=30)] = 0
    above_elimination: bool = False


class StructureRecord(Record):
    """The compartments of the model.

    ``compartments: 0`` is a therapy without kinetics. With ``elimination: linear and saturable`` the
    central compartment also loses Vmax C/(Km + C). With ``binding`` the observable ``total`` is the free
    concentration C times 1 + bound_linear + bound_saturable/(1 + C/Kd_binding).
    """

    compartments: Literal[0, 1, 2, 3]
    absorption: tuple[AbsorptionRecord, ...] = ()
    metabolite: Literal["compartment", "ratio"] | None = None
    effect: tuple[Name, ...] = ()
    metabolite_effect: tuple[Name, ...] = ()
    elimination: Literal["linear", "linear and saturable"] = "linear"
    binding: bool = False
    note: str | None = None


class DosePowerRecord(Record):
    """Bioavailability that changes with the dose: (dose / reference)^exponent."""

    reference_mg: Positive
    exponent: Annotated[float, Field(gt=-1.0, lt=1.0)]
    basis: Basis
    derived: bool = False
    source: str | None = None
    note: str | None = None


class RouteRecord(Record):
    """A way of giving the drug.

    `bioavailability` names a parameter; null where the model's clearances and volumes are apparent (per
    dose given). `saturation` names a route whose ``Fdrop_<name>`` and ``D50_<name>`` lower the
    bioavailability with the dose D (mg/m2): F (1 - Fdrop D/(D50 + D)). `infusion_h` is the usual length of
    an infusion in hours.
    """

    bioavailability: Name | None = None
    lag: Name | None = None
    saturation: Name | None = None
    dose_power: DosePowerRecord | None = None
    infusion_h: Annotated[float, Field(ge=0.0, le=24.0)] = 0.0
    note: str | None = None


class SeriesRecord(Record):
    """One concentration-effect relation, averaged over each day.

    ``emax``: C^hill/(EC50^hill + C^hill), `half` names the EC50. ``linear``: slope C, never above `cap`,
    `half` names the slope. ``mean``: the concentration itself. ``dose``: the amount given that day
    (sessions, mg), for therapies without kinetics.
    """

    name: Name
    form: Literal["emax", "linear", "mean", "dose"]
    concentration: str = "parent"
    half: Name | None = None
    hill: Annotated[float, Field(gt=0.0, le=20.0)] = 1.0
    cap: Annotated[float, Field(gt=0.0, le=10.0)] = 0.99
    target: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _check(self):
        if (self.half is None) != (self.form in ("mean", "dose")):
            raise ValueError(
                "emax needs the name of its EC50, linear that of its slope, mean and dose neither"
            )
        return self


class EffectRecord(Record):
    """What one series does to the patient: a channel of the disease model and its size when the series is 1.

    Fractions (`unit` 1) are multiplied by the drug's potency where `potency` is true; rates are in 1/day.
    """

    channel: str
    series: Name
    size: Annotated[float, Field(gt=0.0, le=1e4)]
    unit: Literal["1", "1/day"]
    potency: bool
    basis: Basis
    derived: bool = False
    source: str | None = None
    note: str | None = None


class InteractionRecord(Record):
    """What another therapy does to this one.

    ``parameter``: multiplies the typical value of a parameter. ``removal``: one session of the other takes
    the share `value` of what is in the central compartment. ``warning``: a combination to be told of,
    computed as it is.
    """

    other: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    kind: Literal["parameter", "removal", "warning"]
    parameter: Name | None = None
    value: Positive | None = None
    unit: Literal["factor", "share"] | None = None
    text: str
    basis: Basis
    derived: bool = False
    source: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _check(self):
        if self.unit != {"parameter": "factor", "removal": "share"}.get(self.kind):
            raise ValueError(
                "a parameter is changed by a factor, a removal takes a share; a warning has no unit"
            )
        if self.kind == "parameter" and (self.parameter is None or self.value is None):
            raise ValueError("name the parameter and the factor on it")
        if self.kind == "removal" and not (self.value is not None and self.value < 1.0):
            raise ValueError("a session removes a share below one")
        return self


class PotencyRecord(Record):
    """The one number per drug that trials inform: share of the measured effect that counts."""

    value: Annotated[float, Field(gt=0.0, lt=1.0)]
    prior_logit_mean: Finite
    prior_logit_sd: Positive
    iiv_logit_sd: Annotated[float, Field(ge=0.0, le=3.0)]
    basis: Basis
    derived: bool = False
    source: str | None = None
    note: str | None = None


class TitrationRecord(Record):
    """How the target dose is usually reached: a start, and so much more at each step."""

    start: Positive
    unit: str
    step_mg: Positive
    every_weeks: Positive
    basis: Basis
    derived: bool = False
    source: str | None = None
    note: str | None = None


class DosingRecord(Record):
    """How the drug is handed out by mouth: size of a tablet or capsule, most at one time, usual titration."""

    rounding_mg: Positive | None = None
    maximum_mg: Positive | None = None
    titration: TitrationRecord | None = None
    note: str | None = None


class UsualRegimenRecord(Record):
    """A regimen used in scleroderma, in words that can be simulated."""

    label: str
    doses: str


class CheckRecord(Record):
    """One published exposure the model is held against.

    `quantity` and `regimen` name the entry in the drug's knowledge file, which holds the observed value.
    The rest says how the model answers: doses in words, the window in days, what is read off, for which
    patient.

    ``parameter`` reads a parameter of the typical patient, ``cv_auc`` the spread of the area between
    patients, ``half_life`` the decline between the ends of the window, ``amount_left`` the share of what
    was in the body.
    """

    quantity: str
    regimen: str
    doses: str | None = None
    measure: Literal[
        "auc",
        "auc_infinity",
        "cavg",
        "clearance",
        "cmax",
        "cmin",
        "cv_auc",
        "free_fraction",
        "half_life",
        "parameter",
        "time_above",
        "time_to_steady",
        "tmax",
        "trough",
        "vss",
    ]
    output: str = "parent"
    window: tuple[Finite, Finite] | None = None
    parameter: Name | None = None
    per: Literal["dose", "weight", "bsa"] | None = None
    covariates: dict[str, Finite] = Field(default_factory=dict)
    level: Positive | None = None
    via: str | None = None
    factor: Positive = 1.0
    explain: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _check(self):
        if self.measure == "parameter":
            if self.parameter is None:
                raise ValueError("name the parameter")
        elif self.measure == "time_above" and self.level is None:
            raise ValueError("say above which level")
        elif self.measure == "vss":
            pass
        elif self.doses is None or self.window is None or self.window[1] <= self.window[0]:
            raise ValueError("a simulated check needs doses in words and a window of days")
        return self


class UnansweredRecord(Record):
    """A published exposure the model cannot be held against, and why."""

    quantity: str
    regimen: str
    reason: str


class SourceEntry(Record):
    """Where numbers of the record were seen."""

    citation: str
    doi: str | None = None
    pmid: Annotated[str, Field(pattern=r"^[0-9]+$")] | None = None
    pmc: Annotated[str, Field(pattern=r"^PMC[0-9]+$")] | None = None
    via: str | None = None


class DrugModelRecord(Record):
    """The executable model of one drug."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    measured: str
    molar_mass: Positive | None = None
    dose_unit: Literal["mg", "session"] = "mg"
    dose_basis: str | None = None
    population: str
    sources: dict[str, SourceEntry]
    structure: StructureRecord
    parameters: tuple[ParameterRecord, ...]
    correlations: tuple[CorrelationRecord, ...] = ()
    routes: dict[str, RouteRecord]
    dosing: DosingRecord | None = None
    usual: Annotated[tuple[UsualRegimenRecord, ...], Field(min_length=1)]
    comprises: tuple[str, ...] = Field(
        default=(), description="treatments that this model stands for when a study lists them beside it"
    )
    series: tuple[SeriesRecord, ...] = ()
    effects: tuple[EffectRecord, ...] = ()
    potency: PotencyRecord | None = None
    interactions: tuple[InteractionRecord, ...] = ()
    checks: tuple[CheckRecord, ...] = ()
    unanswered: tuple[UnansweredRecord, ...] = ()
    not_modelled: tuple[str, ...] = ()
    note: str | None = None

    @model_validator(mode="after")
    def _check(self):
        names = [p.name for p in self.parameters]
        self._unique("parameters", names)
        self._unique("series", [s.name for s in self.series])
        for i, series in enumerate(self.series):
            if series.half is not None:
                self._known(f"series[{i}].half", series.half, names)
        for i, interaction in enumerate(self.interactions):
            if interaction.parameter is not None:
                self._known(f"interactions[{i}].parameter", interaction.parameter, names)
        for i, check in enumerate(self.checks):
            if check.parameter is not None:
                self._known(f"checks[{i}].parameter", check.parameter, names)
        for i, effect in enumerate(self.effects):
            self._known(f"effects[{i}].series", effect.series, [s.name for s in self.series])
        for route, entry in self.routes.items():
            if entry.bioavailability is not None:
                self._known(f"routes.{route}.bioavailability", entry.bioavailability, names)
            if entry.lag is not None:
                self._known(f"routes.{route}.lag", entry.lag, names)
            if entry.saturation is not None:
                self._known(f"routes.{route}.saturation", f"Fdrop_{entry.saturation}", names)
                self._known(f"routes.{route}.saturation", f"D50_{entry.saturation}", names)
            if route != ("iv" if self.structure.compartments else "session"):
                self._known(f"routes.{route}", route, [a.route for a in self.structure.absorption])
        for i, correlation in enumerate(self.correlations):
            for name in correlation.between:
                self._known(f"correlations[{i}]", name, names)
        if self.potency is None and any(e.potency for e in self.effects):
            raise ValueError("an effect is scaled by the potency, but the record has none")
        self._sourced()
        return self

    @staticmethod
    def _unique(where: str, names: list[str]) -> None:
        twice = {n for n in names if names.count(n) > 1}
        if twice:
            raise ValueError(f"{where}: {', '.join(sorted(twice))} is given twice")

    @staticmethod
    def _known(where: str, name: str, valid: list[str]) -> None:
        if name not in valid:
            near = nearest_name(name, valid)
            raise ValueError(
                f"{where}: {name!r} is not declared" + (f", did you mean {near!r}?" if near else "")
            )

    def _sourced(self) -> None:
        numbers: list[tuple[str, Record]] = []
        for parameter in self.parameters:
            numbers.append((f"parameters.{parameter.name}", parameter))
            numbers += [(f"parameters.{parameter.name}.{c.covariate}", c) for c in parameter.covariates]
        numbers += [(f"effects.{e.channel}", e) for e in self.effects]
        numbers += [("correlations", c) for c in self.correlations]
        numbers += [(f"interactions.{i.other}", i) for i in self.interactions]
        numbers += [(f"routes.{n}.dose_power", r.dose_power) for n, r in self.routes.items() if r.dose_power]
        if self.potency is not None:
            numbers.append(("potency", self.potency))
        if self.dosing is not None and self.dosing.titration is not None:
            numbers.append(("dosing.titration", self.dosing.titration))
        for where, number in numbers:
            source, note = getattr(number, "source", None), getattr(number, "note", None)
            if source is not None:
                self._known(where, source, list(self.sources))
            elif getattr(number, "basis", None) in ("read", "recalled"):
                raise ValueError(f"{where}: a number that was read or recalled needs its source")
            elif not note:
                raise ValueError(
                    f"{where}: a number without a source needs a note that says where it comes from"
                )
