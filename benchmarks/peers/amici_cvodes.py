"""AMICI: SBML translated to C++ and compiled, integrated by CVODES's Adams method."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from workload.definition import DOSES, OUTPUT_TIMES, PARAMETERS, STATES
from workload.spelling import MODES, mode_parameters, sbml

TITLE = "AMICI, CVODES Adams"
PACKAGES = ("amici",)
VARIANTS = ("event per dose", "closed-form kinetics, event per dose")
BUILT = Path(__file__).resolve().parents[2] / "build" / "benchmarks"


def available() -> None:
    """Import the engine, or fail with `ImportError`."""
    import amici  # noqa: F401


def prepare(variant: str) -> Callable:
    """Translate and compile the model, or load what was compiled; see `peers`."""
    import amici
    from amici.sim import sundials

    closed = variant == VARIANTS[1]
    text = sbml(closed)
    name = f"workload_{hashlib.sha256((text + amici.__version__).encode()).hexdigest()[:12]}"
    folder = BUILT / name
    if not (folder / "finished").exists():
        os.environ["PATH"] = os.pathsep.join(
            [str(Path(sys.executable).parent), os.environ["PATH"]]
        )  # its SWIG
        source = amici.SbmlImporter(text, from_file=False)
        source.sbml2amici(name, folder, generate_sensitivity_code=False, fixed_parameters=[])
        (folder / "finished").touch()
    model = amici.import_model_module(name, folder).get_model()
    solver = model.create_solver()
    solver.set_linear_multistep_method(sundials.LinearMultistepMethod_adams)
    solver.set_non_linear_solver_iteration(sundials.NonlinearSolverIteration_fixedpoint)
    solver.set_stability_limit_flag(False)  # CVODES refuses it with the Adams method
    solver.set_max_steps(10_000_000)
    model.set_timepoints(OUTPUT_TIMES)
    model.set_n_max_event(2 * DOSES)
    names = list(model.get_free_parameter_ids())
    given = [names.index(one) for one in (*PARAMETERS, *(MODES if closed else ()))]
    columns = [list(model.get_state_ids()).index(one) for one in STATES]
    every = np.array(model.get_free_parameters())

    def run(population: np.ndarray, rtol: float, atol: float) -> tuple[np.ndarray, np.ndarray]:
        solver.set_relative_tolerance(rtol)
        solver.set_absolute_tolerance(atol)
        rows = np.hstack([population, mode_parameters(population)]) if closed else population
        states = np.full((len(population), len(OUTPUT_TIMES), len(STATES)), np.nan)
        succeeded = np.zeros(len(population), dtype=bool)
        for i, row in enumerate(rows):
            every[given] = row
            model.set_free_parameters(every)
            got = sundials.run_simulation(model, solver)
            if got.status == sundials.AMICI_SUCCESS:  # a failed run returns at once, with numbers
                states[i], succeeded[i] = got.x[:, columns], True
        return states, succeeded

    return run
