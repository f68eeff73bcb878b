"""COPASI through basico: SBML, deterministic time course with LSODA."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from workload.definition import END, OUTPUT_TIMES, PARAMETERS, STATES
from workload.spelling import MODES, mode_parameters, sbml

TITLE = "COPASI, LSODA"
PACKAGES = ("python-copasi", "copasi-basico")
VARIANTS = ("event per dose", "closed-form kinetics, event per dose")


def available() -> None:
    """Import the engine, or fail with `ImportError`."""
    import basico  # noqa: F401


def prepare(variant: str) -> Callable:
    """Load the model and the task; see `peers`."""
    import basico
    import COPASI

    closed = variant == VARIANTS[1]
    model = basico.load_model_from_string(sbml(closed))
    task = model.getTask("Time-Course")
    task.setMethodType(COPASI.CTaskEnum.Method_deterministic)
    problem, method = task.getProblem(), task.getMethod()
    problem.setDuration(END)
    problem.setStepNumber(len(OUTPUT_TIMES) - 1)
    problem.setTimeSeriesRequested(True)
    problem.setOutputEvent(False)
    method.getParameter("Max Internal Steps").setIntValue(10_000_000)
    values = model.getModel().getModelValues()
    given = [values.getByName(name) for name in (*PARAMETERS, *(MODES if closed else ()))]
    columns: list[int] = []

    def run(population: np.ndarray, rtol: float, atol: float) -> tuple[np.ndarray, np.ndarray]:
        method.getParameter("Relative Tolerance").setDblValue(rtol)
        method.getParameter("Absolute Tolerance").setDblValue(atol)
        rows = np.hstack([population, mode_parameters(population)]) if closed else population
        states = np.full((len(population), len(OUTPUT_TIMES), len(STATES)), np.nan)
        succeeded = np.zeros(len(population), dtype=bool)
        for i, row in enumerate(rows):
            for parameter, value in zip(given, row, strict=True):
                parameter.setInitialValue(float(value))
            model.getModel().updateInitialValues(COPASI.CCore.Framework_ParticleNumbers)
            if not task.process(True):  # starts from the initial values
                continue
            series = task.getTimeSeries()
            if series.getRecordedSteps() != len(OUTPUT_TIMES):
                continue
            if not columns:
                titles = [series.getTitle(j) for j in range(series.getNumVariables())]
                columns.extend(
                    titles.index(f"Values[{name}]") if f"Values[{name}]" in titles else titles.index(name)
                    for name in STATES
                )
            states[i] = [[series.getData(step, j) for j in columns] for step in range(len(OUTPUT_TIMES))]
            succeeded[i] = True
        return states, succeeded

    return run
