"""The disease model as something that runs: compiled kernel, onset state, course of patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from rodnan.disease.equations import FLARES, INDIVIDUAL, symbolic_system
from rodnan.disease.parameters import ParameterSet, load_parameters
from rodnan.disease.states import STATE_INDEX, STATES
from rodnan.engine.batch import advance
from rodnan.engine.compile import lanes
from rodnan.engine.compile.cache import load_kernel, source_key
from rodnan.engine.device import advance_gpu, choose_device
from rodnan.errors import ModelError, nearest_name
from rodnan.pharmacology.effects import CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["INPUTS", "advance_patients", "disease_kernel", "onset_state"]

INPUTS: tuple[str, ...] = CHANNELS + FLARES
_DEFAULTS = np.array([0.0] * len(CHANNELS) + [1.0] * len(FLARES))


@lru_cache(maxsize=2)
def disease_kernel(precision: lanes.Precision = "float64") -> ModuleType:
    """Return the compiled kernel of the equations, generated and compiled on first use and kept on disk."""
    import numba

    room = files("rodnan.disease")
    sources = [Path(str(room.joinpath(name))) for name in _EQUATION_FILES]
    engine = Path(lanes.__file__).parent
    sources += [engine / name for name in ("lanes.py", "statements.py", "bits.py")]
    names = load_parameters(fitted=False).population_names
    key = source_key(sources, numba.__version__, precision, *names, *INPUTS)
    name = "disease" if precision == "float64" else "disease32"
    return load_kernel(name, key, lambda: lanes.lane_source(symbolic_system(names), precision=precision))


@lru_cache(maxsize=1)
def disease_kernel_gpu() -> ModuleType:
    """Return the CUDA module of the equations, generated on first use; see `rodnan.engine.compile.cuda`."""
    from rodnan.engine.compile import cuda, statements

    room = files("rodnan.disease")
    sources = [Path(str(room.joinpath(name))) for name in _EQUATION_FILES]
    sources += [Path(str(module.__file__)) for module in (cuda, statements)]
    names = load_parameters(fitted=False).population_names
    key = source_key(sources, *names, *INPUTS)
    return load_kernel("disease_gpu", key, lambda: cuda.cuda_source(symbolic_system(names)))


_EQUATION_FILES = ("states.py", "equations.py", "immune.py", "fibrosis.py", "blood.py")


def onset_state(individual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the state at biological onset.

    Parameters
    ----------
    individual
        float64[n, len(INDIVIDUAL)], patient parameters.

    Returns
    -------
    float64[n, 33]
        Trigger and drive at their peak, everything else healthy.
    """
    amplitude = individual[:, INDIVIDUAL.index("a")]
    residual = individual[:, INDIVIDUAL.index("d_inf")]
    y = np.empty((len(individual), len(STATES)))
    for index, state in enumerate(STATES):
        if state.name == "E":
            y[:, index] = amplitude * (1 - residual)
        elif state.name == "D":
            y[:, index] = amplitude
        else:
            y[:, index] = float(state.onset)
    return y


def advance_patients(
    parameters: ParameterSet,
    individual: NDArray[np.float64],
    y: NDArray[np.float64],
    inputs: Mapping[str, NDArray[np.float64]],
    days: int,
    *,
    out_days: Sequence[int] | NDArray[np.int64] = (),
    hold: int = 1,
    workers: int | None = None,
    device: str = "cpu",
    precision: lanes.Precision = "float64",
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Advance patients by a number of days under drug channels and flares.

    Parameters
    ----------
    parameters
        Shared parameters.
    individual
        float64[n, len(INDIVIDUAL)].
    y
        float64[n, 33], state now.
    inputs
        Channel or flare name -> float64[ceil(days / hold), n], constant within `hold` days. Absent channels are zero, absent
        flares one.
    days
        Number of days.
    out_days
        Days after which the state is kept; 0 is now.
    hold
        Days for which a row of `inputs` holds.
    workers
        Threads; all cores where None.
    device
        ``cpu`` or ``gpu``; see `rodnan.engine.device.choose_device`.
    precision
        In which the processor computes, ``float64`` or ``float32``; a GPU computes in float64.

    Returns
    -------
    end : float64[n, 33]
    out : float64[n_out, n, 33]

    Raises
    ------
    ModelError
        RDN-M005 for an input that is no channel, RDN-M006 for one of the wrong shape, RDN-M007 for a channel outside
        its range.
    EngineError
        RDN-N012 for a device that is none, or does not compute in that precision; RDN-N013 when it is not there.
    """
    n = len(y)
    names = [name for name in INPUTS if name in inputs]
    rows = -(-days // hold)
    for name, values in inputs.items():
        if name not in INPUTS:
            raise ModelError("RDN-M005", "no such channel", value=name, nearest=nearest_name(name, INPUTS))
        if values.shape != (rows, n):
            raise ModelError("RDN-M006", f"must have shape ({rows}, {n})", where=name, value=values.shape)
        _check_range(name, values)
    series = np.stack([inputs[name] for name in names], axis=1) if names else np.zeros((rows, 0, n))
    active = np.array([INPUTS.index(name) for name in names], np.int64)
    substeps = _substeps(inputs, y)
    if substeps is not None and hold > 1:
        substeps = np.repeat(substeps, hold, axis=0)[:days]
    if choose_device(device, precision=precision) == "gpu":
        return advance_gpu(
            disease_kernel_gpu(),
            y,
            individual,
            parameters.population_vector(),
            _DEFAULTS,
            active,
            np.repeat(series, hold, axis=0)[:days],
            out_days=np.asarray(out_days, np.int64),
            substeps=substeps,
        )
    end, out = advance(
        disease_kernel(precision),
        y,
        individual,
        parameters.population_vector(),
        _DEFAULTS,
        active,
        series,
        out_days=np.asarray(out_days, np.int64),
        substeps=substeps,
        steps=days,
        hold=hold,
        workers=workers,
    )
    return end.astype(np.float64, copy=False), out.astype(np.float64, copy=False)


def _check_range(name: str, values: NDArray[np.float64]) -> None:
    fraction = name[0] in "pan" or name in ("fS", "fV")
    top = 1.0 if fraction else np.inf
    if values.size and not (values.min() >= 0 and values.max() <= top):
        worst = float(values.min()) if not values.min() >= 0 else float(values.max())
        raise ModelError("RDN-M007", f"a channel must lie in [0, {top:g}]", where=name, value=worst)


_RATES = frozenset(("kT", "kB", "kPs", "kPl", "kM", "kF", "kR", "kL", "xIg", "rD"))
"""Channels that are rates of killing or removal (1/day)."""

_SLOW = 0.25
"""Rate times step up to which a killed population, which may fall over some orders of magnitude, stays exact to 1e-3."""

_MARROW, _EMPTY, _RECOVERY = 0.6, 0.3, 21
"""Inhibition of proliferation that empties the marrow, neutrophils that mark an empty one, and days until it has refilled:
till then its own rates, near one a day, ask for half days."""


def _substeps(inputs: Mapping[str, NDArray[np.float64]], y: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """Return the parts of each patient's day, int64[days, n]: more than one where a rate would outrun a step of a day.

    The relative error of a population that falls at rate r over t days is ``r t (r h)^4 / 120``. A patient's parts follow
    from that patient's inputs and state alone, so that results do not depend on who else is computed; None where no day is
    split.
    """
    fast = [v for name, v in inputs.items() if name in _RATES and v.size and v.max() > 2 * _SLOW]
    marrow = inputs.get("pN")
    empty = y[:, STATE_INDEX["N4"]] < _EMPTY
    if empty.any() or (marrow is not None and marrow.size and marrow.max() > _MARROW):
        rows = max(len(values) for values in inputs.values()) if inputs else 0
        day = np.arange(rows)[:, None]
        hard = np.zeros((rows, len(y)), bool) if marrow is None else marrow > _MARROW
        last = np.maximum.accumulate(np.where(hard, day, -_RECOVERY - 1), axis=0)
        refilling = (day - last <= _RECOVERY) | (empty & (day < _RECOVERY))
        fast.append(np.where(refilling, 2.0 * _SLOW + 1e-9, 0.0))
    if not fast:
        return None
    fastest = fast[0]
    for values in fast[1:]:
        fastest = np.maximum(fastest, values)
    return np.where(fastest > 2 * _SLOW, np.ceil(fastest / _SLOW - 1e-6), 1).astype(np.int64)


def state_column(out: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Return one state from an array whose last axis is the states."""
    return out[..., STATE_INDEX[name]]
