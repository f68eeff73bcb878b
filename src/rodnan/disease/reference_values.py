"""Predicted lung volumes of healthy people, for readings in litres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["fvc_predicted_litres"]


def fvc_predicted_litres(age: Array, height: Array, male: Array) -> Array:
    """Return the predicted FVC of Caucasian adults in litres (Hankinson and others, Am J Respir Crit Care Med 1999;159:179).

    Parameters
    ----------
    age
        Year.
    height
        cm.
    male
        1 for men.

    Returns
    -------
    float64, broadcast shape
        NHANES III equations for men from 20 and women from 18 years (coefficients recalled, to be checked).
    """
    men = -0.1933 + 0.00064 * age - 0.000269 * age**2 + 0.00018642 * height**2
    women = -0.3560 + 0.01870 * age - 0.000382 * age**2 + 0.00014815 * height**2
    return np.where(np.asarray(male) == 1, men, women)
