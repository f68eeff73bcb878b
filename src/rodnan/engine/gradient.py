"""Gradients for many patients: blocks of lanes through the adjoint kernel, blocks spread over threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.engine.batch import default_workers
from rodnan.engine.compile.lanes import LANES
from rodnan.errors import EngineError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["pull_back"]


def pull_back(
    kernel: Any,
    y: Array,
    individual: Array,
    population: Array,
    defaults: Array,
    active: NDArray[np.int64],
    series: Array,
    out_days: NDArray[np.int64],
    cotangents: Array,
    *,
    substeps: NDArray[np.int64] | None = None,
    shared: bool = False,
    span: int = 7,
    workers: int | None = None,
) -> tuple[Array, Array, Array]:
    """Return the derivative of a loss by starting states and parameters, given its derivative by the kept states.

    Parameters
    ----------
    kernel
        Module made by `rodnan.engine.compile.adjoint.adjoint_source`.
    y, individual, population, defaults, active, series, substeps, workers
        As in `rodnan.engine.batch.advance`.
    out_days
        int64[n_out], ascending; 0 is before the first day.
    cotangents
        float64[n_out, n, n_states], derivative of the loss by the state after each of `out_days`.
    shared
        Also derive by the parameters that all patients share (slower).
    span
        Days between kept states.

    Returns
    -------
    by_state : float64[n, n_states]
    by_individual : float64[n, n_individual]
    by_population : float64[n, n_population]
        Each patient's share; zero columns where `shared` is false: float64[n, 0].

    Raises
    ------
    EngineError
        RDN-N010 when the cotangents do not fit the kept days, RDN-N003 when a derivative is not finite.
    """
    n, n_states = y.shape
    days = series.shape[0]
    out_days = np.ascontiguousarray(out_days, np.int64)
    if cotangents.shape != (len(out_days), n, n_states) or (
        len(out_days) and (out_days[0] < 0 or out_days[-1] > days or (np.diff(out_days) < 0).any())
    ):
        raise EngineError(
            "RDN-N010",
            f"cotangents must be float64[{len(out_days)}, {n}, {n_states}] for ascending days from 0 to {days}",
            where="cotangents",
            value=cotangents.shape,
        )
    active = np.ascontiguousarray(active, np.int64)
    batches = _batches(n, days, substeps)
    n_individual, n_population = individual.shape[1], len(population)
    by_state, by_individual = np.empty((n, n_states)), np.empty((n, n_individual))
    by_population = np.empty((n, n_population if shared else 0))

    def run(batch: tuple[NDArray[np.int64], NDArray[np.int64]]) -> None:
        who, steps = batch
        lanes = who[np.minimum(np.arange(LANES), len(who) - 1)]
        drive = np.ascontiguousarray(series[:, :, lanes]).reshape(days, len(active) * LANES)
        given = np.ascontiguousarray(cotangents[:, lanes].transpose(0, 2, 1)).reshape(len(out_days), -1)
        state_bar = np.zeros(n_states * LANES)
        individual_bar, population_bar = np.zeros(n_individual * LANES), np.zeros(n_population * LANES)
        kernel.gradient(
            np.ascontiguousarray(y[lanes].T).ravel(), np.ascontiguousarray(individual[lanes].T).ravel(),
            population, defaults, active, drive, steps, span, LANES, out_days, given, shared, state_bar,
            individual_bar, population_bar,
        )  # fmt: skip
        for target, made in ((by_state, state_bar), (by_individual, individual_bar)):
            target[who] = made.reshape(-1, LANES).T[: len(who)]
        if shared:
            by_population[who] = population_bar.reshape(-1, LANES).T[: len(who)]

    threads = min(workers or default_workers(), len(batches))
    if threads <= 1:
        for batch in batches:
            run(batch)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, batches))
    bad = np.flatnonzero(~(np.isfinite(by_state).all(axis=1) & np.isfinite(by_individual).all(axis=1)))
    if len(bad):
        raise EngineError(
            "RDN-N003",
            f"the gradient of {len(bad)} patient(s) is not finite",
            where="patients",
            value=bad[:5].tolist(),
        )
    return by_state, by_individual, by_population


def _batches(
    n: int, days: int, substeps: NDArray[np.int64] | None
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return blocks of patients whose days are split alike, each with its parts a day, int64[days]."""
    if substeps is None:
        groups = [(np.arange(n), np.ones(days, np.int64))]
    else:
        kinds, of = np.unique(np.asarray(substeps, np.int64), axis=1, return_inverse=True)
        groups = [
            (np.flatnonzero(of.ravel() == k), np.ascontiguousarray(kinds[:, k]))
            for k in range(kinds.shape[1])
        ]
    return [(who[i : i + LANES], steps) for who, steps in groups for i in range(0, len(who), LANES)]
