"""NONMEM data sets: read, simulate record by record, write, and check against NONMEM's own output."""

from __future__ import annotations

from pathlib import Path

from rodnan.pharmacology.nonmem.cases import Scenario, read_scenario
from rodnan.pharmacology.nonmem.conformance import Verdict, find_scenarios, run_scenario, summary
from rodnan.pharmacology.nonmem.dataset import EventTable, parse_dataset, read_dataset
from rodnan.pharmacology.nonmem.event_loop import Simulation, simulate
from rodnan.pharmacology.nonmem.model import Model, ModelSpec, compile_model, honour_columns
from rodnan.pharmacology.nonmem.output import format_table
from rodnan.pharmacology.nonmem.record import ModelRecord, parse_model_record, read_model_record, to_spec

__all__ = [
    "EventTable",
    "Model",
    "ModelRecord",
    "ModelSpec",
    "Scenario",
    "Simulation",
    "Verdict",
    "compile_model",
    "find_scenarios",
    "format_table",
    "honour_columns",
    "parse_dataset",
    "parse_model_record",
    "read_dataset",
    "read_model_record",
    "read_scenario",
    "run_scenario",
    "simulate",
    "simulate_files",
    "summary",
    "to_spec",
]


def simulate_files(model: str | Path, events: str | Path, *, doses: str = "given") -> Simulation:
    """Simulate the data set of one file with the model of another.

    Parameters
    ----------
    model
        A model file (`ModelRecord`).
    events
        A NONMEM data set.
    doses
        ``"none"`` says that the data set gives no dose, so that it needs no EVID column.

    Returns
    -------
    Simulation

    Raises
    ------
    RodnanError
        As `read_model_record`, `to_spec`, `read_dataset` and `simulate`.
    """
    spec = to_spec(read_model_record(model))
    table = read_dataset(events, model_columns=compile_model(spec).columns, doses=doses)
    return simulate(compile_model(honour_columns(spec, table.header)), table)
