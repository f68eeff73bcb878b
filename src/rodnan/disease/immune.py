"""Immune system: drive, lymphocytes, plasma cells, immunoglobulin, macrophages, cytokines, vessel.

One function returns the right-hand sides as SymPy expressions. `y` holds the states, `p` the parameters, `u` the drug
channels and `f` the activity flares; all are namespaces of symbols (see `rodnan.disease.equations`).
"""

from __future__ import annotations

from typing import Any

__all__ = ["immune_equations"]


def immune_equations(y: Any, p: Any, u: Any, f: Any) -> dict[str, Any]:
    """Return the right-hand sides of the immune states (1/day).

    Parameters
    ----------
    y, p, u, f
        Namespaces of SymPy symbols: states, parameters, drug channels, flares.

    Returns
    -------
    dict
        State name -> expression. A turnover state obeys ``k (input - X) - kill X``, its inputs weighted to sum to one.
    """
    from sympy import Min

    b_tissue = 1 - p.phi_B * (1 - y.B)
    restraint = (1 + p.rho) / (1 + p.rho * y.R)
    il6 = y.I * (1 - u.nI6)
    help_t = p.wT0 + p.wTB * b_tissue + p.wTI * il6 + p.wTK * y.K
    t_input = y.D * f.flare * help_t * restraint * (1 - u.pT) * (1 - u.aT)
    treg_input = ((1 - p.rT) + p.rT * y.T) * (1 + p.iota) / (1 + p.iota * il6) * (1 - u.pT / 2)
    k21 = p.k12 * 45 / 55
    k_el = p.kel * (1 + u.fcrn)
    reset = u.rD + p.reset_block * u.pT  # a blocked clone is not renewed: part of the memory is lost
    myofibroblasts = Min(3, (y.F_s + y.F_l) / 2)
    return {
        "E": -y.E / p.tauD - reset * y.E,
        "D": (y.E + p.d_inf * p.a * y.W - y.D) / p.tauD - reset * y.D,
        "W": -reset * y.W,
        "T": p.kT * (t_input - y.T) - u.kT * y.T,
        "R": p.kR * (treg_input - y.R) - u.kR * y.R,
        "B": p.kB * ((1 - u.pB) - y.B) - u.kB * y.B,
        "Ps": p.kPs * (b_tissue * y.T * (1 - u.pPs) - y.Ps) - u.kPs * y.Ps,
        "Pl": p.kPl * (y.Ps - y.Pl) - u.kPl * y.Pl,
        "PN": p.kPl * (b_tissue - y.PN) - u.kPl * y.PN,
        "A1": p.kel * ((1 - p.sl) * y.Ps + p.sl * y.Pl) - k_el * y.A1 - p.k12 * (y.A1 - y.A2) - u.xIg * y.A1,
        "A2": k21 * (y.A1 - y.A2),
        "G1": p.kel * ((1 - p.sn) * b_tissue * (1 - u.pPs) + p.sn * y.PN)
        - k_el * y.G1
        - p.k12 * (y.G1 - y.G2)
        - u.xIg * y.G1,
        "G2": k21 * (y.G1 - y.G2),
        "M": p.kM
        * ((p.wMT * y.T + p.wMI * il6 + p.wMA * y.A1 + p.wMV * y.V + p.wMK * y.K) * (1 - u.aM) - y.M)
        - u.kM * y.M,
        "K": p.kK * ((p.wK0 * y.D * f.flare + p.wKT * y.T + p.wKA * y.A1) * (1 - u.aK) - y.K),
        "I": p.kI * (p.wIT * y.T + p.wIB * b_tissue * y.T + p.wIM * y.M + p.wIF * myofibroblasts - y.I),
        "V": p.kV * ((p.wVT * y.T + p.wVA * y.A1 + p.wVK * y.K) * (1 - u.fV) - y.V),
    }
