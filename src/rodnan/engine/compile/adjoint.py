"""The discrete adjoint as source: the exact derivative of the classical Runge-Kutta steps, patients side by side.

A first sweep keeps the state at the start of each span of days. The second sweep goes through the spans from the last
to the first: it repeats the steps of a span, keeping every stage, and takes the cotangent back through them with the
symbolic vector-Jacobian product. Extremes pass the cotangent to their active branch (at a tie, to the second argument).
"""

from __future__ import annotations

from typing import Any

from rodnan.engine.compile.lanes import LANES
from rodnan.engine.compile.statements import Statement, print_expression, statements
from rodnan.engine.compile.system import SymbolicSystem

__all__ = ["adjoint_source"]


def adjoint_source(system: SymbolicSystem) -> str:
    """Return the Python source of the adjoint kernel of a system.

    Parameters
    ----------
    system
        The equations.

    Returns
    -------
    str
        A module with ``gradient(y, individual, population, defaults, active, series, substeps, span, out_days,
        cotangents, shared, state_bar, individual_bar, population_bar)`` for one block of `LANES` patients. `cotangents`
        float64[n_out, n_states*LANES] is the derivative of the loss by the state after each day of `out_days`
        (ascending, 0 = before the first). `state_bar` float64[n_states*LANES], `individual_bar`
        float64[n_individual*LANES] and, where `shared` is true, `population_bar` float64[n_population*LANES] start at
        zero and hold the derivatives at the end. `span` is the number of days between kept states.
    """
    made, results = statements(system)
    powers = [s for s in made if s.kind == "power"]
    forward = [line for s in made if (line := _assignment(s, powers))]
    outcome = [f"dy[{_at(i)}] = {print_expression(results[n])}" for i, n in enumerate(system.states)]
    individual = _reverse(system, made, results, powers, system.individual)
    everything = _reverse(system, made, results, powers, system.individual + system.population)
    return _TEMPLATE.format(
        lanes=LANES,
        n_states=len(system.states),
        n_individual=len(system.individual),
        n_inputs=len(system.inputs),
        n_powers=max(1, len(powers)),
        unpack="\n".join(f"    {name} = population[{i}]" for i, name in enumerate(system.population)),
        powers=_powers(system, made, powers),
        derivative=_indent(_loads(system, forward + outcome) + forward + outcome),
        individual=_indent(_loads(system, forward + individual) + forward + individual),
        everything=_indent(_loads(system, forward + everything) + forward + everything),
    )


def _at(row: int) -> str:
    return f"{row * LANES} + l"


def _indent(lines: list[str]) -> str:
    return "\n".join(f"        {line}" for line in lines)


def _assignment(s: Statement, powers: list[Statement]) -> str:
    if s.kind == "plain":
        return f"{s.name} = {print_expression(s.expression)}"
    if s.kind == "power":
        return f"{s.name} = raised[{_at(powers.index(s))}]"
    a, b = (print_expression(x) for x in s.arguments)
    return f"{s.name} = {a} if {a} {'>' if s.kind == 'max' else '<'} {b} else {b}"


def _loads(system: SymbolicSystem, lines: list[str]) -> list[str]:
    """Return the lines that bring a lane's states, parameters and inputs into registers."""
    import re

    used = set(re.findall(r"[A-Za-z_]\w*", "\n".join(lines)))
    return [
        f"{name} = {array}[{_at(row)}]"
        for array, names in (
            ("y", system.states),
            ("individual", system.individual),
            ("inputs", system.inputs),
        )
        for row, name in enumerate(names)
        if name in used
    ]


def _powers(system: SymbolicSystem, made: list[Statement], powers: list[Statement]) -> str:
    """Return a loop of its own for the general powers and the logarithms of their bases."""
    if not powers:
        return "    pass"
    needed: list[str] = []
    wanted = {str(x) for s in powers for x in s.arguments}
    for s in reversed(made):  # what bases and exponents are made of
        if s.name in wanted and s.kind != "power":
            needed.insert(0, _assignment(s, powers))
            wanted |= {str(x) for x in (s.expression.free_symbols if s.kind == "plain" else s.arguments)}
    lines = list(needed)
    for row, s in enumerate(powers):
        base, exponent = (print_expression(x) for x in s.arguments)
        lines.append(f"raised[{_at(row)}] = {base} ** {exponent}")
        lines.append(f"if logarithms: logs[{_at(row)}] = log({base})")
    return "    for l in range(lanes):\n" + _indent(_loads(system, lines) + lines)


def _reverse(
    system: SymbolicSystem,
    made: list[Statement],
    results: dict[str, Any],
    powers: list[Statement],
    wanted: tuple[str, ...],
) -> list[str]:
    """Return the lines of the vector-Jacobian product: ``given`` is the cotangent of dy/dt."""
    active = set(system.states) | set(wanted)
    for s in made:
        if {str(x) for x in _operands(s)} & active:
            active.add(s.name)
    terms: dict[str, list[str]] = {}

    def give(name: str, term: str) -> None:
        if name in active:
            terms.setdefault(name, []).append(term)

    lines = [f"bar_{i} = given[{_at(i)}]" for i in range(len(system.states))]
    for i, name in enumerate(system.states):
        for symbol in sorted(results[name].free_symbols, key=str):
            if str(symbol) in active:
                give(str(symbol), _product(f"bar_{i}", results[name].diff(symbol)))
    for s in reversed(made):
        if s.name not in terms:
            continue
        bar = f"bar_{s.name}"
        lines.append(f"{bar} = " + " + ".join(terms[s.name]))
        if s.kind == "plain":
            for symbol in sorted(s.expression.free_symbols, key=str):
                if str(symbol) in active:
                    give(str(symbol), _product(bar, s.expression.diff(symbol)))
            continue
        a, b = s.arguments
        first, second = print_expression(a), print_expression(b)
        if s.kind == "power":
            give(str(a), f"{bar} * {second} * {s.name} / {first}")
            give(str(b), f"{bar} * {s.name} * logs[{_at(powers.index(s))}]")
        else:
            test = f"{first} {'>' if s.kind == 'max' else '<'} {second}"
            give(str(a), f"({bar} if {test} else 0.0)")
            give(str(b), f"(0.0 if {test} else {bar})")
    for array, names in (
        ("state_bar", system.states),
        ("individual_bar", system.individual),
        ("population_bar", system.population),
    ):
        for row, name in enumerate(names):
            total = " + ".join(terms.get(name, ["0.0"]))
            if array == "state_bar":
                lines.append(f"{array}[{_at(row)}] = {total}")
            elif name in wanted and name in terms:
                lines.append(f"{array}[{_at(row)}] += {total}")
    return lines


def _operands(s: Statement) -> Any:
    return s.expression.free_symbols if s.kind == "plain" else s.arguments


def _product(bar: str, slope: Any) -> str:
    if slope == 1:
        return bar
    if slope == -1:
        return f"(-{bar})"
    return f"{bar} * {print_expression(slope)}"


_TEMPLATE = '''"""Generated from the symbolic equations; do not edit."""

from math import log, sqrt

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def raise_powers(y, individual, population, inputs, raised, logs, logarithms, lanes):
{unpack}
{powers}


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def derivative(y, individual, population, inputs, raised, dy, lanes):
{unpack}
    for l in range(lanes):
{derivative}


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def pull_individual(y, individual, population, inputs, raised, logs, given, state_bar, individual_bar, lanes):
{unpack}
    for l in range(lanes):
{individual}


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def pull_everything(
    y, individual, population, inputs, raised, logs, given, state_bar, individual_bar, population_bar, lanes
):
{unpack}
    for l in range(lanes):
{everything}


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def set_inputs(inputs, active, series, day, lanes):
    for row in range(len(active)):
        base = active[row] * {lanes}
        for l in range(lanes):
            inputs[base + l] = series[day, row * {lanes} + l]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def gradient(
    y, individual, population, defaults, active, series, substeps, span, lanes, out_days, cotangents, shared,
    state_bar, individual_bar, population_bar,
):
    n = {n_states} * {lanes}
    days = len(substeps)
    spans = (days + span - 1) // span
    inputs = np.empty({n_inputs} * {lanes})
    for row in range({n_inputs}):
        for l in range(lanes):
            inputs[row * {lanes} + l] = defaults[row]
    raised = np.zeros({n_powers} * {lanes})
    logs = np.zeros({n_powers} * {lanes})
    starts = np.empty((spans, n))
    k = np.zeros(n)
    total = np.empty(n)
    most = 0
    for s in range(spans):
        count = 0
        for day in range(s * span, min(days, (s + 1) * span)):
            count += substeps[day]
        most = max(most, count)
    stages = np.empty((4 * most, n))
    state = y.copy()
    for s in range(spans):
        for i in range(n):
            starts[s, i] = state[i]
        if s < spans - 1:
            keep_stages(
                state, individual, population, inputs, active, series, substeps, s * span, (s + 1) * span,
                raised, logs, k, total, stages, lanes,
            )
    back = np.empty(n)
    into = np.zeros(n)
    last = len(out_days) - 1
    for s in range(spans - 1, -1, -1):
        first, end = s * span, min(days, (s + 1) * span)
        for i in range(n):
            state[i] = starts[s, i]
        step = keep_stages(
            state, individual, population, inputs, active, series, substeps, first, end, raised, logs, k, total,
            stages, lanes,
        )
        for day in range(end - 1, first - 1, -1):
            while last >= 0 and out_days[last] == day + 1:
                for i in range(n):
                    state_bar[i] += cotangents[last, i]
                last -= 1
            set_inputs(inputs, active, series, day, lanes)
            h = 1.0 / substeps[day]
            for _ in range(substeps[day]):
                step -= 1
                for i in range(n):
                    total[i] = state_bar[i]
                    back[i] = h / 6.0 * state_bar[i]
                for stage in range(3, -1, -1):
                    at = stages[4 * step + stage]
                    raise_powers(at, individual, population, inputs, raised, logs, shared, lanes)
                    if shared:
                        pull_everything(
                            at, individual, population, inputs, raised, logs, back, into, individual_bar,
                            population_bar, lanes,
                        )
                    else:
                        pull_individual(
                            at, individual, population, inputs, raised, logs, back, into, individual_bar, lanes
                        )
                    weight = h / 6.0 if stage == 1 else h / 3.0
                    reach = h if stage == 3 else 0.5 * h
                    for i in range(n):
                        total[i] += into[i]
                        back[i] = weight * state_bar[i] + reach * into[i]
                for i in range(n):
                    state_bar[i] = total[i]
    while last >= 0:
        for i in range(n):
            state_bar[i] += cotangents[last, i]
        last -= 1


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def keep_stages(
    state, individual, population, inputs, active, series, substeps, first, end, raised, logs, k, total, stages, lanes
):
    n = {n_states} * {lanes}
    step = 0
    for day in range(first, end):
        set_inputs(inputs, active, series, day, lanes)
        h = 1.0 / substeps[day]
        for _ in range(substeps[day]):
            for i in range(n):
                total[i] = state[i]
                stages[4 * step, i] = state[i]
            for stage in range(4):
                at = stages[4 * step + stage]
                raise_powers(at, individual, population, inputs, raised, logs, False, lanes)
                derivative(at, individual, population, inputs, raised, k, lanes)
                weight = h / 6.0 if stage == 0 or stage == 3 else h / 3.0
                reach = h if stage == 2 else 0.5 * h
                if stage < 3:
                    after = stages[4 * step + stage + 1]
                    for i in range(n):
                        total[i] += weight * k[i]
                        after[i] = state[i] + reach * k[i]
                else:
                    for i in range(n):
                        state[i] = total[i] + weight * k[i]
            step += 1
    return step
'''
