"""The workload on Rodnan's engine: exact kinetics, moments of the effect, and the lane kernel that the disease model uses.

The disease equations are the text of `workload.definition`, made symbolic and compiled by
`rodnan.engine.compile.lane_source`. The concentration after each dose is a sum of three exponentials whose amplitudes
are known in closed form. The mean of the effect over each step and its first moment come from Gauss nodes (in the square
root of time after a dose, where the concentration rises steeply); the kernel then sees an effect linear within a step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numpy as np

from rodnan.engine.batch import default_workers
from rodnan.engine.compile import LANES, SymbolicSystem, lane_source
from rodnan.engine.compile.cache import load_kernel, source_key
from workload import definition
from workload.definition import (
    CONSTANT,
    DISEASE,
    DOSES,
    INTERVAL,
    OUTPUT_TIMES,
    PARAMETERS,
    SHARED,
    STATES,
    initial_state,
)
from workload.spelling import endless_modes

__all__ = ["kernel", "run", "workload_system"]

AFTER_DOSE, LATER = 10, 6
"""Nodes in the first step after a dose, and in the steps after that."""

DOSES_A_CALL = 14 * 8
"""Doses whose moments are in memory at a time: eight weeks."""

OWN = tuple(name for name in PARAMETERS if name not in ("ka", "clearance", "v1", "exchange", "v2", "ic50"))
"""Individual parameters of the disease equations."""


def workload_system() -> SymbolicSystem:
    """Return the 19 disease equations symbolically; their one input is the effect."""
    from sympy import Pow, Symbol, sympify

    names = {n: Symbol(n, nonnegative=True) for n in (*STATES, *OWN, *CONSTANT, "effect")}
    for name, text in SHARED.items():
        names[name] = sympify(text, locals=names | {"pow": Pow})
    return SymbolicSystem(
        states=STATES,
        individual=OWN,
        population=tuple(CONSTANT),
        inputs=("effect",),
        rhs={state: sympify(text, locals=names | {"pow": Pow}) for state, (_, text) in DISEASE.items()},
    )


@lru_cache(maxsize=2)
def kernel(precision: str) -> ModuleType:
    """Return the compiled kernel of the equations in ``float64`` or ``float32``."""
    import numba

    from rodnan.engine.compile import bits, lanes, statements

    sources = [Path(str(m.__file__)) for m in (bits, lanes, statements, definition)]
    key = source_key(sources, precision, numba.__version__, hashlib.sha256(str(OWN).encode()).hexdigest())
    return load_kernel(
        f"workload_{precision}",
        key,
        lambda: lane_source(workload_system(), precision=precision, linear_inputs=True),
    )


def nodes(steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the quadrature of an interval between doses, split into steps.

    Returns
    -------
    time, mean, change : float64[k]
        Time after the dose (days); weights for the mean of a step and for its change from start to end.
    last : int64[steps]
        End of each step's nodes.
    """
    time, mean, change, last = [], [], [], []
    length = INTERVAL / steps
    for step in range(steps):
        u, g = np.polynomial.legendre.leggauss(AFTER_DOSE if step == 0 else LATER)
        u, g = (u + 1) / 2, g / 2
        x, w = (u * u, 2 * u * g) if step == 0 else (u, g)
        time.append((step + x) * length)
        mean.append(w)
        change.append(12 * w * (x - 0.5))
        last.append(sum(map(len, time)))
    return np.concatenate(time), np.concatenate(mean), np.concatenate(change), np.array(last)


@lru_cache(maxsize=2)
def driver(precision: str) -> Callable:
    """Return the compiled loop over blocks of patients."""
    from numba import njit

    advance = kernel(precision).advance
    real = np.dtype(precision).type
    width = np.uint64(LANES)
    zero, one = real(0), real(1)

    @njit(nogil=True, error_model="numpy", cache=False)
    def moments(kinetic, decayed, grown, faded, mean, change, last, series, count):
        """Fill mean and change of the effect in each step of `count` doses; `decayed` is carried on.

        Once the decayed part is lost in rounding, every dose has the moments of the one before, to the bit.
        """
        steps = len(last)
        for dose in range(count):
            settled = True
            for i in range(3 * LANES):
                decayed[i] *= kinetic[3 * LANES + i]
                now = kinetic[i] * (one - decayed[i])
                settled &= now == grown[i]
                grown[i] = now
            if settled and dose > 0:
                for step in range(steps):
                    series[dose * steps + step] = series[(dose - 1) * steps + step]
                continue
            node = 0
            for step in range(steps):
                row = series[dose * steps + step]
                for lane in range(2 * LANES):
                    row[lane] = zero
                while node < last[step]:
                    at = faded[node]
                    a, b = mean[node], change[node]
                    for lane in range(width):
                        conc = grown[lane] * at[lane] + grown[LANES + lane] * at[LANES + lane]
                        conc += grown[2 * LANES + lane] * at[2 * LANES + lane]
                        effect = conc / (kinetic[6 * LANES + lane] + conc)
                        row[lane] += a * effect
                        row[LANES + lane] += b * effect
                    node += 1

    @njit(nogil=True, error_model="numpy", cache=False)
    def go(first, end, start, own, constants, kinetic, faded, mean, change, last, length, weeks, out):
        steps = len(last)
        none = np.zeros(1, real)
        active = np.zeros(1, np.int64)
        unsplit = np.ones((0, LANES), np.int64)
        series = np.empty((DOSES_A_CALL * steps, 2 * LANES), real)
        decayed, grown = np.empty(3 * LANES, real), np.empty(3 * LANES, real)
        state = np.empty(len(start), real)
        kept = np.empty((len(out[0]), len(start)), real)
        kept[0] = start
        for block in range(first, end):
            state[:] = start
            decayed[:] = one
            grown[:] = zero
            done = 0
            while done < DOSES:
                count = min(DOSES_A_CALL, DOSES - done)
                moments(kinetic[block], decayed, grown, faded[block], mean, change, last, series, count)
                week = done // 14
                advance(
                    state, own[block], constants, none, active, series[: count * steps], count * steps, 1, length,
                    unsplit, LANES,
                    weeks[: count // 14], kept[week + 1 : week + 1 + count // 14],
                )  # fmt: skip
                done += count
            for patient in range(block * LANES, min((block + 1) * LANES, len(out))):
                for week in range(len(kept)):
                    for i in range(len(start) // LANES):
                        out[patient, week, i] = kept[week, i * LANES + patient - block * LANES]

    return go


def run(patients: np.ndarray, hours: float, dtype: type) -> np.ndarray:
    """Compute the workload.

    Parameters
    ----------
    patients
        float64[n, 16], individual parameters.
    hours
        Length of a step: 12 divided by a whole number.
    dtype
        ``numpy.float64`` or ``numpy.float32``: type of all that is computed step by step.

    Returns
    -------
    ndarray, shape (n, 105, 19)
        All states once a week.
    """
    n, steps = len(patients), round(24 * INTERVAL / hours)
    blocks = -(-n // LANES)
    take = np.minimum(np.arange(blocks * LANES), n - 1)

    def laned(table: np.ndarray) -> np.ndarray:
        """Return float[blocks, columns * LANES] of float64[n, columns]."""
        shape = (blocks, LANES, table.shape[1])
        return np.ascontiguousarray(table[take].reshape(shape).transpose(0, 2, 1), dtype).reshape(blocks, -1)

    rates, weights = endless_modes(patients)
    time, mean, change, last = nodes(steps)
    ic50 = patients[:, [PARAMETERS.index("ic50")]]
    kinetic = laned(np.concatenate([weights, np.exp(-rates * INTERVAL), ic50], axis=1))
    faded = laned(np.exp(-rates[:, None, :] * time[None, :, None]).reshape(n, -1))
    own = laned(patients[:, [PARAMETERS.index(name) for name in OWN]])
    start = np.repeat(initial_state(), LANES).astype(dtype)
    out = np.empty((n, len(OUTPUT_TIMES), len(STATES)), dtype)
    weeks = np.arange(1, DOSES_A_CALL // 14 + 1) * 14 * steps
    go = driver(np.dtype(dtype).name)
    cuts = np.linspace(0, blocks, min(blocks, 8 * default_workers()) + 1).astype(int)

    def part(i: int) -> None:
        go(
            cuts[i], cuts[i + 1], start, own, np.array(list(CONSTANT.values()), dtype), kinetic,
            faded.reshape(blocks, len(time), -1), mean.astype(dtype), change.astype(dtype), last,
            INTERVAL / steps, weeks, out,
        )  # fmt: skip

    with ThreadPoolExecutor(default_workers()) as pool:
        list(pool.map(part, range(len(cuts) - 1)))
    return out
