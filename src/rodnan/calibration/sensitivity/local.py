"""Local sensitivities: how a summary moves when one coordinate moves by a standard deviation of its prior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.bayes.emulator import Emulator
from rodnan.calibration.bayes.posterior import Problem

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["jacobian", "local_sensitivities"]


def jacobian(problem: Problem, z: ArrayLike, emulator: Emulator | None = None) -> Array:
    """Return the derivative of every summary by every free coordinate at z, float64[m, d_free], exact on the emulator."""
    import jax

    of = emulator or problem.emulator
    with jax.enable_x64(True):
        point = np.asarray(z, dtype=np.float64)
        return np.asarray(jax.jit(jax.jacfwd(lambda at: of.mean(problem.inputs(at))))(point))


def local_sensitivities(
    problem: Problem, z: ArrayLike, keys: Sequence[str], *, emulator: Emulator | None = None
) -> list[dict[str, Any]]:
    """Return the change of summaries for one prior standard deviation of each coordinate.

    Parameters
    ----------
    problem
        Prior and emulator.
    z
        Free coordinates of the point, float64[d_free].
    keys
        Summaries.
    emulator
        Of the summaries, where it is not the problem's.

    Returns
    -------
    list of dict
        Rows ``summary, coordinate, slope`` (units of the summary), steepest first within a summary.
    """
    of = (emulator or problem.emulator).select(tuple(keys))
    slopes = jacobian(problem, z, of)
    names = [problem.prior.coordinate_names[k] for k in problem.free]
    return [
        {"summary": key, "coordinate": names[k], "slope": float(slopes[j, k])}
        for j, key in enumerate(keys)
        for k in np.argsort(-np.abs(slopes[j]), kind="stable")
    ]
