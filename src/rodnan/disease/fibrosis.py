"""Skin and lung: TGF-beta, myofibroblasts, reversible and cross-linked matrix, the same equations for both organs."""

from __future__ import annotations

from typing import Any

__all__ = ["fibrosis_equations"]


def fibrosis_equations(y: Any, p: Any, u: Any, f: Any) -> dict[str, Any]:
    """Return the right-hand sides of the organ states of skin (``_s``) and lung (``_l``).

    Parameters
    ----------
    y, p, u, f
        Namespaces of SymPy symbols: states, parameters, drug channels, flares.

    Returns
    -------
    dict
        State name -> expression (1/day; matrix states in score units per day).
    """
    tired = (1 + p.ex_s) / (1 + p.ex_s * y.Ex_s)
    exhaustion = {"Ex_s": (y.F_s - y.Ex_s) / p.tau_ex}
    return _organ("s", 1, tired, y, p, u) | _organ("l", f.lung_flare, 1, y, p, u) | exhaustion


def _organ(o: str, local_flare: Any, tired: Any, y: Any, p: Any, u: Any) -> dict[str, Any]:
    from sympy import Max, Min

    def of(space: Any, name: str) -> Any:
        return getattr(space, f"{name}_{o}")

    q_state, f_state, c_state, x_state = of(y, "Q"), of(y, "F"), of(y, "C"), of(y, "X")
    b_tissue = 1 - p.phi_B * (1 - y.B)
    il6 = y.I * (1 - u.nI6)
    matrix = c_state + x_state
    reference = of(p, "Zref")
    stiffness = (1 + p.sig) * matrix / (matrix + p.sig * reference)
    immune = p.wQM * y.M + p.wQV * y.V + p.wQT * y.T + p.wQB * b_tissue * y.T
    latent = of(p, "chi")
    psi = of(p, "psi")
    q_input = (1 - psi) * immune * local_flare * ((1 - latent) + latent * stiffness) + psi * Min(
        f_state, 2
    ) * stiffness
    q = q_state * (1 - u.nTb)
    hill = q * q * (1 + p.kap) / (p.kap + q * q)
    activation = of(p, "g") * ((1 - p.om6) + p.om6 * il6) * hill * tired * (1 - u.pF)
    room_left = Max(0, 1 - matrix / of(p, "Zmax"))
    deposition = of(p, "Zstar") * (of(p, "kC") + of(p, "kX")) * f_state * (1 - u.fS) * room_left
    return {
        f"Q_{o}": of(p, "kQ") * (q_input - q_state),
        f"F_{o}": p.kF * (activation - f_state) - u.kF * f_state,
        f"C_{o}": deposition - (of(p, "kC") * (1 + u.mmp) + of(p, "kX")) * c_state,
        f"X_{o}": of(p, "kX") * c_state - of(p, "kdX") * x_state,
    }
