"""The same equations as one plain NumPy function of one patient, for reference solvers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rodnan.engine.compile.system import SymbolicSystem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["reference_rhs"]


def reference_rhs(system: SymbolicSystem) -> Callable[..., NDArray[np.float64]]:
    """Return ``f(y, individual, population, inputs) -> dy/dt`` made by SymPy's own printer.

    Parameters
    ----------
    system
        The equations.

    Returns
    -------
    callable
        Takes float64 vectors in the order of the system's names; independent of the lane kernel's printer.
    """
    import numpy as np
    from sympy import Symbol, lambdify

    names = (system.states, system.individual, system.population, system.inputs)
    arguments = [[Symbol(n, nonnegative=True) for n in group] for group in names]
    function = lambdify(arguments, [system.rhs[n] for n in system.states], modules="numpy")

    def rhs(y, individual, population, inputs):
        return np.asarray(function(y, individual, population, inputs), dtype=float)

    return rhs
