"""Derivatives of the disease model: by a discrete adjoint on the CPU, and by JAX."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rodnan.disease import model
from rodnan.disease.equations import INDIVIDUAL, symbolic_system
from rodnan.disease.parameters import ParameterSet, load_parameters
from rodnan.disease.states import STATE_INDEX
from rodnan.engine.compile import adjoint, jax_target, statements
from rodnan.engine.compile.cache import load_kernel, source_key
from rodnan.engine.gradient import pull_back
from rodnan.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Gradient", "course_gradient", "jax_model", "readout_loss"]

_EQUATION_FILES = ("states.py", "equations.py", "immune.py", "fibrosis.py", "blood.py")


class Gradient(NamedTuple):
    """Derivatives of a loss.

    Attributes
    ----------
    by_state
        float64[n, n_states], by each patient's state at the start.
    by_individual
        float64[n, len(INDIVIDUAL)], by each patient's parameters.
    by_population
        float64[n_population], by the shared parameters, summed over patients; empty when not asked for.
    """

    by_state: Array
    by_individual: Array
    by_population: Array


def course_gradient(
    parameters: ParameterSet,
    individual: Array,
    y: Array,
    inputs: Mapping[str, Array],
    days: int,
    out_days: Sequence[int] | NDArray[np.int64],
    cotangents: Array,
    *,
    shared: bool = False,
    workers: int | None = None,
) -> Gradient:
    """Return the derivative of a loss of the kept states by starting states and parameters.

    Parameters
    ----------
    parameters, individual, y, inputs, days, workers
        As in `rodnan.disease.model.advance_patients`.
    out_days
        Days after which the loss looks at the state, ascending; 0 is now.
    cotangents
        float64[n_out, n, n_states], derivative of the loss by those states.
    shared
        Also derive by the shared parameters.

    Returns
    -------
    Gradient
        Exact for the steps that `advance_patients` takes; a term ``Max`` or ``Min`` counts by its active branch.
    """
    n = len(y)
    names = [name for name in model.INPUTS if name in inputs]
    series = np.stack([inputs[name] for name in names], axis=1) if names else np.zeros((days, 0, n))
    by_state, by_individual, by_population = pull_back(
        adjoint_kernel(),
        y,
        individual,
        parameters.population_vector(),
        model._DEFAULTS,
        np.array([model.INPUTS.index(name) for name in names], np.int64),
        series,
        np.asarray(out_days, np.int64),
        cotangents,
        substeps=model._substeps(inputs, y),
        shared=shared,
        workers=workers,
    )
    return Gradient(by_state, by_individual, by_population.sum(axis=0))


def readout_loss(
    parameters: ParameterSet, individual: Array, out: Array, observed: Mapping[str, Array], weights: Mapping[str, Array],
    fvc_healthy: Array,
) -> tuple[float, Array, Array]:  # fmt: skip
    """Return a weighted sum of squared deviations of mRSS and FVC, with its derivatives.

    Parameters
    ----------
    parameters
        Shared parameters.
    individual
        float64[n, len(INDIVIDUAL)].
    out
        float64[n_out, n, n_states], kept states.
    observed, weights
        ``mrss`` and/or ``fvc_pct_pred`` -> float64[n_out, n]; the loss is ``sum weight (readout - observed)^2``.
    fvc_healthy
        float64[n], FVC without disease, % predicted.

    Returns
    -------
    loss : float
    cotangents : float64[n_out, n, n_states]
        By the kept states; goes into `course_gradient`.
    direct : float64[n, len(INDIVIDUAL)]
        By the susceptibilities where the readouts use them themselves; add it to ``by_individual``.
    """
    from rodnan.disease import readouts

    g_s, g_l = (individual[:, INDIVIDUAL.index(name)] for name in ("g_s", "g_l"))
    macrophages = out[..., STATE_INDEX["M"]]
    skin = readouts.mrss(parameters, out, g_s)
    cotangents, direct = np.zeros_like(out), np.zeros_like(individual)
    loss, by_skin, by_load = 0.0, np.zeros_like(skin), np.zeros_like(skin)
    if "mrss" in observed:
        gap = skin - observed["mrss"]
        loss += float((weights["mrss"] * gap**2).sum())
        by_skin += 2 * weights["mrss"] * gap
    if "fvc_pct_pred" in observed:
        gap = readouts.fvc_pct_pred(parameters, out, g_s, g_l, fvc_healthy) - observed["fvc_pct_pred"]
        slope = 2 * weights["fvc_pct_pred"] * gap
        loss += float((weights["fvc_pct_pred"] * gap**2).sum())
        by_skin -= parameters["c_w"] * slope
        by_load -= slope * fvc_healthy * np.exp(-readouts.lung_load(parameters, out, g_l) / 100.0) / 100.0
    by_skin *= 1 - skin / 51.0
    for by, organ, own in ((by_skin, "s", g_s), (by_load, "l", g_l)):
        scale = parameters[f"e{organ}"]
        cotangents[..., STATE_INDEX["M"]] += by * scale * own
        for name in (f"C_{organ}", f"X_{organ}"):
            cotangents[..., STATE_INDEX[name]] += by
        direct[:, INDIVIDUAL.index(f"g_{organ}")] = (by * scale * macrophages).sum(axis=0)
    return loss, cotangents, direct


@lru_cache(maxsize=1)
def adjoint_kernel() -> ModuleType:
    """Return the compiled adjoint of the equations, generated and compiled on first use and kept on disk."""
    import numba

    names = load_parameters(fitted=False).population_names
    key = _key(("adjoint.py", "adjoint_plan.py", "graph.py", "bits.py"), numba.__version__)
    return load_kernel("adjoint", key, lambda: adjoint.adjoint_source(symbolic_system(names)))


@lru_cache(maxsize=1)
def jax_model() -> ModuleType:
    """Return the equations as a JAX module: ``rhs``, ``step``, ``advance`` (see `rodnan.engine.compile.jax_target`).

    Raises
    ------
    EngineError
        RDN-N011 when JAX is not installed.

    Notes
    -----
    Turns on JAX's 64-bit numbers for the process: the model is not meant for 32 bits.
    """
    try:
        import jax
    except ImportError:
        raise EngineError(
            "RDN-N011", "this needs the extra calibrate: pip install 'rodnan[calibrate]'"
        ) from None
    jax.config.update("jax_enable_x64", True)
    names = load_parameters(fitted=False).population_names
    return load_kernel("jax", _key(("jax_target.py",)), lambda: jax_target.jax_source(symbolic_system(names)))


def _key(generators: tuple[str, ...], *words: str) -> str:
    room = files("rodnan.disease")
    sources = [Path(str(room.joinpath(name))) for name in _EQUATION_FILES]
    engine = Path(str(statements.__file__)).parent
    sources += [engine / name for name in ("statements.py", *generators)]
    return source_key(sources, *words, *load_parameters(fitted=False).population_names, *model.INPUTS)
