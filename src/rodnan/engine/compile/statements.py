"""A system as a list of plain assignments, from which every target is printed.

Common subexpressions become assignments; so do extremes and general powers, each on its own, since their derivatives
(the active branch; ``b**e * e / b`` and ``b**e * log b``) and their printing differ from target to target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rodnan.engine.compile.system import SymbolicSystem

__all__ = ["Statement", "print_expression", "statements"]


@dataclass(frozen=True)
class Statement:
    """One assignment.

    Attributes
    ----------
    name
        Name of the result.
    kind
        ``plain`` (any expression), ``max``, ``min`` or ``power`` (two arguments each).
    expression
        The SymPy expression of a plain assignment.
    arguments
        The two symbols or numbers of the other kinds.
    """

    name: str
    kind: Literal["plain", "max", "min", "power"]
    expression: Any = None
    arguments: tuple[Any, ...] = ()


def statements(system: SymbolicSystem) -> tuple[list[Statement], dict[str, Any]]:
    """Return the assignments of a system and what is left of its right-hand sides.

    Parameters
    ----------
    system
        The equations.

    Returns
    -------
    assignments
        In an order in which each uses earlier ones only.
    results
        State name -> expression of its derivative, in terms of the assignments.
    """
    from sympy import cse
    from sympy.utilities.iterables import numbered_symbols

    shared, reduced = cse(
        [system.rhs[name] for name in system.states], symbols=numbered_symbols("x"), order="none"
    )
    made: list[Statement] = []
    seen: dict[Any, Any] = {}
    for symbol, expression in shared:
        made.append(Statement(str(symbol), "plain", _lift(expression, made, seen)))
    results = {
        name: _lift(expression, made, seen) for name, expression in zip(system.states, reduced, strict=True)
    }
    return made, results


def _lift(e: Any, made: list[Statement], seen: dict[Any, Any]) -> Any:
    """Return an expression whose extremes and general powers have become assignments of their own."""
    from sympy import Max, Min, Symbol

    if not e.args:
        return e
    if e in seen:
        return seen[e]
    arguments = [_lift(a, made, seen) for a in e.args]
    general = e.is_Pow and not e.exp.is_number
    if not isinstance(e, Max | Min) and not general:
        return e.func(*arguments)
    while len(arguments) > 2:  # an extreme of several is one of two and the rest
        arguments = [_assign(e, arguments[:2], made), *arguments[2:]]
    result = _assign(e, arguments, made)
    seen[e] = result if isinstance(result, Symbol) else e
    return result


def _assign(e: Any, arguments: list[Any], made: list[Statement]) -> Any:
    from sympy import Max, Min, Symbol

    kind = "max" if isinstance(e, Max) else "min" if isinstance(e, Min) else "power"
    operands = []
    for a in arguments:
        if a.is_Symbol or a.is_number:
            operands.append(a)
            continue
        name = f"v{len(made)}"
        made.append(Statement(name, "plain", a))
        operands.append(Symbol(name, real=True))
    name = f"v{len(made)}"
    made.append(Statement(name, kind, arguments=tuple(operands)))
    return Symbol(name, real=True)


def print_expression(
    e: Any,
    *,
    root: str = "sqrt",
    rename: Mapping[str, str] | None = None,
    power: Callable | None = None,
    number: Callable[[str], str] = str,
) -> str:
    """Return a plain expression as text with ``+ * /`` and a square root.

    Parameters
    ----------
    e
        Sums, products, whole and half powers of symbols and numbers.
    root
        Name of the square root in the target language.
    rename
        Symbol -> text put in its place.
    power
        Prints ``base, exponent`` (both text) of other numeric powers; refused where None.
    number
        Prints a positive number, given as text.

    Raises
    ------
    TypeError
        For a function that the equations of this package do not use.
    """
    names = rename or {}

    def sub(x: Any) -> str:
        if x.is_Symbol:
            return names.get(str(x), str(x))
        if x.is_Integer or x.is_Float:
            text = number(repr(abs(float(x))))
            return f"(-{text})" if x.is_negative else text
        if x.is_Rational:
            text = f"{number(f'{abs(x.p)}.0')}/{number(f'{x.q}.0')}"
            return f"(-{text})" if x.is_negative else f"({text})"
        if x.is_Add:
            return "(" + " + ".join(sub(a) for a in x.args) + ")"
        if x.is_Mul:
            low = [a.base ** (-a.exp) for a in x.args if _is_divisor(a)]
            text = " * ".join(sub(a) for a in x.args if not _is_divisor(a)) or number("1.0")
            return f"({text} / ({' * '.join(sub(a) for a in low)}))" if low else f"({text})"
        if x.is_Pow and x.exp.is_number:
            return raised(x.base, x.exp)
        raise TypeError(f"no printing rule for {type(x).__name__}: {x}")

    def raised(base: Any, exponent: Any) -> str:
        if exponent.is_negative:
            return f"({number('1.0')} / {sub(base ** (-exponent))})"
        if exponent.is_Rational and exponent.q <= 2:
            factors = [sub(base)] * (int(exponent.p) // int(exponent.q))
            if exponent.q == 2:
                factors.append(f"{root}({sub(base)})")
            return "(" + " * ".join(factors) + ")"
        if power is None:
            raise TypeError(f"no printing rule for the power {base}**{exponent}")
        return power(sub(base), sub(exponent))

    return sub(e)


def _is_divisor(a: Any) -> bool:
    return bool(a.is_Pow and a.exp.is_number and a.exp.is_negative)
