"""What the patients of an arm were given."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from rodnan.evidence.records.base import Count, Fraction, Positive, Record, Text, Week
from rodnan.evidence.records.vocabulary import known_dose_unit, known_interval

__all__ = ["Arm", "BackgroundDrug", "RegimenItem"]

Doses = Annotated[tuple[Positive, ...], Field(min_length=1)]


class RegimenItem(Record):
    """One drug at one dose and interval; a list of doses is the span or the levels that were given.

    `rules` says in words by what the dose is held, reduced, resumed or stopped; a virtual trial acts on it.
    """

    drug: Text
    route: str | None = None
    dose: Positive | Doses | None = None
    unit: str | None = None
    interval: Positive | None = None
    interval_unit: str | None = None
    start_week: Week | None = None
    stop_week: Week | tuple[Week, Week] | None = None
    titration: str | None = None
    rules: str | None = None
    preparation: str | None = None
    as_given: str | None = None
    note: str | None = None

    @field_validator("unit")
    @classmethod
    def _dose_unit(cls, unit: str | None) -> str | None:
        return None if unit is None else known_dose_unit(unit)

    @field_validator("interval_unit")
    @classmethod
    def _interval_unit(cls, unit: str | None) -> str | None:
        return None if unit is None else known_interval(unit)

    @model_validator(mode="after")
    def _stops_after_it_starts(self) -> Any:
        if self.start_week is not None and self.stop_week is not None:
            last = max(self.stop_week) if isinstance(self.stop_week, tuple) else self.stop_week
            if last < self.start_week:
                raise ValueError(f"stop_week ({last:g}) lies before start_week ({self.start_week:g})")
        if self.dose is not None and self.unit is None:
            raise ValueError("a dose needs a unit")
        return self


class BackgroundDrug(Record):
    """A drug that a share of the patients took besides."""

    drug: Text
    share: Fraction | None = None


class Arm(Record):
    """One arm, or a subgroup of one."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+\-]*$")]
    label: str
    n: Count | None = None
    regimen: tuple[RegimenItem, ...] = ()
    background: tuple[str | BackgroundDrug, ...] = ()
    subgroup_of: str | None = None
