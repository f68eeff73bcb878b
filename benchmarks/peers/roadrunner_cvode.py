"""libRoadRunner: SBML compiled by LLVM, integrated by CVODE's Adams method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from workload.definition import DOSE, END, INTERVAL, OUTPUT_TIMES, PARAMETERS, STATES, initial_state
from workload.spelling import MODES, mode_parameters, sbml

TITLE = "libRoadRunner, CVODE Adams"
PACKAGES = ("libroadrunner",)
VARIANTS = ("event per dose", "closed-form kinetics")


def available() -> None:
    """Import the engine, or fail with `ImportError`."""
    import roadrunner  # noqa: F401


def prepare(variant: str) -> Callable:
    """Load the model; see `peers`."""
    import roadrunner

    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
    closed = variant == "closed-form kinetics"
    runner = roadrunner.RoadRunner(sbml(closed))
    runner.timeCourseSelections = list(STATES)
    runner.integrator.setValue("stiff", False)
    runner.integrator.setValue("maximum_num_steps", 1_000_000)
    names = list(runner.model.getGlobalParameterIds())
    given = [names.index(name) for name in (*PARAMETERS, *(MODES if closed else ()))]
    # Events change what a plain reset keeps: every patient is set to these values again.
    moving = dict(zip(STATES, initial_state(), strict=True)) | {"next_dose": INTERVAL}
    if not closed:
        moving |= {"depot": DOSE, "central": 0.0, "deep": 0.0}
    again = [names.index(name) for name in moving]

    def run(population: np.ndarray, rtol: float, atol: float) -> tuple[np.ndarray, np.ndarray]:
        runner.integrator.relative_tolerance, runner.integrator.absolute_tolerance = rtol, atol
        values = np.hstack([population, mode_parameters(population)]) if closed else population
        states = np.full((len(population), len(OUTPUT_TIMES), len(STATES)), np.nan)
        succeeded = np.zeros(len(population), dtype=bool)
        for i, row in enumerate(values):
            runner.resetToOrigin()
            runner.model.setGlobalParameterValues(given, list(row))
            runner.model.setGlobalParameterValues(again, list(moving.values()))
            try:
                states[i] = runner.simulate(0.0, END, len(OUTPUT_TIMES))
                succeeded[i] = True
            except RuntimeError:
                pass
        return states, succeeded

    return run
