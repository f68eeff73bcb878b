"""Entry rules of studies and cohorts, from their table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rodnan.errors import PopulationError, nearest_name
from rodnan.evidence import Study
from rodnan.population.enrol import Moment, Range
from rodnan.units import convert

__all__ = ["EntryRules", "entry_rules", "entry_table", "study_entry"]


class EntryRecord(BaseModel):
    """Entry rules of one study: filters on observed values and published moments."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filters: dict[str, tuple[float, float]]
    moments: dict[str, tuple[float, float | None]] = {}
    source: str = Field(min_length=4)
    basis: Literal["read", "recalled", "assumed", "estimated"]


@dataclass(frozen=True)
class EntryRules:
    """Filters and moments as `rodnan.population.enrol.weigh` takes them, with their record."""

    filters: tuple[Range, ...]
    moments: tuple[Moment, ...]
    record: EntryRecord

    def softened(self, width: Mapping[str, float]) -> tuple[Range, ...]:
        """Return the filters with rounded edges, for fits that need smooth weights."""
        return tuple(Range(f.variable, f.low, f.high, width.get(f.variable, 0.0)) for f in self.filters)


@lru_cache(maxsize=1)
def entry_table() -> Mapping[str, EntryRules]:
    """Return all entry rules by study or cohort."""
    import yaml

    text = files("rodnan.population").joinpath("entries.yaml").read_text(encoding="utf-8")
    loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    table = {}
    for name, row in loaded["entries"].items():
        record = EntryRecord.model_validate(row)
        table[name] = EntryRules(
            tuple(Range(v, low, high) for v, (low, high) in record.filters.items()),
            tuple(Moment(v, mean, sd, basis=record.basis) for v, (mean, sd) in record.moments.items()),
            record,
        )
    return MappingProxyType(table)


def entry_rules(study: str) -> EntryRules:
    """Return the entry rules of a study.

    Raises
    ------
    PopulationError
        RDN-P004 when none are on record.
    """
    table = entry_table()
    if study not in table:
        raise PopulationError(
            "RDN-P004",
            "no entry rules on record for this study",
            value=study,
            nearest=nearest_name(study, table),
        )
    return table[study]


_FROM_BASELINE = {
    "age": ("age", 1.0),
    "female_pct": ("female", 0.01),
    "dcssc_pct": ("dcssc", 0.01),
    "disease_duration": ("disease_duration", 1.0),
    "fvc_pct_pred": ("fvc_pct_pred", 1.0),
    "mrss": ("mrss", 1.0),
    "dlco_pct_pred": ("dlco_pct_pred", 1.0),
    "scl70_pct": ("scl70", 0.01),
    "weight": ("weight", 1.0),
}
"""Baseline variable of a study record -> variable of a candidate, and the factor between their units."""


def study_entry(study: Study) -> EntryRules:
    """Return the entry rules of a study, its moments taken from the baseline table of its record.

    Parameters
    ----------
    study
        A study record.

    Returns
    -------
    EntryRules
        Moments on record in the entry table are kept for variables that the study's own table does not give.

    Raises
    ------
    PopulationError
        RDN-P004 when no filters are on record, RDN-P005 when neither table gives any moment.
    """
    rules = entry_rules(study.id)
    moments = {m.variable: m for m in rules.moments}
    for name, (variable, factor) in _FROM_BASELINE.items():
        row = study.baseline(name)
        mean = None if row is None else (row.mean if row.mean is not None else row.value)
        if row is None or mean is None:
            continue
        if name == "disease_duration":
            factor = convert(1.0, row.unit or "year", "year")
        spread = None if row.sd is None or name.endswith("_pct") else row.sd * factor
        moments[variable] = Moment(variable, mean * factor, spread, basis=row.basis)
    if not moments:
        raise PopulationError("RDN-P005", "the record gives no baseline table to enrol to", value=study.id)
    return EntryRules(rules.filters, tuple(moments.values()), rules.record)
