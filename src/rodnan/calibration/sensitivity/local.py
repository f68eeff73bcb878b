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

__all__ = ["MINUS", "jacobian", "local_sensitivities", "readouts"]

MINUS = " minus "
"""Between the names of two summaries whose difference is a readout."""


def readouts(emulator: Emulator, names: Sequence[str]) -> tuple[Emulator, Array]:
    """Return the emulator of the summaries that readouts rest on, and their weights, float64[readouts, summaries].

    A readout is a summary, or the difference of two: ``<summary> minus <summary>``.
    """
    parts = [name.split(MINUS) for name in names]
    keys = tuple(dict.fromkeys(key for pair in parts for key in pair))
    weights = np.zeros((len(names), len(keys)))
    for row, pair in zip(weights, parts, strict=True):
        for sign, key in zip((1.0, -1.0), pair, strict=False):
            row[keys.index(key)] += sign
    return emulator.select(keys), weights


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
        Summaries, or differences of two (`readouts`).
    emulator
        Of the summaries, where it is not the problem's.

    Returns
    -------
    list of dict
        Rows ``summary, coordinate, slope`` (units of the summary), steepest first within a summary.
    """
    of, weights = readouts(emulator or problem.emulator, keys)
    slopes = weights @ jacobian(problem, z, of)
    names = [problem.prior.coordinate_names[k] for k in problem.free]
    return [
        {"summary": key, "coordinate": names[k], "slope": float(slopes[j, k])}
        for j, key in enumerate(keys)
        for k in np.argsort(-np.abs(slopes[j]), kind="stable")
    ]
