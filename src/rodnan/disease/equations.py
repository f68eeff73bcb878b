"""The whole system of equations, assembled once, symbolically.

Everything that computes or prints the model starts here: the compiled kernel, the reference solver, the documentation.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from rodnan.disease.blood import blood_equations
from rodnan.disease.fibrosis import fibrosis_equations
from rodnan.disease.immune import immune_equations
from rodnan.disease.states import STATE_NAMES
from rodnan.pharmacology.effects import CHANNELS

if TYPE_CHECKING:
    from rodnan.engine.compile import SymbolicSystem

__all__ = ["FLARES", "INDIVIDUAL", "equations_latex", "symbolic_system"]

FLARES: tuple[str, ...] = ("flare", "lung_flare")
"""Forcing functions: systemic activity flares and lung-specific ones, both with mean one."""

INDIVIDUAL: tuple[str, ...] = ("a", "tauD", "d_inf", "g_s", "g_l", "psi_s", "psi_l", "kC_s", "kC_l", "sl")
"""Parameters that differ between patients; all others are common to a population."""


def symbolic_system(population: tuple[str, ...]) -> SymbolicSystem:
    """Assemble the right-hand sides.

    Parameters
    ----------
    population
        Names of the parameters common to all patients, in kernel order.

    Returns
    -------
    SymbolicSystem
        States, parameters, channels, flares and one SymPy expression per state.
    """
    from sympy import Symbol

    from rodnan.engine.compile import SymbolicSystem

    def space(names: tuple[str, ...]) -> SimpleNamespace:
        return SimpleNamespace(**{name: Symbol(name, nonnegative=True) for name in names})

    y, u, f = space(STATE_NAMES), space_of_channels(), space(FLARES)
    p = space(INDIVIDUAL + population)
    rhs = immune_equations(y, p, u, f) | fibrosis_equations(y, p, u, f) | blood_equations(y, p, u, f)
    missing = [name for name in STATE_NAMES if name not in rhs]
    if missing:
        raise AssertionError(f"states without an equation: {missing}")
    return SymbolicSystem(
        states=STATE_NAMES,
        individual=INDIVIDUAL,
        population=population,
        inputs=tuple(f"u_{name}" for name in CHANNELS) + FLARES,
        rhs={name: rhs[name] for name in STATE_NAMES},
    )


def space_of_channels() -> SimpleNamespace:
    """Return the namespace of the drug channels; their symbols are named ``u_<channel>``."""
    from sympy import Symbol

    return SimpleNamespace(**{name: Symbol(f"u_{name}", nonnegative=True) for name in CHANNELS})


def equations_latex() -> dict[str, str]:
    r"""Return each equation as LaTeX, by state name, for the documentation.

    Returns
    -------
    dict
        State name -> ``\frac{d X}{d t} = ...``.
    """
    from sympy import latex

    from rodnan.disease.parameters import load_parameters

    system = symbolic_system(load_parameters(fitted=False).population_names)
    return {
        name: rf"\frac{{d\,{latex_name(name)}}}{{dt}} = {latex(expression)}"
        for name, expression in system.rhs.items()
    }


def latex_name(name: str) -> str:
    """Return a state's symbol as LaTeX."""
    stem, _, organ = name.partition("_")
    return f"{stem}_{{{organ}}}" if organ else stem
