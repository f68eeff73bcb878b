"""From the record of a drug to what can be computed.

:func:`load_model` turns the record of a drug of the package (units as published) into a :class:`DrugModel`
(mg, L, day), :func:`read_model` that of a user's own file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rodnan.errors import EvidenceError, ModelError, RodnanError, nearest_name
from rodnan.evidence.loading import data_folder, parse_record, read_yaml
from rodnan.evidence.records.pkmodel import CovariateRecord, DrugModelRecord
from rodnan.evidence.records.pkwords import COVARIATES, PARAMETER_KINDS, parameter_kind
from rodnan.pharmacology.effects import CHANNELS, FRACTIONS, RATES, Effect
from rodnan.pharmacology.structures import Absorption, Structure, build_structure
from rodnan.units import convert

__all__ = [
    "BINDING",
    "SERIES_FORMS",
    "Covariate",
    "DrugModel",
    "Eta",
    "PatientPK",
    "Potency",
    "Route",
    "Series",
    "load_model",
    "model_ids",
    "read_model",
    "runtime_model",
]

Array = NDArray[np.float64]
SERIES_FORMS = ("emax", "linear", "mean", "dose")  # the kernels know them by their index
BINDING = ("bound_linear", "bound_saturable", "Kd_binding")


@dataclass(frozen=True)
class Covariate:
    """One covariate effect on one parameter, in runtime units (see `CovariateRecord` for the forms)."""

    covariate: str
    form: str
    value: float
    centre: float
    level: float

    def factor(self, x: Array) -> Array:
        """Return the factor on the typical value for covariate values `x`."""
        if self.form == "power":
            return (x / self.centre) ** self.value
        if self.form == "linear":
            return 1.0 + self.value * (x - self.centre)
        return np.where(x == self.level, self.value, 1.0)


@dataclass(frozen=True)
class Eta:
    """One random effect between patients (or occasions): name of what varies, scale (log, logit), sd."""

    name: str
    scale: str
    sd: float


@dataclass(frozen=True)
class Route:
    """A way of giving the drug, by names of parameters (None: does not apply); infusion in days.

    ``dose_power`` is (reference dose in mg, exponent) of a bioavailability that changes with the dose.
    """

    bioavailability: str | None
    lag: str | None
    saturation: str | None
    dose_power: tuple[float, float] | None
    infusion: float


@dataclass(frozen=True)
class Series:
    """One concentration-effect relation whose daily mean is computed (see `SeriesRecord`)."""

    name: str
    form: str
    concentration: str
    half: str | None
    hill: float
    cap: float
    target: str


@dataclass(frozen=True)
class Potency:
    """Share of the measured effect that counts, and its spread between patients (logit scale)."""

    value: float
    prior_logit_mean: float
    prior_logit_sd: float
    iiv_logit_sd: float


@dataclass(frozen=True)
class DrugModel:
    """An executable drug: structure, typical values (mg, L, day), variability, series and effects.

    Attributes
    ----------
    etas
        Random effects between patients, in the order of the columns of ``z``.
    occasions
        Random effects between occasions.
    cholesky
        Lower triangle that turns independent standard normals into the correlated ones, (n_eta, n_eta).
    assumed
        Covariates that are assumed where a patient's value is not given, with the value.
    saturable
        Whether the central compartment also loses Vmax C/(Km + C).
    """

    id: str
    title: str
    dose_unit: str
    structure: Structure
    typical: Mapping[str, float]
    covariates: Mapping[str, tuple[Covariate, ...]]
    etas: tuple[Eta, ...]
    occasions: tuple[Eta, ...]
    cholesky: Array
    routes: Mapping[str, Route]
    series: tuple[Series, ...]
    effects: tuple[Effect, ...]
    potency: Potency | None
    assumed: Mapping[str, float]
    saturable: bool
    record: DrugModelRecord

    @property
    def n_eta(self) -> int:
        """Number of random effects between patients."""
        return len(self.etas)

    @property
    def n_series(self) -> int:
        """Number of daily effect series."""
        return len(self.series)

    @property
    def n_compartments(self) -> int:
        """Number of compartments of the state."""
        return self.structure.n_compartments

    @property
    def needed_covariates(self) -> tuple[str, ...]:
        """Covariates that :func:`draw_patients` cannot do without, in the order of first use."""
        used = [c.covariate for effects in self.covariates.values() for c in effects]
        used += ["bsa"] if any(r.saturation for r in self.routes.values()) else []
        return tuple(name for name in dict.fromkeys(used) if name not in self.assumed)

    def route(self, name: str) -> Route:
        """Return a route of administration.

        Raises
        ------
        ModelError
            ``RDN-M104`` the drug cannot be given that way.
        """
        if name not in self.routes:
            raise ModelError(
                "RDN-M104",
                f"{self.id} cannot be given by that route; it has: {', '.join(self.routes)}",
                value=name,
                nearest=nearest_name(name, self.routes),
            )
        return self.routes[name]


@dataclass(frozen=True)
class PatientPK:
    """The individual kinetics of n patients.

    Attributes
    ----------
    parameters
        Name -> values, shape (n,), in mg, L, day.
    k
        Rate matrices (1/day), shape (n, m, m).
    rows
        Concentration of each series = row . amounts, shape (n, n_series, m); zero for series of form
        ``dose``.
    half
        EC50 (mg/L) or slope (L/mg) of each series, shape (n, n_series); 1 where there is none.
    potency
        Share of the measured effect that reaches the disease, shape (n,); 1 without one.
    bsa
        Body surface (m2) where a saturable absorption needs it, else None.
    """

    n: int
    parameters: Mapping[str, Array]
    k: Array
    rows: Array
    half: Array
    potency: Array
    bsa: Array | None

    def take(self, index: ArrayLike) -> PatientPK:
        """Return the patients at `index` (integers or booleans), in that order."""
        index = np.asarray(index)
        parameters = {name: values[index] for name, values in self.parameters.items()}
        bsa = None if self.bsa is None else self.bsa[index]
        k = self.k[index]
        return PatientPK(
            len(k),
            MappingProxyType(parameters),
            k,
            self.rows[index],
            self.half[index],
            self.potency[index],
            bsa,
        )


def model_ids() -> tuple[str, ...]:
    """Return the ids of the drugs that have an executable model, sorted."""
    return tuple(sorted(path.stem for path in data_folder("models").glob("*.yaml")))


@cache
def load_model(drug: str) -> DrugModel:
    """Return the executable model of a drug of the package.

    Parameters
    ----------
    drug
        Its id, for example ``"mycophenolate"``.

    Raises
    ------
    EvidenceError
        ``RDN-E202`` no model of that name; ``RDN-E003`` its record does not validate.
    """
    if drug not in model_ids():
        raise EvidenceError(
            "RDN-E202",
            "no executable model of that drug",
            value=drug,
            nearest=nearest_name(drug, model_ids()),
        )
    return read_model(data_folder("models") / f"{drug}.yaml")


def read_model(path: str | Path) -> DrugModel:
    """Return the executable model that a YAML file describes; the file may lie anywhere.

    Raises
    ------
    EvidenceError, UnitError, ModelError
        The file cannot be read, does not validate, has a unit of the wrong dimension, or cannot be computed.
    """
    path = Path(path)
    return runtime_model(parse_record(DrugModelRecord, read_yaml(path), path.name), path.name)


def runtime_model(record: DrugModelRecord, where: str | None = None) -> DrugModel:
    """Turn the record of a drug into its runtime model.

    Parameters
    ----------
    record
        The validated record.
    where
        Name of the file, for messages.

    Raises
    ------
    UnitError
        A unit is unknown or of the wrong dimension.
    ModelError
        ``RDN-M101`` the structure lacks a parameter; ``RDN-M122`` a fraction of one or more that varies on
        the logit scale; ``RDN-M114`` an effect names no channel, has the wrong unit, or is a fraction above
        one; ``RDN-M115`` the correlations contradict each other.
    """
    where = where or f"{record.id}.yaml"
    layout = record.structure
    structure = build_structure(
        layout.compartments,
        [Absorption(a.route, a.transit, a.above_elimination) for a in layout.absorption],
        effect=layout.effect,
        metabolite=layout.metabolite,
        metabolite_effect=layout.metabolite_effect,
    )
    typical: dict[str, float] = {}
    covariates: dict[str, tuple[Covariate, ...]] = {}
    etas: list[Eta] = []
    occasions: list[Eta] = []
    for parameter in record.parameters:
        kind = parameter_kind(parameter.name)
        unit = PARAMETER_KINDS[kind or ""][1]
        at = f"{where}: {parameter.name}"
        typical[parameter.name] = _converted(parameter.value, parameter.unit, unit, at)
        if parameter.covariates:
            covariates[parameter.name] = tuple(
                _covariate(c, f"{at}.{c.covariate}") for c in parameter.covariates
            )
        if parameter.iiv_cv_pct is not None:
            etas.append(Eta(parameter.name, "log", _log_sd(parameter.iiv_cv_pct)))
        elif parameter.iiv_logit_sd is not None:
            if typical[parameter.name] >= 1.0:
                reason = "only a fraction below one can vary on the logit scale"
                raise ModelError("RDN-M122", reason, where=at, value=parameter.value)
            etas.append(Eta(parameter.name, "logit", parameter.iiv_logit_sd))
        if parameter.iov_cv_pct is not None:
            occasions.append(Eta(parameter.name, "log", _log_sd(parameter.iov_cv_pct)))
    _located(where, structure.rate_matrix, typical)  # every parameter the structure needs is there
    potency = None
    if record.potency is not None:
        p = record.potency
        potency = Potency(p.value, p.prior_logit_mean, p.prior_logit_sd, p.iiv_logit_sd)
        if p.iiv_logit_sd > 0.0:
            etas.append(Eta("potency", "logit", p.iiv_logit_sd))
    routes = {
        name: Route(
            r.bioavailability,
            r.lag,
            r.saturation,
            None if r.dose_power is None else (r.dose_power.reference_mg, r.dose_power.exponent),
            r.infusion_h / 24.0,
        )
        for name, r in record.routes.items()
    }
    needed = (["Vmax", "Km"] if layout.elimination != "linear" else []) + (
        list(BINDING) if layout.binding else []
    )
    for name in needed:
        if name not in typical:
            raise ModelError(
                "RDN-M101", "a parameter of the structure has no value", where=f"{where}: {name}"
            )
    series = tuple(
        Series(s.name, s.form, s.concentration, s.half, s.hill, s.cap, s.target or f"{record.id}:{s.name}")
        for s in record.series
    )
    for s in series:
        if s.form != "dose" and not (s.concentration == "total" and layout.binding):
            _located(f"{where}: series.{s.name}", structure.output_rows, s.concentration, typical)
    return DrugModel(
        id=record.id,
        title=record.title,
        dose_unit=record.dose_unit,
        structure=structure,
        typical=MappingProxyType(typical),
        covariates=MappingProxyType(covariates),
        etas=tuple(etas),
        occasions=tuple(occasions),
        cholesky=_cholesky(record, etas, where),
        routes=MappingProxyType(routes),
        series=series,
        effects=_effects(record, series, where),
        potency=potency,
        assumed=MappingProxyType(
            {c.covariate: c.assume for p in record.parameters for c in p.covariates if c.assume is not None}
        ),
        saturable=layout.elimination != "linear",
        record=record,
    )


def _log_sd(cv_pct: float) -> float:
    return math.sqrt(math.log1p((cv_pct / 100.0) ** 2))


def _converted(value: float, unit: str, target: str, where: str) -> float:
    return float(_located(where, convert, value, unit, target))


def _located(where: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function; an error it raises is told where in the record it arose."""
    try:
        return function(*arguments)
    except RodnanError as error:
        at = f"{where}: {error.where}" if error.where else where
        raise type(error)(
            error.code, error.message, where=at, value=error.value, nearest=error.nearest
        ) from None


def _covariate(record: CovariateRecord, where: str) -> Covariate:
    if record.form == "factor":
        level = record.level if record.level is not None else math.nan
        return Covariate(record.covariate, record.form, record.value, math.nan, level)
    target = COVARIATES[record.covariate]
    centre = _converted(record.centre or math.nan, record.unit or "", target, where)
    # A linear slope is per unit of the covariate as published.
    per = _converted(1.0, record.unit or "", target, where) if record.form == "linear" else 1.0
    return Covariate(record.covariate, record.form, record.value / per, centre, math.nan)


def _cholesky(record: DrugModelRecord, etas: list[Eta], where: str) -> Array:
    names = [eta.name for eta in etas]
    correlation = np.eye(len(names))
    for entry in record.correlations:
        for name in entry.between:
            if name not in names:
                raise ModelError(
                    "RDN-M115",
                    "a correlation of a parameter that does not vary between patients",
                    where=f"{where}: correlations",
                    value=name,
                    nearest=nearest_name(name, names),
                )
        i, j = (names.index(name) for name in entry.between)
        correlation[i, j] = correlation[j, i] = entry.value
    try:
        return np.asarray(np.linalg.cholesky(correlation), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise ModelError("RDN-M115", "the correlations contradict each other", where=where) from None


def _effects(record: DrugModelRecord, series: tuple[Series, ...], where: str) -> tuple[Effect, ...]:
    names = [s.name for s in series]
    effects = []
    for i, entry in enumerate(record.effects):
        at = f"{where}: effects[{i}]"
        if entry.channel not in CHANNELS:
            raise ModelError(
                "RDN-M114",
                "no such channel",
                where=f"{at}.channel",
                value=entry.channel,
                nearest=nearest_name(entry.channel, CHANNELS),
            )
        unit = "1/day" if entry.channel in RATES else "1"
        if entry.unit != unit:
            reason = f"channel {entry.channel} is in {unit}"
            raise ModelError("RDN-M114", reason, where=f"{at}.unit", value=entry.unit)
        if entry.channel in FRACTIONS and entry.size > 1.0:
            raise ModelError("RDN-M114", "a fraction above one", where=f"{at}.size", value=entry.size)
        if entry.channel in RATES and entry.potency:
            raise ModelError("RDN-M114", "the potency scales fractions, not rates", where=f"{at}.potency")
        effects.append(Effect(entry.channel, names.index(entry.series), entry.size, entry.potency))
    return tuple(effects)
