"""How exact the kernel is: random patients under every therapy, beside a solver of another kind at a tight tolerance.

The reference takes the right-hand sides from SymPy's own printer (`rodnan.engine.compile.reference_rhs`), not from that of
the kernel, and integrates them with SciPy's DOP853, begun anew wherever an input jumps. Both are given the same daily
channels and flares; what is compared is the solution of the equations, not the kinetics behind the channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.disease import model, readouts
from rodnan.disease.equations import INDIVIDUAL, symbolic_system
from rodnan.disease.parameters import ParameterSet, load_parameters
from rodnan.disease.states import STATE_NAMES
from rodnan.disease.typical_course import daily_channels
from rodnan.engine.batch import advance
from rodnan.engine.compile import reference_rhs
from rodnan.errors import EngineError, nearest_name
from rodnan.pharmacology import CHANNELS, load_model, model_ids, parse_regimen
from rodnan.pharmacology.patients import TYPICAL_PATIENT
from rodnan.population.individuals import FLARE_GRID
from rodnan.population.pool import Pool, draw_pool, simulate_pool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Accuracy", "measure_accuracy"]

TOLERANCE, ABSOLUTE = 1e-10, 1e-12
FLOOR = 1e-3
"""A state counts from this share of its largest value on: relative errors of what has all but vanished mean nothing."""

START = 730
"""Day since onset on which treatment begins."""

PARTS = (1, 2, 4)
"""Steps a day at which the order is seen."""


@dataclass(frozen=True)
class Accuracy:
    """Errors of the kernel.

    Attributes
    ----------
    patients, days, therapies
        Random patients under each therapy, length, drug ids.
    states, readouts
        Rows ``name, unit, largest, q999, worst`` (`worst` is the therapy with the largest error); relative for states, in
        the readout's unit for readouts.
    refinement
        Rows ``parts, largest`` and ``order`` from the second on: the largest relative error of any state with the days
        split further.
    split
        Share of patient-days that the kernel splits by itself.
    """

    patients: int
    days: int
    therapies: tuple[str, ...]
    states: tuple[Mapping[str, Any], ...]
    readouts: tuple[Mapping[str, Any], ...]
    refinement: tuple[Mapping[str, Any], ...]
    split: float


def measure_accuracy(
    drugs: Sequence[str] = (),
    *,
    patients: int = 1,
    days: int = 112,
    seed: int = 1,
    precision: Any = "float64",
    progress: Callable[[str], None] = lambda line: None,
) -> Accuracy:
    """Compare the kernel with the reference.

    Parameters
    ----------
    drugs
        Drug ids, each on its first usual regimen; every therapy on record when empty.
    patients
        Random patients under each therapy.
    days
        Length of the courses.
    seed
        Who the patients are.
    precision
        ``float64`` or ``float32``.
    progress
        Takes a line of progress.

    Raises
    ------
    EngineError
        RDN-N015 for a drug without a model, RDN-N016 for numbers that cannot be used.
    """
    known = model_ids()
    for name in drugs:
        if name not in known:
            raise EngineError(
                "RDN-N015", "no model of this drug", value=name, nearest=nearest_name(name, known)
            )
    if patients < 1 or days < 7:
        raise EngineError("RDN-N016", "at least 1 patient and 7 days are needed", value=(patients, days))
    chosen = tuple(drugs) or tuple(known)
    parameters = load_parameters()
    pool = simulate_pool(
        parameters,
        draw_pool(seed, patients * len(chosen), years=START / 365.25 + 0.2, follow_up_years=days / 365.25),
    )
    at = int(np.argmin(np.abs(pool.days - START)))
    inputs = _inputs(pool, chosen, patients, int(pool.days[at]), days)
    exact = _reference(parameters, pool, at, inputs, days, progress)
    split = model._substeps(inputs, pool.states[at])
    found = {parts: _kernel(parameters, pool, at, inputs, days, parts, precision) for parts in PARTS}
    therapy = np.repeat(np.array(chosen), patients)
    size = np.maximum(np.abs(exact), FLOOR * np.abs(exact).max(axis=(0, 1)))
    relative = np.abs(found[1] - exact) / size
    largest = [float(np.max(np.abs(found[parts] - exact) / size)) for parts in PARTS]
    return Accuracy(
        patients,
        days,
        chosen,
        tuple(_row(n, "relative", relative[:, :, k], therapy) for k, n in enumerate(STATE_NAMES)),
        tuple(
            _row(name, unit, np.abs(of(found[1]) - of(exact)), therapy)
            for name, unit, of in _readouts(parameters, pool)
        ),
        tuple(
            {"parts": parts, "largest": largest[k]}
            | ({} if k == 0 else {"order": float(np.log2(largest[k - 1] / largest[k]))})
            for k, parts in enumerate(PARTS)
        ),
        0.0 if split is None else float((split > 1).mean()),
    )


def _row(name: str, unit: str, errors: Array, therapy: NDArray[Any]) -> dict[str, Any]:
    of_patient = errors.max(axis=0)
    return {
        "name": name,
        "unit": unit,
        "largest": float(errors.max()),
        "q999": float(np.quantile(errors, 0.999)),
        "worst": str(therapy[int(np.argmax(of_patient))]),
    }


def _readouts(parameters: ParameterSet, pool: Pool) -> list[tuple[str, str, Callable[[Array], Array]]]:
    g_s, g_l = pool.own("g_s"), pool.own("g_l")
    return [
        ("mRSS", "units", lambda y: readouts.mrss(parameters, y, g_s)),
        (
            "FVC",
            "% predicted",
            lambda y: readouts.fvc_pct_pred(parameters, y, g_s, g_l, pool.other["fvc_healthy"]),
        ),
    ]


def _inputs(pool: Pool, chosen: Sequence[str], patients: int, start: int, days: int) -> dict[str, Array]:
    """Return channels and flares of every patient, float64[days, n] by name."""
    n = patients * len(chosen)
    channels = np.zeros((days, n, len(CHANNELS)))
    for k, name in enumerate(chosen):
        drug = load_model(name)
        regimen = parse_regimen(drug.record.usual[0].doses, name)
        channels[:, k * patients : (k + 1) * patients] = daily_channels(
            [(drug, regimen)], days, TYPICAL_PATIENT, {}
        )[:, None]
    found = {name: channels[:, :, i] for i, name in enumerate(CHANNELS) if channels[:, :, i].any()}
    rows = (start + np.arange(days)) // FLARE_GRID
    return found | {name: path[rows] for name, path in pool.flares.items()}


def _kernel(
    parameters: ParameterSet,
    pool: Pool,
    at: int,
    inputs: Mapping[str, Array],
    days: int,
    parts: int,
    precision: Any,
) -> Array:
    """Return the state of every day, float64[days + 1, n, states], with each day split `parts` times further."""
    names = [name for name in model.INPUTS if name in inputs]
    split = model._substeps(inputs, pool.states[at])
    if parts > 1:
        split = np.full((days, len(pool.individual)), parts) * (1 if split is None else split)
    _, out = advance(
        model.disease_kernel(precision), pool.states[at], pool.individual, parameters.population_vector(), model._DEFAULTS,
        np.array([model.INPUTS.index(name) for name in names]), np.stack([inputs[name] for name in names], axis=1),
        out_days=np.arange(days + 1), substeps=split,
    )  # fmt: skip
    return np.asarray(out, dtype=np.float64)


def _reference(
    parameters: ParameterSet,
    pool: Pool,
    at: int,
    inputs: Mapping[str, Array],
    days: int,
    progress: Callable[[str], None],
) -> Array:
    from scipy.integrate import solve_ivp

    rhs = reference_rhs(symbolic_system(load_parameters(fitted=False).population_names))
    shared = parameters.population_vector()
    n = len(pool.individual)
    table = np.tile(model._DEFAULTS, (days, n, 1))
    for name, values in inputs.items():
        table[:, :, model.INPUTS.index(name)] = values
    out = np.empty((days + 1, n, len(STATE_NAMES)))
    assert pool.individual.shape[1] == len(INDIVIDUAL)
    for i in range(n):
        progress(f"reference: patient {i + 1} of {n}")
        out[0, i] = pool.states[at, i]
        for first, end in _pieces(table[:, i]):
            found = solve_ivp(
                lambda t, y, i=i, first=first: rhs(y, pool.individual[i], shared, table[first, i]),
                (0.0, end - first), out[first, i], method="DOP853", rtol=TOLERANCE, atol=ABSOLUTE,
                t_eval=np.arange(1, end - first + 1),
            )  # fmt: skip
            if found.status != 0:
                raise EngineError(
                    "RDN-N017", f"the reference failed: {found.message}", where=f"day {first}", value=i
                )
            out[first + 1 : end + 1, i] = found.y.T
    return out


def _pieces(table: Array) -> list[tuple[int, int]]:
    """Return the stretches of days over which all inputs, float64[days, inputs], stay as they are."""
    changes = np.flatnonzero((np.diff(table, axis=0) != 0).any(axis=1)) + 1
    edges = [0, *map(int, changes), len(table)]
    return list(pairwise(edges))
