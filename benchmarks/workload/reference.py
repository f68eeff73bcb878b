"""What counts as exact: DOP853 at 1e-11, restarted at each dose, on all 22 states."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from workload import definition
from workload.definition import DOSE, DOSES, INTERVAL, OUTPUT_EVERY, OUTPUT_TIMES, initial_state

TOLERANCE, ABSOLUTE = 1e-11, 1e-12
CACHE = Path(__file__).resolve().parents[2] / "build" / "benchmarks"


def solve(parameters: np.ndarray) -> np.ndarray:
    """Return the weekly disease states of one patient, shape (105, 19)."""
    import numba
    from scipy.integrate import solve_ivp

    from workload.spelling import disease_function, kinetic_function

    disease, kinetic = numba.njit(disease_function()), numba.njit(kinetic_function())
    v1, ic50 = definition.PARAMETERS.index("v1"), definition.PARAMETERS.index("ic50")

    @numba.njit
    def derivatives(time, y, p):
        conc = y[1] / p[v1]
        return np.array(kinetic(y, p, 0.0) + disease(y[3:], p, conc / (p[ic50] + conc)))

    y, weekly = np.concatenate([np.zeros(3), initial_state()]), [initial_state()]
    for k in range(DOSES):
        y[0] += DOSE
        span = (k * INTERVAL, (k + 1) * INTERVAL)
        got = solve_ivp(
            derivatives, span, y, method="DOP853", rtol=TOLERANCE, atol=ABSOLUTE, args=(parameters,)
        )
        if got.status != 0:
            raise RuntimeError(f"the reference failed after dose {k}: {got.message}")
        y = got.y[:, -1].copy()
        if (k + 1) * INTERVAL % OUTPUT_EVERY == 0:
            weekly.append(y[3:].copy())
    assert len(weekly) == len(OUTPUT_TIMES)
    return np.array(weekly)


def cached_path(patient: int) -> Path:
    """Return where the reference of a patient is kept; the name holds the hash of all that it depends on."""
    text = Path(definition.__file__).read_bytes() + Path(__file__).read_bytes()
    return CACHE / f"reference-{hashlib.sha256(text).hexdigest()[:12]}-{patient}.npy"


def _keep(patient: int) -> None:
    np.save(cached_path(patient), solve(definition.population(patient + 1)[patient]))


def reference(n: int, processes: int = 2) -> np.ndarray:
    """Return the weekly disease states of the first `n` patients, shape (n, 105, 19); computed once and kept."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    CACHE.mkdir(parents=True, exist_ok=True)
    missing = [i for i in range(n) if not cached_path(i).exists()]
    if missing:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            list(pool.map(_keep, missing))
    return np.array([np.load(cached_path(i)) for i in range(n)])
