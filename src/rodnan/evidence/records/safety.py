"""Hazards and incidences by drug, dose and state."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from rodnan.evidence.records.base import Basis, Count, Number, Record, Text

__all__ = ["SafetyRow", "SafetyTable"]

Numbers = Number | tuple[Number, ...] | tuple[tuple[Number, ...], ...] | dict[str, Number]
Intervals = tuple[Number, Number] | tuple[tuple[Number, Number], ...] | dict[str, tuple[Number, Number]]


class SafetyRow(Record):
    """One observation: how often an event followed an exposure, in whom.

    Several numbers stand in the order of the exposures that `exposure` names; a mapping gives one by time.
    """

    group: Text
    event: Text
    exposure: Text
    measure: Text
    value: Numbers | None = None
    n: Count | tuple[Count, ...] | None = None
    of: Count | tuple[Count, ...] | None = None
    ci95: Intervals | None = None
    unit: str | None = None
    population: Text
    source: Text
    basis: Basis
    note: str | None = None

    @model_validator(mode="after")
    def _counts_fit(self) -> Any:
        n = self.n if isinstance(self.n, tuple) else (self.n,)
        of = self.of if isinstance(self.of, tuple) else (self.of,)
        if len(n) != len(of):
            raise ValueError(f"n has {len(n)} entries, of has {len(of)}")
        for a, b in zip(n, of, strict=True):
            if a is not None and b is not None and a > b:
                raise ValueError(f"n ({a}) is larger than of ({b})")
        if self.value is None and self.n is None:
            raise ValueError("neither a value nor a count is given")
        return self


class SafetyTable(Record):
    """All rows, arithmetic on them, and what no source gave."""

    id: Text
    entries: tuple[SafetyRow, ...]
    derived: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
