"""How virtual trials are conducted: the recorded settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rodnan.errors import TrialError, nearest_name

__all__ = ["Conduct", "conduct_settings"]


class SettingRow(BaseModel):
    """One setting with its basis and source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: float
    unit: str = Field(min_length=1)
    basis: Literal["read", "recalled", "assumed", "estimated"]
    source: str = Field(min_length=4)


@dataclass(frozen=True)
class Conduct:
    """Settings by name."""

    rows: Mapping[str, SettingRow]

    def __getitem__(self, name: str) -> float:
        try:
            return self.rows[name].value
        except KeyError:
            raise TrialError(
                "RDN-T010", "no such conduct setting", value=name, nearest=nearest_name(name, self.rows)
            ) from None

    def dropout_of(self, drug: str) -> float:
        """Return the extra hazard of leaving while on a drug (1/year); none on record counts as zero."""
        row = self.rows.get(f"dropout_{drug}")
        return row.value if row else 0.0


@lru_cache(maxsize=1)
def conduct_settings() -> Conduct:
    """Return the settings that ship with the package."""
    import yaml

    text = files("rodnan.trial").joinpath("settings.yaml").read_text(encoding="utf-8")
    loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    rows = [SettingRow.model_validate(row) for row in loaded["rows"]]
    return Conduct(MappingProxyType({row.name: row for row in rows}))
