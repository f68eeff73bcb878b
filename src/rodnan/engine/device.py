"""Where patients are advanced: on the processor, or on an NVIDIA GPU with one patient a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rodnan.engine.batch import refuse_unfinite
from rodnan.errors import EngineError, nearest_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DEVICES", "PRECISIONS", "advance_gpu", "choose_device", "choose_precision", "gpu_reason"]

DEVICES: tuple[str, ...] = ("cpu", "gpu")
PRECISIONS: tuple[str, ...] = ("float64", "float32")

_THREADS = 64


def gpu_reason() -> str | None:
    """Return why no GPU can be used here, or None when one can."""
    try:
        from numba import cuda
    except ImportError:
        return "numba-cuda is not installed"
    try:
        return None if cuda.is_available() else "no NVIDIA GPU with a driver was found"
    except Exception as error:  # a broken driver raises whatever it likes
        return f"the driver cannot be used ({type(error).__name__})"


def choose_device(
    name: str, *, precision: str = "float64", executor: str = "serial"
) -> Literal["cpu", "gpu"]:
    """Return the device of a name.

    Parameters
    ----------
    name
        ``cpu`` or ``gpu``.
    precision
        In which it is to compute; a GPU knows float64 only.
    executor
        What runs the jobs; only ``serial`` leaves a GPU to one of them at a time.

    Raises
    ------
    EngineError
        RDN-N012 for another name, or what a GPU does not do; RDN-N013 when there is no GPU that can be used; nothing
        falls back silently.
    """
    if name == "cpu":
        return "cpu"
    if name != "gpu":
        raise EngineError("RDN-N012", "no such device", value=name, nearest=nearest_name(name, DEVICES))
    if precision != "float64":
        raise EngineError("RDN-N012", "the GPU computes in float64", where="precision", value=precision)
    if executor != "serial":
        raise EngineError(
            "RDN-N012", "with the GPU, jobs run one after the other", where="executor", value=executor
        )
    reason = gpu_reason()
    if reason:
        raise EngineError("RDN-N013", f"no GPU can be used: {reason}", where="device", value=name)
    return "gpu"


def choose_precision(name: str) -> Literal["float64", "float32"]:
    """Return the precision of a name.

    Parameters
    ----------
    name
        ``float64`` or ``float32``.

    Returns
    -------
    str
        The name.

    Raises
    ------
    EngineError
        RDN-N024 for another name.
    """
    if name == "float64" or name == "float32":
        return name
    raise EngineError(
        "RDN-N024", "the precision is float64 or float32", value=name, nearest=nearest_name(name, PRECISIONS)
    )


def advance_gpu(
    kernel: Any,
    y: NDArray[np.float64],
    individual: NDArray[np.float64],
    population: NDArray[np.float64],
    defaults: NDArray[np.float64],
    active: NDArray[np.int64],
    series: NDArray[np.float64],
    *,
    out_days: NDArray[np.int64],
    substeps: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Advance patients on the GPU.

    Parameters
    ----------
    kernel
        Module made by `rodnan.engine.compile.cuda.cuda_source`.
    y, individual, population, defaults, active, series, out_days, substeps
        As in `rodnan.engine.batch.advance`; everything must fit the GPU's memory.

    Returns
    -------
    end : float64[n, n_states]
    out : float64[n_out, n, n_states]

    Raises
    ------
    EngineError
        RDN-N003 when a state is not finite at the end.
    """
    from numba import cuda

    n, n_states = y.shape
    days = series.shape[0]
    drive = (
        series if series.shape[1] else np.zeros((max(days, 1), 1, n))
    )  # arrays without elements do not travel
    keep = np.ascontiguousarray(out_days, np.int64)
    state = cuda.to_device(np.ascontiguousarray(y.T))
    kept = cuda.device_array((max(1, len(keep)), n_states, n), np.float64)
    kernel.advance[-(-n // _THREADS), _THREADS](
        state,
        cuda.to_device(np.ascontiguousarray(individual.T)),
        cuda.to_device(np.ascontiguousarray(population)),
        cuda.to_device(np.ascontiguousarray(defaults)),
        cuda.to_device(np.ascontiguousarray(active, np.int64)) if len(active) else _empty(cuda),
        cuda.to_device(np.ascontiguousarray(drive)),
        cuda.to_device(np.ascontiguousarray(substeps, np.int64))
        if substeps is not None
        else _empty_table(cuda),
        cuda.to_device(keep) if len(keep) else _empty(cuda),
        kept,
    )
    end = np.asarray(state.copy_to_host().T, np.float64, order="C")
    out = np.asarray(kept.copy_to_host()[: len(keep)].transpose(0, 2, 1), np.float64, order="C")
    refuse_unfinite(end)
    return end, out


def _empty(cuda: Any) -> Any:
    """Return a device vector of no elements (a slice of one: drivers refuse empty allocations)."""
    return cuda.to_device(np.zeros(1, np.int64))[:0]


def _empty_table(cuda: Any) -> Any:
    """Return a device table of no rows."""
    return cuda.to_device(np.zeros((1, 1), np.int64))[:0]
