"""A system of ordinary differential equations, written symbolically."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rodnan.errors import EngineError

__all__ = ["SymbolicSystem"]


@dataclass(frozen=True)
class SymbolicSystem:
    """Right-hand sides with the names of everything they use.

    Attributes
    ----------
    states
        State names in kernel order.
    individual
        Names of parameters that differ between patients.
    population
        Names of parameters that all patients share.
    inputs
        Names of the functions of time that drive the system (constant within a step).
    rhs
        State name -> SymPy expression, in the order of `states`.

    Raises
    ------
    EngineError
        RDN-N001 when an expression uses a symbol that is none of these.
    """

    states: tuple[str, ...]
    individual: tuple[str, ...]
    population: tuple[str, ...]
    inputs: tuple[str, ...]
    rhs: Mapping[str, Any]

    def __post_init__(self) -> None:
        known = set(self.states + self.individual + self.population + self.inputs)
        for state, expression in self.rhs.items():
            for symbol in sorted(str(s) for s in expression.free_symbols):
                if symbol not in known:
                    raise EngineError(
                        "RDN-N001", "an equation uses an unknown symbol", where=f"d{state}/dt", value=symbol
                    )
