"""What a study found: numbers with their spread, harms, withdrawals, the source's own model."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from pydantic import field_validator, model_validator

from rodnan.evidence.records.base import (
    Basis,
    Count,
    Fraction,
    Number,
    Pair,
    Percent,
    Positive,
    Record,
    Size,
    Text,
    Week,
)
from rodnan.evidence.records.vocabulary import RATIO_MEASURES, Measure, known_unit

__all__ = ["AdverseEvent", "ModelEstimate", "Outcome", "Spread", "StandardError", "Withdrawal"]

NORMAL_90 = 1.6448536269514722
NORMAL_95 = 1.959963984540054


class StandardError(NamedTuple):
    """A standard error, and whether it was computed here rather than printed by the source."""

    value: float
    derived: bool


class _Counted(Record):
    """A number of patients, perhaps of so many."""

    n: Count | None = None
    of: Count | None = None

    @model_validator(mode="after")
    def _not_more_than_all(self) -> Any:
        if self.n is not None and self.of is not None and self.n > self.of:
            raise ValueError(f"n ({self.n}) is larger than of ({self.of})")
        return self


class Spread(_Counted):
    """A number with whatever spread its source gave; missing ones are None, never made up."""

    mean: Number | None = None
    median: Number | None = None
    value: Number | None = None
    sd: Size | None = None
    se: Size | None = None
    iqr: Pair | None = None
    range: Pair | None = None
    ci95: Pair | None = None
    pct: Percent | None = None
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
            raise ValueError(f"the mean ({self.mean:g}) lies outside its own 95 % interval {list(self.ci95)}")
        return self


class Outcome(Spread):
    """One published result, of an arm or a comparison; a lone `direction` is a result of known sign only."""

    endpoint: Text
    measure: Measure
    arm: str | None = None
    arms: tuple[str, ...] | None = None
    week: Week | None = None
    p: Fraction | None = None
    p_below: Fraction | None = None
    direction: str | None = None
    adjusted: bool = False
    analysis: str | None = None
    pairs: tuple[tuple[Number, ...], ...] | None = None
    mean_above: Number | None = None

    @model_validator(mode="after")
    def _arm_or_arms(self) -> Any:
        if (self.arm is None) == (self.arms is None):
            raise ValueError("give either 'arm' or 'arms'")
        return self

    @property
    def standard_error(self) -> StandardError | None:
        """Standard error on the scale of the mean.

        Printed, else from the 95 % interval, else from sd and n (both said to be derived); None without any.
        A ratio has one on the logarithmic scale: :attr:`log_standard_error`.
        """
        if self.se is not None:
            return StandardError(self.se, False)
        if self.measure in RATIO_MEASURES:
            return None
        if self.ci95 is not None:
            return StandardError((self.ci95[1] - self.ci95[0]) / (2 * NORMAL_95), True)
        if self.sd is not None and self.n:
            return StandardError(self.sd / math.sqrt(self.n), True)
        return None

    @property
    def log_standard_error(self) -> StandardError | None:
        """Standard error of the logarithm of a ratio, from its 95 % interval; None for other measures."""
        if self.measure not in RATIO_MEASURES or self.ci95 is None or self.ci95[0] <= 0:
            return None
        return StandardError((math.log(self.ci95[1]) - math.log(self.ci95[0])) / (2 * NORMAL_95), True)

    @property
    def interval90(self) -> tuple[float, float] | None:
        """90 % confidence interval of the mean by the normal distribution; None without mean or spread."""
        if self.mean is None:
            return None
        logarithmic = self.log_standard_error
        if logarithmic is not None and self.mean > 0:
            factor = math.exp(NORMAL_90 * logarithmic.value)
            return self.mean / factor, self.mean * factor
        error = self.standard_error
        if error is None:
            return None
        return self.mean - NORMAL_90 * error.value, self.mean + NORMAL_90 * error.value


class AdverseEvent(_Counted):
    """How often something harmful happened in an arm."""

    event: Text
    arm: str
    pct: Percent | None = None
    events: Count | None = None
    rate: Size | None = None
    ci95: Pair | None = None
    exposure_py: Positive | None = None
    week: Week | None = None
    definition: str | None = None
    description: str | None = None
    basis: Basis
    derived: bool = False
    note: str | None = None

    @property
    def percent(self) -> float | None:
        """Patients with the event per hundred, from n and of or as printed; None when neither is known."""
        if self.n is not None and self.of:
            return 100.0 * self.n / self.of
        return self.pct


class Withdrawal(_Counted):
    """How many left an arm, and why."""

    arm: str
    pct: Percent | None = None
    range_pct: Pair | None = None
    week: Week | None = None
    reason: str
    basis: Basis
    derived: bool = False
    note: str | None = None


class ModelEstimate(Record):
    """A parameter that the source's own statistical model estimated."""

    parameter: Text
    mean: Number
    se: Positive | None = None
    unit: str | None = None
    basis: Basis
    derived: bool = False
    note: str | None = None
