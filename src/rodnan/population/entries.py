"""Entry rules of studies and cohorts, from their table."""

from __future__ import annotations

import re
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


def study_entry(study: Study) -> tuple[EntryRules, tuple[str, ...]]:
    """Return the entry rules of a study, its moments taken from the baseline table of its record.

    Parameters
    ----------
    study
        A study record.

    Returns
    -------
    EntryRules
        Filters on record, else read from the words of the record; moments on record are kept for variables that the
        study's own table does not give.
    tuple of str
        What was assumed.
    """
    assumed: list[str] = []
    rules = entry_table().get(study.id)
    if rules is None:
        rules = _entry_from_words(study)
        said = ", ".join(
            f"{f.variable} {f.low:g} to {f.high:g}" for f in rules.filters if f.variable != "age"
        )
        assumed.append(f"entry rules read from the words of the record: {said or 'adults'}")
    moments = {m.variable: m for m in rules.moments}
    for name, (variable, factor) in _FROM_BASELINE.items():
        row = study.baseline(name)
        mean = None if row is None else (row.mean if row.mean is not None else row.value)
        if row is None or mean is None:
            continue
        if name == "disease_duration":
            factor = convert(1.0, row.unit or "year", "year")
        value = mean * factor
        if not _possible(variable, value, rules.filters):
            assumed.append(
                f"baseline {name} of {value:g} lies outside the entry rules and is not enrolled to"
            )
            continue
        spread = None if row.sd is None or name.endswith("_pct") else row.sd * factor
        moments[variable] = Moment(variable, value, spread, basis=row.basis)
    if not moments:
        assumed.append("no baseline table: patients are those whom the entry rules admit")
    return EntryRules(rules.filters, tuple(moments.values()), rules.record), tuple(assumed)


def _possible(variable: str, value: float, filters: tuple[Range, ...]) -> bool:
    """Return whether a mean can be met inside the filters: a share strictly between 0 and 1, a reading in its range."""
    if variable in ("female", "dcssc", "scl70"):
        held = [f for f in filters if f.variable == variable]
        return 0.02 < value < 0.98 and not held
    return all(f.low <= value <= f.high for f in filters if f.variable == variable)


def _entry_from_words(study: Study) -> EntryRules:
    """Return entry rules from inclusion criteria, condition and title, by the words that trials of the field use."""
    text = " ".join(
        [study.condition, study.acronym, *(study.population.inclusion or ()), study.citation.title or ""]
    )
    text = text.lower()
    filters: dict[str, tuple[float, float]] = {"age": (18.0, 80.0)}
    if re.search(r"\bdiffuse\b|\bdcssc\b", text) and not re.search(r"\blimited\b|\blcssc\b", text):
        filters["dcssc"] = (1.0, 1.0)
    elif re.search(r"\blimited\b|\blcssc\b", text) and not re.search(r"\bdiffuse\b|\bdcssc\b", text):
        filters["dcssc"] = (0.0, 0.0)
    if re.search(r"\bild\b|interstitial|alveolitis|lung|pulmonary fibrosis", text):
        filters["lung_load"] = (5.0, 200.0)
    years = re.search(r"(?:at most|within|less than|<=?|up to|under|below)\s*(\d+(?:\.\d+)?)\s*years?", text)
    months = re.search(r"(?:at most|within|less than|<=?|up to|under|below)\s*(\d+)\s*months?", text)
    if years and float(years[1]) <= 15:
        filters["disease_duration"] = (0.0, float(years[1]))
    elif months and float(months[1]) <= 120:
        filters["disease_duration"] = (0.0, float(months[1]) / 12.0)
    elif re.search(r"\bearly\b|\brecent", text):
        filters["disease_duration"] = (0.0, 3.0)
    score = re.search(r"mrss\s*(?:of at least|at least|>=?|above)\s*(\d+)", text)
    if score:
        filters["mrss"] = (float(score[1]), 51.0)
    lung = re.search(r"fvc\s*(?:below|under|<=?|less than)\s*(\d+)", text)
    if lung:
        filters["fvc_pct_pred"] = (30.0, float(lung[1]))
    record = EntryRecord(filters=filters, source=f"{study.id}: words of the record", basis="assumed")
    return EntryRules(tuple(Range(v, low, high) for v, (low, high) in filters.items()), (), record)
