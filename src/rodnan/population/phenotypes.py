"""Inherited phenotypes that change the level of a drug: how often they are, and who has which."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rodnan.engine.keys import uniforms
from rodnan.errors import PopulationError, nearest_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["PHENOTYPES", "PhenotypeRow", "draw_phenotypes", "phenotype_rows"]

PHENOTYPES = ("tpmt", "nudt15", "cyp3a5")
"""Covariates that are drawn here; level 0 is the common phenotype (CYP3A5: the enzyme is not expressed)."""


class PhenotypeRow(BaseModel):
    """The share of people of one ancestry who have one phenotype."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    covariate: Literal["tpmt", "nudt15", "cyp3a5"]
    level: int = Field(ge=1)
    label: str = Field(min_length=3)
    ancestry: str = Field(min_length=3)
    value: float = Field(gt=0.0, lt=1.0)
    unit: Literal["fraction"]
    basis: Literal["read", "recalled", "assumed", "estimated"]
    derived: bool = False
    source: str = Field(min_length=4)


@lru_cache(maxsize=1)
def phenotype_rows() -> tuple[PhenotypeRow, ...]:
    """Return the shares on record."""
    import yaml

    text = files("rodnan.population").joinpath("phenotypes.yaml").read_text(encoding="utf-8")
    loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return tuple(PhenotypeRow.model_validate(row) for row in loaded["rows"])


def draw_phenotypes(
    seed: int, cohort: str, patients: NDArray[np.integer], *, ancestry: str = "european"
) -> dict[str, Array]:
    """Draw the inherited phenotypes of patients.

    Parameters
    ----------
    seed, cohort
        Random stream; each phenotype has one of its own, so that adding one changes no other number.
    patients
        int[n], patient numbers.
    ancestry
        Whose frequencies.

    Returns
    -------
    dict
        float64[n] levels by name of ``PHENOTYPES``.

    Raises
    ------
    PopulationError
        ``RDN-P005`` no frequencies of that ancestry.
    """
    known = sorted({row.ancestry for row in phenotype_rows()})
    if ancestry not in known:
        raise PopulationError(
            "RDN-P005",
            f"frequencies of phenotypes are on record for: {', '.join(known)}",
            value=ancestry,
            nearest=nearest_name(ancestry, known),
        )
    found = {}
    for name in PHENOTYPES:
        rows = [row for row in phenotype_rows() if row.covariate == name and row.ancestry == ancestry]
        u = uniforms(seed, cohort, f"phenotype/{name}", patients, 1)[:, 0]
        level, before = np.zeros(len(u)), 0.0
        for row in sorted(rows, key=lambda row: -row.level):  # the rarest first, from below
            level[(u >= before) & (u < before + row.value)] = row.level
            before += row.value
        found[name] = level
    return found
