"""The CUDA kernel as source: one patient a thread, the steps of the CPU kernel in the same order.

A thread keeps its state, stages and inputs in local arrays; patients are the fast axis of every array in global memory,
so that neighbouring threads read neighbouring numbers.
"""

from __future__ import annotations

from rodnan.engine.compile.statements import Statement, print_expression, statements
from rodnan.engine.compile.system import SymbolicSystem

__all__ = ["cuda_source"]


def cuda_source(system: SymbolicSystem) -> str:
    """Return the Python source of the CUDA module of a system.

    Parameters
    ----------
    system
        The equations.

    Returns
    -------
    str
        A module with ``advance[blocks, threads](y, individual, population, defaults, active, series, substeps,
        out_days, out)``: `y` float64[n_states, n] is advanced in place; `individual` float64[n_individual, n];
        `series` float64[days, n_active, n]; `substeps` int64[days, n], or of no rows where no day is split; `out`
        float64[n_out, n_states, n]; the rest as in `rodnan.engine.compile.lanes.lane_source`.
    """
    made, results = statements(system)
    body = [
        f"    {name} = {array}[{row}]"
        for array, names in (("y", system.states), ("own", system.individual), ("inputs", system.inputs))
        for row, name in enumerate(names)
    ]
    body += [f"    {name} = population[{row}]" for row, name in enumerate(system.population)]
    body += [f"    {s.name} = {_text(s)}" for s in made]
    body += [f"    dy[{i}] = {print_expression(results[name])}" for i, name in enumerate(system.states)]
    return _TEMPLATE.format(
        n_states=len(system.states),
        n_individual=max(1, len(system.individual)),
        n_inputs=max(1, len(system.inputs)),
        own=len(system.individual),
        inputs=len(system.inputs),
        body="\n".join(body),
    )


def _text(s: Statement) -> str:
    if s.kind == "plain":
        return print_expression(s.expression)
    a, b = (print_expression(x) for x in s.arguments)
    if s.kind == "power":
        return f"{a} ** {b}"
    return f"{a} if {a} {'>' if s.kind == 'max' else '<'} {b} else {b}"


_TEMPLATE = '''"""Generated from the symbolic equations; do not edit."""

from math import sqrt

from numba import cuda, float64


@cuda.jit(device=True)
def derivative(y, own, population, inputs, dy):
{body}


@cuda.jit
def advance(y, individual, population, defaults, active, series, substeps, out_days, out):
    patient = cuda.grid(1)
    if patient >= y.shape[1]:
        return
    state = cuda.local.array({n_states}, float64)
    stage = cuda.local.array({n_states}, float64)
    total = cuda.local.array({n_states}, float64)
    k = cuda.local.array({n_states}, float64)
    own = cuda.local.array({n_individual}, float64)
    inputs = cuda.local.array({n_inputs}, float64)
    for i in range({n_states}):
        state[i] = y[i, patient]
    for i in range({own}):
        own[i] = individual[i, patient]
    for i in range({inputs}):
        inputs[i] = defaults[i]
    next_out = 0
    while next_out < out_days.shape[0] and out_days[next_out] == 0:
        for i in range({n_states}):
            out[next_out, i, patient] = state[i]
        next_out += 1
    for day in range(series.shape[0]):
        for row in range(active.shape[0]):
            inputs[active[row]] = series[day, row, patient]
        steps = substeps[day, patient] if substeps.shape[0] > 0 else 1
        h = 1.0 / steps
        half = 0.5 * h
        sixth = h / 6.0
        third = h / 3.0
        for _ in range(steps):
            derivative(state, own, population, inputs, k)
            for i in range({n_states}):
                total[i] = state[i] + sixth * k[i]
                stage[i] = state[i] + half * k[i]
            derivative(stage, own, population, inputs, k)
            for i in range({n_states}):
                total[i] += third * k[i]
                stage[i] = state[i] + half * k[i]
            derivative(stage, own, population, inputs, k)
            for i in range({n_states}):
                total[i] += third * k[i]
                stage[i] = state[i] + h * k[i]
            derivative(stage, own, population, inputs, k)
            for i in range({n_states}):
                state[i] = total[i] + sixth * k[i]
        while next_out < out_days.shape[0] and out_days[next_out] == day + 1:
            for i in range({n_states}):
                out[next_out, i, patient] = state[i]
            next_out += 1
    for i in range({n_states}):
        y[i, patient] = state[i]
'''
