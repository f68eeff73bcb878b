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
from rodnan.population.enrol import Moment, Range

__all__ = ["EntryRules", "entry_rules", "entry_table"]


class EntryRecord(BaseModel):
    """Entry rules of one study: filters on observed values and published moments."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filters: dict[str, tuple[float, float]]
    moments: dict[str, tuple[float, float | None]]
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
            tuple(Moment(v, mean, sd) for v, (mean, sd) in record.moments.items()),
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
            "RDN-P004", "no entry rules on record for this study", value=study, nearest=nearest_name(study, table)
        )
    return table[study]
