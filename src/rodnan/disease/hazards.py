"""Hazard of death: a background that grows with age, times the published hazard ratios of disease state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["death_hazard"]

BASE_PER_YEAR = 0.0039
"""Hazard at age 52 for a woman without risk factors, 1/year; calibrated to survival 91 % (diffuse) and 97 % (limited) at
5 years from the first symptom (PMC4985378); basis: estimated."""
PER_YEAR_OF_AGE = np.log(1.05)
MALE = np.log(1.56)
FVC_BELOW_70 = np.log(2.60)
DLCO_BELOW_70 = np.log(2.00)
SKIN_PROGRESSOR = np.log(2.58)
"""Log hazard ratios read in EUSTAR (PMC6517861, table 2)."""


def death_hazard(age: Array, male: Array, fvc: Array, dlco: Array, skin_progressor: Array) -> Array:
    """Return the hazard of death, 1/day.

    Parameters
    ----------
    age
        Age now (year).
    male
        1 for men.
    fvc, dlco
        % of predicted.
    skin_progressor
        1 if the skin score rose by more than 5 units and 25 % within a year.
    """
    log_ratio = (
        PER_YEAR_OF_AGE * (age - 52.0)
        + MALE * male
        + FVC_BELOW_70 * (fvc < 70.0)
        + DLCO_BELOW_70 * (dlco < 70.0)
        + SKIN_PROGRESSOR * skin_progressor
    )
    return BASE_PER_YEAR / 365.25 * np.exp(log_ratio)
