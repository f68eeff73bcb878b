"""Who the virtual patients are before any trial selects them: subset, antibody, sex, age, body size, blood counts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rodnan.engine.keys import normals, uniforms
from rodnan.population.phenotypes import draw_phenotypes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["ANTIBODIES", "CovariateRow", "covariate_table", "draw_covariates"]

ANTIBODIES = ("ata", "aca", "rnap3", "other")
"""Autoantibody codes, in the order of their integer codes."""


class CovariateRow(BaseModel):
    """One number of the covariate distributions, with its basis and source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: float
    unit: str = Field(min_length=1)
    basis: Literal["read", "recalled", "assumed", "estimated"]
    source: str = Field(min_length=4)


@lru_cache(maxsize=1)
def covariate_table() -> Mapping[str, CovariateRow]:
    """Return the rows of the covariate distributions by name."""
    import yaml

    text = files("rodnan.population").joinpath("covariates.yaml").read_text(encoding="utf-8")
    loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    rows = [CovariateRow.model_validate(row) for row in loaded["rows"]]
    return MappingProxyType({row.name: row for row in rows})


def draw_covariates(seed: int, cohort: str, patients: NDArray[np.integer]) -> dict[str, Array]:
    """Draw the covariates of patients.

    Parameters
    ----------
    seed, cohort
        Random stream.
    patients
        int[n], patient numbers; each row depends on its own number only.

    Returns
    -------
    dict
        float64[n] by name: ``dcssc`` (1 diffuse), ``antibody`` (index into `ANTIBODIES`), ``sex`` (1 male), ``age``
        (year), ``weight`` (kg), ``height`` (cm), ``bsa`` (m2, Mosteller), ``albumin`` (g/L), ``crcl`` (L/h, Cockcroft
        and Gault), ``ild_prone``, ``dlco_healthy`` (%), ``haq_level``, ``anc``, ``lymphocytes``,
        ``other_leukocytes`` (1e9/L), and the phenotypes of `rodnan.population.phenotypes` at European frequencies.
    """
    table = {name: row.value for name, row in covariate_table().items()}
    u = uniforms(seed, cohort, "covariates/classes", patients, 4)
    z = normals(seed, cohort, "covariates/sizes", patients, 9)
    dcssc = (u[:, 0] < table["dcssc_share"]).astype(float)

    def by_subset(name: str) -> Array:
        return np.where(dcssc == 1, table[f"{name}_given_dcssc"], table[f"{name}_given_lcssc"])

    bounds = np.cumsum([by_subset("ata"), by_subset("aca"), by_subset("rnap3")], axis=0)
    antibody = (u[:, 1] >= bounds).sum(axis=0).astype(float)
    male = (u[:, 2] >= by_subset("female")).astype(float)
    prone_share = np.array([table[f"ild_prone_{name}"] for name in ANTIBODIES])[antibody.astype(int)]

    def by_sex(name: str) -> Array:
        return np.where(male == 1, table[f"{name}_male"], table[f"{name}_female"])

    weight_sd = table["weight_log_sd"]
    weight = by_sex("weight_mean") * np.exp(weight_sd * z[:, 1] - weight_sd**2 / 2)
    height = by_sex("height_mean") + table["height_sd"] * (0.35 * z[:, 1] + np.sqrt(1 - 0.35**2) * z[:, 2])
    age = _truncated_normal(table, z[:, 0])
    creatinine = table["creatinine_median"] * np.exp(table["creatinine_log_sd"] * z[:, 4])
    crcl_ml_min = (140 - age) * weight / (72 * creatinine) * np.where(male == 1, 1.0, 0.85)
    return {
        "dcssc": dcssc,
        "antibody": antibody,
        "sex": male,
        "age": age,
        "weight": weight,
        "height": height,
        "bsa": np.sqrt(weight * height / 3600.0),
        "albumin": table["albumin_mean"] + table["albumin_sd"] * z[:, 3],
        "crcl": crcl_ml_min * 0.06,
        "ild_prone": (u[:, 3] < prone_share).astype(float),
        "dlco_healthy": table["dlco_healthy_mean"] + table["dlco_healthy_sd"] * z[:, 5],
        "haq_level": table["haq_level_mean"] + table["haq_level_sd"] * z[:, 6],
        "anc": table["anc_median"] * np.exp(table["anc_log_sd"] * z[:, 7]),
        "lymphocytes": table["lymphocytes_median"] * np.exp(table["lymphocytes_log_sd"] * z[:, 8]),
        "other_leukocytes": np.full(len(age), table["other_leukocytes"]),
        **draw_phenotypes(seed, cohort, patients),
    }


def _truncated_normal(table: Mapping[str, float], z: Array) -> Array:
    """Return ages: a normal distribution cut at both ends, by inversion (monotone in z)."""
    from scipy.special import ndtr, ndtri

    low = ndtr((table["age_low"] - table["age_mean"]) / table["age_sd"])
    high = ndtr((table["age_high"] - table["age_mean"]) / table["age_sd"])
    return table["age_mean"] + table["age_sd"] * ndtri(low + ndtr(z) * (high - low))
