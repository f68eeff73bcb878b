"""From covariates and random effects to each patient's own disease parameters and activity flares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease.equations import INDIVIDUAL
from rodnan.disease.parameters import ParameterSet
from rodnan.engine.keys import normals
from rodnan.population.covariates import ANTIBODIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["FLARE_GRID", "RandomEffects", "draw_effects", "flare_paths", "patient_parameters"]

FLARE_GRID = 10
"""Days between the points of a flare path; the flare is constant in between."""

RandomEffects = Mapping[str, "Array"]


def draw_effects(
    seed: int, cohort: str, patients: NDArray[np.integer], flare_points: int
) -> dict[str, Array]:
    """Draw the standard normal random effects of patients; parameters turn them into patients later.

    Parameters
    ----------
    seed, cohort
        Random stream.
    patients
        int[n], patient numbers.
    flare_points
        Points of a flare path.

    Returns
    -------
    dict
        ``parameters`` float64[n, 10], ``flare`` and ``lung_flare`` float64[n, flare_points].
    """
    return {
        "parameters": normals(seed, cohort, "random-effects", patients, 10),
        "flare": normals(seed, cohort, "flare", patients, flare_points),
        "lung_flare": normals(seed, cohort, "lung-flare", patients, flare_points),
    }


def patient_parameters(
    parameters: ParameterSet, covariates: Mapping[str, Array], effects: RandomEffects
) -> tuple[Array, dict[str, Array]]:
    """Return each patient's own parameters.

    Parameters
    ----------
    parameters
        Typical values and spreads.
    covariates
        From `rodnan.population.covariates.draw_covariates`.
    effects
        From `draw_effects`.

    Returns
    -------
    individual
        float64[n, len(INDIVIDUAL)], as the kernel takes them.
    other
        float64[n] by name: ``fvc_healthy`` (%), ``t_lead`` (day).
    """
    p, z = parameters, effects["parameters"]
    antibody = covariates["antibody"].astype(int)
    ata = (antibody == ANTIBODIES.index("ata")).astype(float)
    rnap3 = (antibody == ANTIBODIES.index("rnap3")).astype(float)
    diffuse, prone = covariates["dcssc"] == 1, covariates["ild_prone"] == 1
    g_s = np.where(diffuse, p["g_s_diffuse"], p["g_s_limited"])
    g_l = np.where(prone, p["g_l_prone"], p["g_l_other"])
    own = {
        "a": p["a"] * np.exp(p["omega_a"] * z[:, 0]),
        "tauD": p["tauD"] * np.exp(p["omega_tauD"] * z[:, 1] + p["rnap3_on_tauD"] * rnap3),
        "d_inf": _logit_spread(p["d_inf"], p["omega_d_inf"] * z[:, 2]),
        "g_s": g_s * np.exp(p["omega_g_s"] * z[:, 3] + p["rnap3_on_g_s"] * rnap3),
        "g_l": g_l
        * np.exp(p["omega_g_l"] * z[:, 4] + p["male_on_g_l"] * covariates["sex"] + p["ata_on_g_l"] * ata),
        "psi_s": _logit_spread(p["psi_s"], p["omega_psi"] * z[:, 5]),
        "psi_l": _logit_spread(p["psi_l"], p["omega_psi"] * z[:, 6]),
        "kC_s": p["kC_s"] * np.exp(p["omega_kC"] * z[:, 7]),
        "kC_l": p["kC_l"] * np.exp(p["omega_kC"] * z[:, 7]),
        "sl": np.where(ata == 1, p["sl_ata"], p["sl_other"]),
    }
    other = {
        "fvc_healthy": p["fvc_healthy"] + p["sd_fvc_healthy"] * z[:, 8],
        "t_lead": p["t_lead"] * np.exp(p["omega_t_lead"] * z[:, 9]),
    }
    return np.column_stack([own[name] for name in INDIVIDUAL]), other


def _logit_spread(centre: float, shift: Array) -> Array:
    return 1.0 / (1.0 + (1.0 - centre) / centre * np.exp(-shift))


def flare_paths(parameters: ParameterSet, effects: RandomEffects) -> dict[str, Array]:
    """Return the activity flares of each patient: lognormal Ornstein-Uhlenbeck paths with mean one.

    The path is exact on its grid: ``z' = z exp(-dt/tau) + s sqrt(1 - exp(-2 dt/tau)) e``, started in its stationary
    distribution; ``flare = exp(z - s^2/2)``.

    Returns
    -------
    dict
        ``flare``, ``lung_flare``: float64[points, n], one value for each `FLARE_GRID` days since onset.
    """
    paths = {}
    for name, spread, memory in (("flare", "s_flare", "tau_flare"), ("lung_flare", "s_lung", "tau_lung")):
        s, keep = parameters[spread], np.exp(-FLARE_GRID / parameters[memory])
        z = s * np.sqrt(1 - keep**2) * effects[name].T
        z[0] = s * effects[name][:, 0]
        for point in range(1, len(z)):
            z[point] += keep * z[point - 1]
        paths[name] = np.exp(z - s**2 / 2)
    return paths
