"""Make data sets and models for tests, from records as the oracles take them."""

from __future__ import annotations

import math

import numpy as np

from rodnan.pharmacology.nonmem import (
    ModelSpec,
    compile_model,
    honour_columns,
    parse_dataset,
    parse_model_record,
    simulate,
    to_spec,
)

FIELDS = ("time", "evid", "amt", "cmt", "rate", "ii", "addl", "ss")


def record(time, evid=0, amt=0.0, cmt=1, rate=0.0, ii=0.0, addl=0, ss=0):
    """One record, as the oracles take it."""
    return dict(zip(FIELDS, (time, evid, amt, cmt, rate, ii, addl, ss), strict=True))


def table_text(records, columns=None):
    """A data set of one individual; `columns` maps further names to one value a record."""
    columns = columns or {}
    lines = [",".join(("ID", *(name.upper() for name in FIELDS), *columns))]
    for i, r in enumerate(records):
        values = [1, *(r[name] for name in FIELDS), *(v[i] for v in columns.values())]
        lines.append(",".join(repr(float(v)) for v in values))
    return "\n".join(lines) + "\n"


def matrix_model(matrix, **per_compartment):
    """A linear model with this rate matrix and the keyword arguments of `ModelSpec`."""
    rows = tuple(tuple(map(float, row)) for row in np.asarray(matrix))
    names = tuple(f"c{i + 1}" for i in range(len(rows)))
    return ModelSpec(name="test", compartments=names, rate_matrix=rows, **per_compartment)


def run(spec, text, doses="given", **options):
    """Simulate a data set given as text."""
    table = parse_dataset(text, model_columns=compile_model(spec).columns, doses=doses)
    return simulate(compile_model(honour_columns(spec, table.header)), table, **options)


def run_yaml(model, text, **options):
    """Simulate with a model file given as text."""
    return run(to_spec(parse_model_record(model)), text, **options)


def relative(a, b):
    """Largest difference, beside the largest value."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    size = np.abs(b).max() if b.size else 0.0
    difference = np.abs(a - b).max() if b.size else 0.0
    return difference / size if size > 0.0 else (0.0 if difference == 0.0 else math.inf)
