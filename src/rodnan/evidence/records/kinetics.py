"""Turnover and pool sizes of cells, proteins and matrix."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from rodnan.evidence.records.base import Basis, Count, Number, Pair, Record, Size, Text, Value

__all__ = ["KineticsRow", "KineticsTable"]


class KineticsRow(Record):
    """One measured or fitted number; a `gap` says that no number is known and none may be made up."""

    group: Text
    what: Text
    value: Value | None = None
    sd: Value | None = None
    range: Pair | None = None
    ci95: Pair | None = None
    female_value: Number | None = None
    female_sd: Size | None = None
    female_range: Pair | None = None
    doubling_time_days: Size | None = None
    doubling_time: str | None = None
    iiv_cv_pct: Size | None = None
    omega2: Size | None = None
    comparator: str | None = None
    unit: str | None = None
    species: str | None = None
    method: str | None = None
    kind: Literal["measured", "model", "gap"] = "measured"
    n: Count | str | None = None
    source: str | None = None
    basis: Basis | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _sourced(self) -> Any:
        if self.kind == "gap":
            if self.value is not None:
                raise ValueError("a gap holds no number")
            return self
        if self.basis is None:
            raise ValueError("basis is missing")
        if self.source is None:
            raise ValueError("source is missing")
        if self.value is not None and self.unit is None:
            raise ValueError("a value needs a unit")
        return self


class KineticsTable(Record):
    """All rows, and arithmetic on them."""

    id: Text
    species_default: str
    entries: tuple[KineticsRow, ...]
    derived: tuple[str, ...] = ()
