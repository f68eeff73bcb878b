"""The equations as a JAX module: right-hand side of one patient, Runge-Kutta over days, all patients by `vmap`."""

from __future__ import annotations

from rodnan.engine.compile.statements import Statement, print_expression, statements
from rodnan.engine.compile.system import SymbolicSystem

__all__ = ["jax_source"]


def jax_source(system: SymbolicSystem) -> str:
    """Return the source of a JAX module of a system.

    Parameters
    ----------
    system
        The equations.

    Returns
    -------
    str
        A module with the names ``STATES, INDIVIDUAL, POPULATION, INPUTS`` and the functions
        ``rhs(y, individual, population, inputs) -> dy`` of one patient, ``step(y, ..., h)`` and
        ``advance(y, individual, population, series, substeps=1)``, which takes ``y[n, n_states]``,
        ``individual[n, n_individual]``, ``population[n_population]``, ``series[days, n_inputs, n]`` and returns the
        states after each day, ``[days, n, n_states]``. float64 is asked for by whoever imports it
        (``jax.config.update("jax_enable_x64", True)``).
    """
    made, results = statements(system)
    lines = []
    for array, names in (
        ("y", system.states),
        ("individual", system.individual),
        ("population", system.population),
        ("inputs", system.inputs),
    ):
        lines += [f"    {name} = {array}[{row}]" for row, name in enumerate(names)]
    lines += [f"    {s.name} = {_text(s)}" for s in made]
    outcome = ",\n".join(
        f"        {print_expression(results[name], root='jnp.sqrt')}" for name in system.states
    )
    return _TEMPLATE.format(
        states=system.states,
        individual=system.individual,
        population=system.population,
        inputs=system.inputs,
        body="\n".join(lines),
        outcome=outcome,
    )


def _text(s: Statement) -> str:
    if s.kind == "plain":
        return print_expression(s.expression, root="jnp.sqrt")
    a, b = (print_expression(x) for x in s.arguments)
    if s.kind == "power":
        return f"{a} ** {b}"
    return f"jnp.where({a} {'>' if s.kind == 'max' else '<'} {b}, {a}, {b})"


_TEMPLATE = '''"""Generated from the symbolic equations; do not edit. A simulation model, no forecast for a person."""

import jax
import jax.numpy as jnp

STATES = {states!r}
INDIVIDUAL = {individual!r}
POPULATION = {population!r}
INPUTS = {inputs!r}


def rhs(y, individual, population, inputs):
    """Return dy/dt (1/day) of one patient; vectors in the order of the names above."""
{body}
    return jnp.stack([
{outcome},
    ])


def step(y, individual, population, inputs, h):
    """Return the state of one patient after one classical Runge-Kutta step of h days."""
    k1 = rhs(y, individual, population, inputs)
    k2 = rhs(y + 0.5 * h * k1, individual, population, inputs)
    k3 = rhs(y + 0.5 * h * k2, individual, population, inputs)
    k4 = rhs(y + h * k3, individual, population, inputs)
    return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def advance(y, individual, population, series, substeps=1):
    """Return the states after each day, [days, n, n_states], inputs constant within a day."""
    many = jax.vmap(step, in_axes=(0, 0, None, 1, None))

    def day(state, inputs):
        for _ in range(substeps):
            state = many(state, individual, population, inputs, 1.0 / substeps)
        return state, state

    return jax.lax.scan(day, y, series)[1]
'''
