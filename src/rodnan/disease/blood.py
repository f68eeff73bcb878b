"""Safety chain: neutrophils (Friberg structure), lymphocytes, glomerular filtration."""

from __future__ import annotations

from typing import Any

__all__ = ["blood_equations"]


def blood_equations(y: Any, p: Any, u: Any, f: Any) -> dict[str, Any]:
    """Return the right-hand sides of the blood and kidney states (1/day).

    The neutrophil chain is that of Friberg and others (J Clin Oncol 2002;20:4713): proliferation with feedback
    ``N4^-gam``, three transits, circulation, ``ktr = 4 / MTT``. Under a constant inhibition e of proliferation the
    steady state is ``(1 - e)^(1/gam)``.

    Parameters
    ----------
    y, p, u, f
        Namespaces of SymPy symbols: states, parameters, drug channels, flares (unused here).

    Returns
    -------
    dict
        State name -> expression.
    """
    ktr = 4 / p.MTT
    chain = {
        "N0": ktr * y.N0 * ((1 - u.pN) * y.N4 ** (-p.gam) - 1),
        "N1": ktr * (y.N0 - y.N1),
        "N2": ktr * (y.N1 - y.N2),
        "N3": ktr * (y.N2 - y.N3),
        "N4": ktr * (y.N3 - y.N4),
    }
    return chain | {
        "L": p.kL * ((1 - u.pL) - y.L) - u.kL * y.L,
        "GFR": p.kH * ((1 - u.nGFR) - y.GFR),
    }
