"""NONMEM data sets: read, simulate record by record, write, and check against NONMEM's own output."""

from __future__ import annotations

from pathlib import Path

from rodnan.pharmacology.nonmem.cases import Scenario, read_scenario
from rodnan.pharmacology.nonmem.conformance import Verdict, find_scenarios, run_scenario, summary
from rodnan.pharmacology.nonmem.dataset import EventTable, parse_dataset, read_dataset
from rodnan.pharmacology.nonmem.event_loop import Simulation, simulate
from rodnan.pharmacology.nonmem.model import Model, ModelSpec, compile_model, honour_columns
from rodnan.pharmacology.nonmem.output import format_table
from rodnan.pharmacology.nonmem.record import (
    ModelRecord,
    parse_model_record,
    read_model_record,
    residual_of,
    to_spec,
)
from rodnan.pharmacology.nonmem.residual import ResidualError, observe, read_residual

__all__ = [
    "EventTable",
    "Model",
    "ModelRecord",
    "ModelSpec",
    "ResidualError",
    "Scenario",
    "Simulation",
    "Verdict",
    "compile_model",
    "find_scenarios",
    "format_table",
    "honour_columns",
    "observe",
    "parse_dataset",
    "parse_model_record",
    "read_dataset",
    "read_model_record",
    "read_residual",
    "read_scenario",
    "residual_of",
    "run_scenario",
    "simulate",
    "simulate_files",
    "summary",
    "to_spec",
]


def simulate_files(
    model: str | Path,
    events: str | Path,
    *,
    doses: str = "given",
    residual: str | None = None,
    seed: int = 1,
) -> Simulation:
    """Simulate the data set of one file with the model of another.

    Parameters
    ----------
    model
        A model file (`ModelRecord`).
    events
        A NONMEM data set.
    doses
        ``"none"`` says that the data set gives no dose, so that it needs no EVID column.
    residual
        Residual error in words (`read_residual`), in place of that of the model file; ``"none"`` for none.
    seed
        Of the observations, where there is a residual error.

    Returns
    -------
    Simulation

    Raises
    ------
    RodnanError
        As `read_model_record`, `to_spec`, `residual_of`, `read_residual`, `read_dataset`, `simulate` and `observe`.
    """
    record = read_model_record(model)
    spec = to_spec(record)
    errors = residual_of(record, spec.outputs) if residual is None else read_residual(residual, spec.outputs)
    table = read_dataset(events, model_columns=compile_model(spec).columns, doses=doses)
    return observe(simulate(compile_model(honour_columns(spec, table.header)), table), errors, seed=seed)
