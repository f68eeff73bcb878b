"""Criteria of the executable claims as records, and the verdict that a criterion gives on measured numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rodnan.errors import CalibrationError, nearest_name
from rodnan.trial.settings import SettingRow

__all__ = [
    "ClaimCheck",
    "Criterion",
    "Found",
    "Measured",
    "Settings",
    "Verdict",
    "criteria",
    "hazards",
    "judge",
    "settings",
]

Verdict = Literal["holds", "refuted", "not yet"]


class Criterion(BaseModel):
    """What one number of a claim must be.

    Attributes
    ----------
    key, label, unit
        The number.
    low, high
        Where it must lie; both ends belong to it, at least one is given.
    basis, reason
        How the limits are known, and why they are what they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: str = Field(min_length=4)
    unit: str = Field(min_length=1)
    low: float | None = None
    high: float | None = None
    basis: Literal["read", "recalled", "assumed", "estimated"]
    reason: str = Field(min_length=8)

    @model_validator(mode="after")
    def _has_limits(self) -> Criterion:
        if self.low is None and self.high is None:
            raise ValueError("a criterion needs a lower or an upper limit")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("the lower limit lies above the upper one")
        return self

    @property
    def text(self) -> str:
        """The criterion in words."""
        if self.low is None:
            limits = f"at most {self.high:g}"
        elif self.high is None:
            limits = f"at least {self.low:g}"
        else:
            limits = f"{self.low:g} to {self.high:g}"
        return f"{self.label} ({self.unit}): {limits}"

    def met(self, value: float) -> bool:
        """Return whether a value lies within the limits; NaN does not."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def distance(self, value: float) -> float:
        """Return how far a value lies from the nearer limit."""
        return min(abs(value - limit) for limit in (self.low, self.high) if limit is not None)


class ClaimCheck(BaseModel):
    """The executable check of one claim.

    Attributes
    ----------
    id
        Of the claim.
    kind, arguments
        Which experiment, with what.
    parts
        Its criteria; the first is the claim's own number.
    missing
        What the claim asks for and the model cannot express.
    limit
        What holds the model back where the claim is refuted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    kind: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    arguments: dict[str, Any] = {}
    parts: tuple[Criterion, ...] = Field(min_length=1)
    missing: str | None = Field(default=None, min_length=12)
    limit: str | None = Field(default=None, min_length=12)

    @property
    def text(self) -> str:
        """All criteria in words."""
        return "; ".join(part.text for part in self.parts)


class Settings(BaseModel):
    """Size and seed of the shared simulations: seed, patients of the untreated pool, patients of a cohort."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    pool: int = Field(ge=64)
    patients: int = Field(ge=20)


@dataclass(frozen=True)
class Measured:
    """A number from a simulation with its Monte-Carlo standard error (0 where nothing was drawn)."""

    value: float
    error: float = 0.0


@dataclass(frozen=True)
class Found:
    """What an experiment gave.

    Attributes
    ----------
    values
        Numbers by key.
    remark
        What should be read beside them.
    """

    values: Mapping[str, Measured]
    remark: str = ""


@dataclass(frozen=True)
class Judged:
    """A verdict with the part that decided it."""

    verdict: Verdict
    deciding: Criterion
    notes: tuple[str, ...] = ()


def _load(name: str) -> Any:
    import yaml

    text = files("rodnan.calibration.claims").joinpath(name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@lru_cache(maxsize=1)
def criteria() -> Mapping[str, ClaimCheck]:
    """Return the checks by claim, in the order of the record.

    Raises
    ------
    CalibrationError
        RDN-C070 when a claim has two checks.
    """
    table: dict[str, ClaimCheck] = {}
    for row in _load("criteria.yaml")["claims"]:
        check = ClaimCheck.model_validate(row)
        if check.id in table:
            raise CalibrationError(
                "RDN-C070", "a claim has two checks", where="criteria.yaml", value=check.id
            )
        table[check.id] = check
    return MappingProxyType(table)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return size and seed of the simulations on record."""
    return Settings.model_validate(_load("criteria.yaml")["settings"])


@lru_cache(maxsize=1)
def hazards() -> Mapping[str, float]:
    """Return the hazards of harms by name, in the units of their record: those of virtual trials, and the claims' own."""
    from rodnan.trial.harms import harm_hazards

    rows = [SettingRow.model_validate(row) for row in _load("hazards.yaml")["rows"]]
    return MappingProxyType({**harm_hazards(), **{row.name: row.value for row in rows}})


def judge(check: ClaimCheck, found: Found) -> Judged:
    """Return the verdict that a check's criteria give on what was found.

    Parameters
    ----------
    check
        Criteria of a claim.
    found
        Numbers of the experiment.

    Returns
    -------
    Judged
        ``refuted`` when one part lies outside its limits, else ``not yet`` when something is missing, else ``holds``. The
        deciding part is the first that fails, else the first. Notes name a part whose verdict could turn: within two
        Monte-Carlo standard errors of a limit.

    Raises
    ------
    CalibrationError
        RDN-C071 when the experiment did not give a number that a criterion asks for.
    """
    failed: list[Criterion] = []
    notes: list[str] = []
    for part in check.parts:
        if part.key not in found.values:
            raise CalibrationError(
                "RDN-C071",
                "the experiment gives no such number",
                where=f"criteria.yaml: {check.id}",
                value=part.key,
                nearest=nearest_name(part.key, found.values),
            )
        number = found.values[part.key]
        if not part.met(number.value):
            failed.append(part)
        if number.error > 0 and math.isfinite(number.value):
            away = part.distance(number.value)
            if away < 2.0 * number.error:
                notes.append(
                    f"{part.label}: {away:.2g} from its limit with a Monte-Carlo standard error of {number.error:.2g}, "
                    "so that another seed could turn it"
                )
    if failed:
        return Judged("refuted", failed[0], tuple(notes))
    return Judged("not yet" if check.missing else "holds", check.parts[0], tuple(notes))
