"""From true states to what a clinic reads: mRSS, FVC, DLCO, HAQ-DI, cells, and their errors of measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease.parameters import ParameterSet
from rodnan.disease.states import STATE_INDEX

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = [
    "dlco_pct_pred",
    "fvc_pct_pred",
    "haq_di",
    "igg",
    "lung_load",
    "lymphocytes",
    "mrss",
    "neutrophils",
    "observe_fvc",
    "observe_mrss",
    "white_cells",
]


IGG_LEVEL = 11.0
"""g/L of IgG that one unit of the state G1 stands for."""


def _state(y: Array, name: str) -> Array:
    return y[..., STATE_INDEX[name]]


def mrss(parameters: ParameterSet, y: Array, g_s: Array) -> Array:
    """Return the true modified Rodnan skin score, 0 to 51.

    ``Z = es g_s M + C_s + X_s; mRSS = 51 (1 - exp(-Z/51))``.

    Parameters
    ----------
    parameters
        Shared parameters.
    y
        float64[..., n, 33], states.
    g_s
        float64[n], skin susceptibility.
    """
    load = parameters["es"] * g_s * _state(y, "M") + _state(y, "C_s") + _state(y, "X_s")
    return 51.0 * -np.expm1(-load / 51.0)


def lung_load(parameters: ParameterSet, y: Array, g_l: Array) -> Array:
    """Return the lung's matrix and inflammation in log-percent of FVC, shape of ``y[..., 0]``."""
    return parameters["el"] * g_l * _state(y, "M") + _state(y, "C_l") + _state(y, "X_l")


def fvc_pct_pred(parameters: ParameterSet, y: Array, g_s: Array, g_l: Array, fvc_healthy: Array) -> Array:
    """Return the true FVC in % of predicted.

    ``FVC = FVC_h exp(-Z_l/100) - c_w mRSS``: loss by the lung, and by the stiff chest wall.
    """
    load = lung_load(parameters, y, g_l)
    return fvc_healthy * np.exp(-load / 100.0) - parameters["c_w"] * mrss(parameters, y, g_s)


def dlco_pct_pred(parameters: ParameterSet, y: Array, g_l: Array, dlco_healthy: Array) -> Array:
    """Return the true DLCO in % of predicted: ``DL_h exp(-(1.2 Z_l + 12 V)/100)`` (coefficients assumed)."""
    load = lung_load(parameters, y, g_l)
    return dlco_healthy * np.exp(-(1.2 * load + 12.0 * _state(y, "V")) / 100.0)


def haq_di(y: Array, mrss_true: Array, fvc_true: Array, own_level: Array) -> Array:
    """Return the HAQ disability index, 0 to 3 in steps of 0.125 (coefficients derived from ESOS, otherwise assumed)."""
    raw = own_level + 0.033 * mrss_true + 0.010 * np.maximum(0.0, 80.0 - fvc_true) + 0.15 * _state(y, "I")
    return np.round(np.clip(raw, 0.0, 3.0) * 8.0) / 8.0


def neutrophils(y: Array, own_count: Array) -> Array:
    """Return the neutrophil count in 1e9 cells/L."""
    return own_count * _state(y, "N4")


def lymphocytes(y: Array, own_count: Array) -> Array:
    """Return the lymphocyte count in 1e9 cells/L."""
    return own_count * _state(y, "L")


def igg(y: Array) -> Array:
    """Return the IgG of plasma in g/L."""
    return IGG_LEVEL * _state(y, "G1")


def white_cells(y: Array, own_neutrophils: Array, own_lymphocytes: Array, own_others: Array) -> Array:
    """Return the white-cell count in 1e9 cells/L: neutrophils, lymphocytes and the rest (which follow the neutrophils)."""
    return own_neutrophils * _state(y, "N4") + own_lymphocytes * _state(y, "L") + own_others * _state(y, "N4")


def observe_mrss(true: Array, rater_offset: Array, z_within: Array, sd_within: float) -> Array:
    """Return the score a rater writes down: true score, the rater's own offset, within-rater error; whole, 0 to 51."""
    return np.clip(np.rint(true + rater_offset + sd_within * z_within), 0.0, 51.0)


def observe_fvc(true: Array, uniform: Array, scale: float) -> Array:
    """Return the measured FVC in % of predicted: a t-distributed error with 3 degrees of freedom (SLS I series).

    Parameters
    ----------
    true
        True value.
    uniform
        Numbers in (0, 1), turned into errors by inversion.
    scale
        Scale of the error (its standard deviation is ``sqrt(3)`` times as large).
    """
    from scipy.special import stdtrit

    return true + scale * stdtrit(3.0, uniform)
