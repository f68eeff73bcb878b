"""The CPU kernel as source: patients side by side in the fast axis, one classical RK4 step after another.

The generated module has one function, ``advance``, that takes one block of at most `LANES` patients through the days.
Its arrays are flat and its strides are literals, so that the compiler sees independent lanes and uses vector
instructions; powers are taken in a loop of their own, since a library call in the main loop would stop that.
Parameters that every patient shares are scalars. No fast-math: a lane's numbers depend on that lane alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rodnan.engine.compile.system import SymbolicSystem

__all__ = ["LANES", "lane_source"]

LANES = 32
"""Patients in a block."""


def lane_source(system: SymbolicSystem) -> str:
    """Return the Python source of the kernel module of a system.

    Parameters
    ----------
    system
        The equations.

    Returns
    -------
    str
        A module with ``advance(y, individual, population, active, series, substeps, lanes, out_days, out)``: `y`
        float64[n_states*LANES] is advanced in place; `individual` float64[n_individual*LANES]; `population`
        float64[n_population]; `active` int64[n_active] says which inputs the rows of `series`
        float64[days, n_active*LANES] are (all others are zero, but see `defaults`); each day is split into
        ``substeps[day]`` equal steps; after each day named in `out_days` (ascending, 0 = before the first) the state
        is copied to `out` float64[n_out, n_states*LANES].
    """
    from sympy import cse
    from sympy.utilities.iterables import numbered_symbols

    expressions = [system.rhs[name] for name in system.states]
    shared, reduced = cse(expressions, symbols=numbered_symbols("x"), order="none")
    population = set(system.population)
    hoisted: list[str] = []  # depends on shared parameters only: computed once per call
    body: list[str] = []
    printer = _Printer()
    scalar_names = set(population)
    for symbol, expression in shared:
        names = {str(s) for s in expression.free_symbols}
        if names <= scalar_names:
            hoisted.append(f"    {symbol} = {printer.scalar(expression)}")
            scalar_names.add(str(symbol))
            continue
        body.append(f"        {symbol} = {printer.lane(expression)}")
    for name, expression in zip(system.states, reduced, strict=True):
        body.append(f"        dy[{_at(system.states.index(name))}] = {printer.lane(expression)}")
    loads = _loads(system, body, len(printer.powers))
    pow_loop = _power_loop(system, printer)
    return _TEMPLATE.format(
        lanes=LANES,
        n_states=len(system.states),
        n_inputs=len(system.inputs),
        n_powers=max(1, len(printer.powers)),
        unpack="\n".join(f"    {name} = population[{i}]" for i, name in enumerate(system.population)),
        hoisted="\n".join(hoisted) or "    pass",
        pow_loop=pow_loop,
        loads=loads,
        body="\n".join(body),
    )


def _at(row: int) -> str:
    return f"{row * LANES} + l"


def _loads(system: SymbolicSystem, body: Iterable[str], powers: int) -> str:
    """Return the lines that bring a lane's states, parameters and inputs into registers."""
    import re

    text = "\n".join(body)
    used = set(re.findall(r"[A-Za-z_]\w*", text))
    lines = []
    for array, names in (("y", system.states), ("individual", system.individual), ("inputs", system.inputs)):
        for row, name in enumerate(names):
            if name in used:
                lines.append(f"        {name} = {array}[{_at(row)}]")
    for row in range(powers):
        lines.append(f"        pow{row} = powers[{_at(row)}]")
    return "\n".join(lines)


def _power_loop(system: SymbolicSystem, printer: _Printer) -> str:
    """Return the loop that takes the general powers, one line a power."""
    if not printer.powers:
        return "    pass"
    lines = ["    for l in range(lanes):"]
    for row, (base, exponent) in enumerate(printer.powers.values()):
        lines.append(f"        powers[{_at(row)}] = {base} ** ({exponent})")
    text = "\n".join(lines)
    for array, names in (("y", system.states), ("individual", system.individual), ("inputs", system.inputs)):
        for row, name in enumerate(names):
            text = _replace_word(text, name, f"{array}[{_at(row)}]")
    return text


def _replace_word(text: str, word: str, by: str) -> str:
    import re

    return re.sub(rf"(?<![\w\[]){re.escape(word)}(?!\w)", by, text)


class _Printer:
    """Prints expressions as Python that numba vectorises."""

    def __init__(self) -> None:
        self.powers: dict[str, tuple[str, str]] = {}

    def scalar(self, expression: Any) -> str:
        return self._print(expression, general=False)

    def lane(self, expression: Any) -> str:
        return self._print(expression, general=True)

    def _print(self, e: Any, general: bool) -> str:
        from sympy import Max, Min

        def sub(x: Any) -> str:
            return self._print(x, general)

        if e.is_Symbol:
            return str(e)
        if e.is_Integer or e.is_Float:
            return repr(float(e))
        if e.is_Rational:
            return f"({e.p}.0/{e.q}.0)"
        if e.is_Add:
            return "(" + " + ".join(sub(a) for a in e.args) + ")"
        if e.is_Mul:
            top = [a for a in e.args if not (a.is_Pow and a.exp.is_number and a.exp.is_negative)]
            low = [a.base ** (-a.exp) for a in e.args if a.is_Pow and a.exp.is_number and a.exp.is_negative]
            text = " * ".join(sub(a) for a in top) or "1.0"
            if low:
                text += " / (" + " * ".join(sub(a) for a in low) + ")"
            return f"({text})"
        if isinstance(e, Max | Min):
            a, b = (sub(x) for x in e.args)
            return f"({a} if {a} {'>' if isinstance(e, Max) else '<'} {b} else {b})"
        if e.is_Pow:
            return self._power(e, sub, general)
        raise TypeError(f"no printing rule for {type(e).__name__}: {e}")

    def _power(self, e: Any, sub: Any, general: bool) -> str:
        base, exponent = e.base, e.exp
        if exponent.is_number and exponent.is_negative:
            return f"(1.0 / {sub(base ** (-exponent))})"
        if exponent.is_Integer:
            return "(" + " * ".join([sub(base)] * int(exponent)) + ")"
        if exponent.is_Rational and exponent.q == 2:
            whole = int(exponent.p) // 2
            return "(" + " * ".join([sub(base)] * whole + [f"sqrt({sub(base)})"]) + ")"
        if not general:
            return f"({sub(base)} ** {sub(exponent)})"
        key = str(e)
        if key not in self.powers:
            self.powers[key] = (self._print(base, False), self._print(exponent, False))
        return f"pow{list(self.powers).index(key)}"


_TEMPLATE = '''"""Generated from the symbolic equations; do not edit."""

from math import sqrt

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def derivative(y, individual, population, inputs, powers, dy, lanes):
{unpack}
{hoisted}
{pow_loop}
    for l in range(lanes):
{loads}
{body}


@njit(cache=True, nogil=True)
def advance(y, individual, population, defaults, active, series, substeps, lanes, out_days, out):
    n = {n_states} * {lanes}
    inputs = np.empty({n_inputs} * {lanes})
    for row in range({n_inputs}):
        for l in range({lanes}):
            inputs[row * {lanes} + l] = defaults[row]
    powers = np.zeros({n_powers} * {lanes})
    k = np.zeros(n)
    total = np.zeros(n)
    stage = np.zeros(n)
    next_out = 0
    while next_out < len(out_days) and out_days[next_out] == 0:
        for i in range(n):
            out[next_out, i] = y[i]
        next_out += 1
    for day in range(len(substeps)):
        for row in range(len(active)):
            base = active[row] * {lanes}
            for l in range({lanes}):
                inputs[base + l] = series[day, row * {lanes} + l]
        steps = substeps[day]
        h = 1.0 / steps
        half = 0.5 * h
        sixth = h / 6.0
        third = h / 3.0
        for _ in range(steps):
            derivative(y, individual, population, inputs, powers, k, lanes)
            for i in range(n):
                total[i] = y[i] + sixth * k[i]
                stage[i] = y[i] + half * k[i]
            derivative(stage, individual, population, inputs, powers, k, lanes)
            for i in range(n):
                total[i] += third * k[i]
                stage[i] = y[i] + half * k[i]
            derivative(stage, individual, population, inputs, powers, k, lanes)
            for i in range(n):
                total[i] += third * k[i]
                stage[i] = y[i] + h * k[i]
            derivative(stage, individual, population, inputs, powers, k, lanes)
            for i in range(n):
                y[i] = total[i] + sixth * k[i]
        while next_out < len(out_days) and out_days[next_out] == day + 1:
            for i in range(n):
                out[next_out, i] = y[i]
            next_out += 1
'''
