"""A study: its design, patients, arms, published results, harms, withdrawals, sources."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from rodnan.errors import EvidenceError, UnitError, nearest_name
from rodnan.evidence.records.base import Basis, Count, Number, Pair, Positive, Record, Week
from rodnan.units import dosing_rule, parse_unit

__all__ = [
    "AdverseEvent",
    "Arm",
    "BaselineRow",
    "Citation",
    "Design",
    "ModelEstimate",
    "Outcome",
    "Population",
    "RegimenItem",
    "Study",
    "Withdrawal",
]

RECORD_UNITS = frozenset(
    {"pct", "%", "pct_pred", "score", "score_0_51", "score_0_12", "score_0_100", "mRSS/year", "mRSS per month",
     "pct_per_year", "pct_of_baseline", "studies", "pct_pred_per_month", "pct_pred_per_score_unit", "pct_pred_squared",
     "pct_pred_per_month_squared", "mRSS", "ratio", "count"}
)  # fmt: skip
DOSE_UNITS = frozenset({"mg_per_day", "cells/kg", "cGy", "plasma_volume"})
INTERVALS = frozenset({"hour", "day", "week", "month", "once", "total-course", "year"})
MEASURES = Literal[
    "value", "change", "difference", "hazard_ratio", "rate", "pct_change", "odds_ratio", "incidence_rate_ratio",
    "risk_ratio",
]  # fmt: skip
NORMAL_95 = 1.959963984540054


def known_unit(unit: str) -> str:
    """Check a unit of a record.

    Raises
    ------
    ValueError
        The unit is neither a clinical unit nor a score of the records.
    """
    if unit in RECORD_UNITS:
        return unit
    try:
        parse_unit(unit)
    except UnitError as error:
        near = error.nearest or nearest_name(unit, RECORD_UNITS)
        hint = f"; did you mean {near!r}?" if near else ""
        raise ValueError(f"unknown unit {unit!r}{hint}") from None
    return unit


class Citation(Record):
    """Where a study was published."""

    pmid: Annotated[str, Field(pattern=r"^\d+$")] | None = None
    doi: str | None = None
    nct: Annotated[str, Field(pattern=r"^NCT\d{8}$")] | None = None
    pmcid: Annotated[str, Field(pattern=r"^PMC\d+$")] | None = None
    first_author: str | None = None
    journal: str | None = None
    year: Annotated[int, Field(ge=1900, le=2100)] | None = None
    what: str | None = None
    extension: Citation | None = None
    second: Citation | None = None
    series_2: Citation | None = None
    subgroups: tuple[str, ...] = ()


class Design(Record):
    """How a study was done."""

    type: Literal["rct", "cohort", "registry", "open-label", "case-series", "meta-analysis"]
    blinding: Literal["double", "single", "open", "none"]
    randomised: bool
    centres: Count | None = None
    countries: tuple[str, ...] = ()
    n_countries: Count | None = None


class _Spread(Record):
    """A number with whatever spread its source gave; missing ones are None, never made up."""

    mean: Number | None = None
    median: Number | None = None
    value: Number | None = None
    sd: Annotated[Number, Field(ge=0)] | None = None
    se: Annotated[Number, Field(ge=0)] | None = None
    iqr: Pair | None = None
    range: Pair | None = None
    ci95: Pair | None = None
    n: Count | None = None
    events: Count | None = None
    unit: str | None = None
    basis: Basis
    derived: bool = False
    note: str | None = None
    subgroup: str | None = None

    @field_validator("unit")
    @classmethod
    def _unit(cls, unit: str | None) -> str | None:
        return None if unit is None else known_unit(unit)

    @model_validator(mode="after")
    def _intervals_are_ordered(self) -> Any:
        for name in ("iqr", "range", "ci95"):
            pair = getattr(self, name)
            if pair is not None and pair[0] > pair[1]:
                raise ValueError(f"{name} must be [low, high]")
        if self.ci95 and self.mean is not None and not self.ci95[0] <= self.mean <= self.ci95[1]:
            raise ValueError("the mean lies outside its own 95 % interval")
        return self


class BaselineRow(_Spread):
    """One number of a baseline table."""

    variable: str
    arm: str
    what: str | None = None


class Population(Record):
    """Who was in a study."""

    n: Count | None = None
    inclusion: tuple[str, ...] = ()
    baseline: tuple[BaselineRow, ...] = ()


class RegimenItem(Record):
    """One drug at one dose and interval."""

    drug: str
    route: str | None = None
    dose: Positive | Annotated[tuple[Positive, ...], Field(min_length=2)] | None = None
    unit: str | None = None
    interval: Positive | None = None
    interval_unit: str | None = None
    start_week: Week | None = None
    stop_week: Week | tuple[Week, Week] | None = None
    titration: str | None = None
    preparation: str | None = None
    as_given: str | None = None
    note: str | None = None

    @field_validator("unit")
    @classmethod
    def _dose_unit(cls, unit: str | None) -> str | None:
        if unit is None or unit in DOSE_UNITS:
            return unit
        try:
            dosing_rule(unit)
        except UnitError as error:
            hint = f"; did you mean {error.nearest!r}?" if error.nearest else ""
            raise ValueError(f"unknown unit of dose {unit!r}{hint}") from None
        return unit

    @field_validator("interval_unit")
    @classmethod
    def _interval_unit(cls, unit: str | None) -> str | None:
        if unit is not None and unit not in INTERVALS:
            near = nearest_name(unit, INTERVALS)
            raise ValueError(f"unknown interval unit {unit!r}" + (f"; did you mean {near!r}?" if near else ""))
        return unit


class BackgroundDrug(Record):
    """A drug that a share of the patients took besides."""

    drug: str
    share: Annotated[Number, Field(ge=0, le=1)] | None = None


class Arm(Record):
    """One arm, or a subgroup of one."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")]
    label: str
    n: Count | None = None
    regimen: tuple[RegimenItem, ...] = ()
    background: tuple[str | BackgroundDrug, ...] = ()
    subgroup_of: str | None = None


class Outcome(_Spread):
    """One published result."""

    endpoint: str
    measure: MEASURES
    arm: str | None = None
    arms: tuple[str, ...] | None = None
    week: Week | None = None
    of: Count | None = None
    p: Annotated[Number, Field(ge=0, le=1)] | None = None
    p_below: Annotated[Number, Field(ge=0, le=1)] | None = None
    direction: str | None = None
    adjusted: bool = False
    analysis: str | None = None
    pairs: Any = None
    mean_above: Number | None = None

    @model_validator(mode="after")
    def _arm_or_arms(self) -> Any:
        if (self.arm is None) == (self.arms is None):
            raise ValueError("give either 'arm' or 'arms'")
        if self.n is not None and self.of is not None and self.n > self.of:
            raise ValueError(f"n ({self.n}) is larger than of ({self.of})")
        return self

    @property
    def standard_error(self) -> tuple[float, bool] | None:
        """Standard error and whether it was derived (from the 95 % interval, or from sd and n); None without either."""
        if self.se is not None:
            return self.se, False
        if self.ci95 is not None:
            return (self.ci95[1] - self.ci95[0]) / (2 * NORMAL_95), True
        if self.sd is not None and self.n:
            return self.sd / self.n**0.5, True
        return None


class AdverseEvent(Record):
    """How often something harmful happened in an arm."""

    event: str
    arm: str
    n: Count | None = None
    of: Count | None = None
    pct: Annotated[Number, Field(ge=0, le=100)] | None = None
    events: Count | None = None
    rate: Number | None = None
    ci95: Pair | None = None
    exposure_py: Positive | None = None
    week: Week | None = None
    definition: str | None = None
    description: str | None = None
    basis: Basis
    derived: bool = False
    note: str | None = None

    @model_validator(mode="after")
    def _not_more_than_all(self) -> Any:
        if self.n is not None and self.of is not None and self.n > self.of:
            raise ValueError(f"n ({self.n}) is larger than of ({self.of})")
        return self


class Withdrawal(Record):
    """How many left an arm, and why."""

    arm: str
    n: Count | None = None
    of: Count | None = None
    pct: Annotated[Number, Field(ge=0, le=100)] | None = None
    range_pct: Pair | None = None
    week: Week | None = None
    reason: str
    basis: Basis
    derived: bool = False
    note: str | None = None

    @model_validator(mode="after")
    def _not_more_than_all(self) -> Any:
        if self.n is not None and self.of is not None and self.n > self.of:
            raise ValueError(f"n ({self.n}) is larger than of ({self.of})")
        return self


class ModelEstimate(Record):
    """A parameter that the source's own statistical model estimated."""

    parameter: str
    mean: Number
    se: Positive | None = None
    unit: str | None = None
    basis: Basis


class Study(Record):
    """One study, as the literature reports it.

    Attributes
    ----------
    id
        Name in the catalogue.
    arms, outcomes, adverse_events, withdrawals
        What was given and what was found; weeks count from entry.
    source
        Where each part was seen.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9\-]*$")]
    acronym: str
    citation: Citation
    related_citations: tuple[Citation, ...] = ()
    design: Design
    condition: str
    population: Population
    arms: tuple[Arm, ...]
    outcomes: tuple[Outcome, ...] = ()
    adverse_events: tuple[AdverseEvent, ...] = ()
    model_estimates: tuple[ModelEstimate, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()
    source: tuple[str, ...]
    notes: str = ""

    @model_validator(mode="after")
    def _arms_are_distinct(self) -> Any:
        ids = [arm.id for arm in self.arms]
        for arm in self.arms:
            if ids.count(arm.id) > 1:
                raise ValueError(f"arm {arm.id!r} is given twice")
            if arm.subgroup_of is not None and arm.subgroup_of not in ids:
                raise ValueError(f"arm {arm.id!r} is a subgroup of an arm that is not there: {arm.subgroup_of!r}")
        return self

    def arm(self, name: str) -> Arm:
        """Return an arm by id.

        Raises
        ------
        EvidenceError
            RDN-E004 for an arm the study does not have.
        """
        for arm in self.arms:
            if arm.id == name:
                return arm
        raise EvidenceError(
            "RDN-E004", "the study has no such arm", where=self.id, value=name,
            nearest=nearest_name(name, [a.id for a in self.arms]),
        )  # fmt: skip

    def baseline(self, variable: str, arm: str = "all") -> BaselineRow | None:
        """Return a baseline row of an arm; the pooled row where the arm has none; None without either.

        ``all`` without a row of its own pools the arms by their numbers: weighted mean, and the standard deviation with
        the part between arms; such a row says ``derived``.
        """
        rows = [r for r in self.population.baseline if r.variable == variable and r.subgroup is None]
        for wanted in (arm, "all"):
            for row in rows:
                if row.arm == wanted:
                    return row
        return _pooled([r for r in rows if r.mean is not None and r.n], variable)

    def outcomes_for(
        self, *, endpoint: str | None = None, measure: str | None = None, arm: str | None = None, week: float | None = None
    ) -> tuple[Outcome, ...]:
        """Return the outcomes that match everything that is given."""
        return tuple(
            o
            for o in self.outcomes
            if (endpoint is None or o.endpoint == endpoint)
            and (measure is None or o.measure == measure)
            and (arm is None or o.arm == arm or (o.arms is not None and arm in o.arms))
            and (week is None or o.week == week)
        )


def _pooled(rows: list[BaselineRow], variable: str) -> BaselineRow | None:
    if not rows:
        return None
    total = sum(r.n or 0 for r in rows)
    mean = sum((r.n or 0) * (r.mean or 0.0) for r in rows) / total
    spread = None
    if all(r.sd is not None for r in rows):
        square = sum((r.n or 0) * ((r.sd or 0.0) ** 2 + ((r.mean or 0.0) - mean) ** 2) for r in rows) / total
        spread = square**0.5
    basis = "recalled" if any(r.basis == "recalled" for r in rows) else rows[0].basis
    return BaselineRow(
        variable=variable, arm="all", mean=mean, sd=spread, unit=rows[0].unit, n=total, basis=basis, derived=True
    )
