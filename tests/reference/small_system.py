"""A system of three states with every kind of term: rotation, decay, powers, extremes, an input."""

from types import SimpleNamespace

from rodnan.engine.compile import SymbolicSystem


def small_system():
    """Return the system: one parameter of the patient, two shared ones, one input."""
    from sympy import Max, Min, Symbol, sqrt

    s = SimpleNamespace(**{n: Symbol(n, nonnegative=True) for n in ("x", "v", "n", "k", "w", "gam", "u")})
    return SymbolicSystem(
        states=("x", "v", "n"),
        individual=("k",),
        population=("w", "gam"),
        inputs=("u",),
        rhs={
            "x": s.w * s.v,
            "v": -s.w * s.x,
            "n": -s.k * s.n ** (1 + s.gam) + Max(s.k, s.u - 2) + Min(s.u, 1) * sqrt(s.n) / 10,
        },
    )
