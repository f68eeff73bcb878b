"""Sobol indices of the summaries: which coordinate's uncertainty makes theirs, alone and with all others."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from rodnan.calibration.bayes.emulator import Emulator
from rodnan.calibration.bayes.posterior import Problem
from rodnan.calibration.sensitivity.local import readouts
from rodnan.errors import CalibrationError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["sobol_indices"]


def sobol_indices(
    problem: Problem,
    keys: Sequence[str],
    *,
    count: int = 512,
    seed: int = 1,
    centre: ArrayLike | None = None,
    spread: ArrayLike | None = None,
    emulator: Emulator | None = None,
) -> list[dict[str, Any]]:
    """Return first-order and total Sobol indices on the emulator, with 95 % half-widths.

    Parameters
    ----------
    problem
        Prior and emulator; coordinates that its variant holds stay where they are.
    keys
        Summaries to explain, or differences of two (``<summary> minus <summary>``).
    count
        Base points N of the design of N (d + 2) evaluations; a power of two.
    seed
        Of the design and of the resampling behind the half-widths.
    centre, spread
        float64[d_free] of independent normals on the standard-normal scale: the prior (0 and 1) when None, or the mean and
        standard deviation of a posterior.
    emulator
        Of the summaries, where it is not the problem's (which knows only what was observed).

    Returns
    -------
    list of dict
        Rows ``summary, coordinate, first, first_half_width, total, total_half_width``, largest total first within a summary.

    Raises
    ------
    CalibrationError
        RDN-C045 without the extra ``calibrate``; RDN-C036 for a summary that the emulator does not know.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from SALib.analyze import sobol as analysis
            from SALib.sample import sobol as sample
    except ImportError as error:
        raise CalibrationError(
            "RDN-C045", "the sensitivities need the extra calibrate: pip install 'rodnan[calibrate]'"
        ) from error

    chosen, weights = readouts(emulator or problem.emulator, keys)
    free = problem.free
    d = len(free)
    names = [problem.prior.coordinate_names[k] for k in free]
    space = {"num_vars": d, "names": names, "bounds": [[0.0, 1.0]] * d}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        uniform = sample.sample(space, count, calc_second_order=False, seed=seed)
    normal = special.ndtri(np.clip(uniform, 1e-9, 1 - 1e-9))
    middle = np.zeros(d) if centre is None else np.asarray(centre, dtype=np.float64)
    size = np.ones(d) if spread is None else np.asarray(spread, dtype=np.float64)
    inputs = _inputs(problem, middle + size * normal)
    parts = np.array_split(inputs, 1 + len(inputs) // 4096)
    values = np.concatenate([chosen.predict(part)[0] @ weights.T for part in parts])
    rows: list[dict[str, Any]] = []
    for j, key in enumerate(keys):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = analysis.analyze(space, values[:, j], calc_second_order=False, seed=seed)
        order = np.argsort(-np.asarray(found["ST"]), kind="stable")
        rows += [
            {
                "summary": key,
                "coordinate": names[k],
                "first": float(found["S1"][k]),
                "first_half_width": float(found["S1_conf"][k]),
                "total": float(found["ST"][k]),
                "total_half_width": float(found["ST_conf"][k]),
            }
            for k in order
        ]
    return rows


def _inputs(problem: Problem, z: Array) -> Array:
    """Return emulator inputs float64[n, d] of free coordinates float64[n, d_free]."""
    inputs = np.tile(problem.held_inputs(), (len(z), 1))
    free = problem.free
    bounded = problem.prior.bounded[free]
    inputs[:, free] = np.where(bounded, -special.ndtri(0.5 * special.ndtr(-z)), z)
    return inputs
