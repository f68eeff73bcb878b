"""The workload in the languages of the engines: Python functions, SBML, and the concentration in closed form."""

from __future__ import annotations

import ast
from collections.abc import Callable

import numpy as np

from workload.definition import (
    CONSTANT,
    DISEASE,
    DOSE,
    EFFECT,
    INDIVIDUAL,
    INTERVAL,
    KINETIC,
    PARAMETERS,
    SHARED,
    STATES,
)

MODES = tuple(f"{kind}_{i}" for i in (1, 2, 3) for kind in ("rate", "weight"))


def _function(name: str, names: dict[str, str], assigned: dict[str, str], returned: list[str]) -> str:
    lines = [f"def {name}(y, p, effect):"]
    lines += [f"    {symbol} = {value}" for symbol, value in names.items()]
    lines += [f"    {symbol} = {text}" for symbol, text in assigned.items()]
    return "\n".join([*lines, f"    return ({', '.join(returned)})", ""])


def disease_function(power: Callable = pow) -> Callable:
    """Return ``f(y, p, effect)``, the 19 derivatives as a tuple; `y` and `p` are anything that can be indexed.

    Parameters
    ----------
    power
        What ``pow`` is in the language of the caller (`jax.numpy.power` there).
    """
    names = {s: f"y[{i}]" for i, s in enumerate(STATES)}
    names |= {s: f"p[{i}]" for i, s in enumerate(PARAMETERS)} | {s: repr(v) for s, v in CONSTANT.items()}
    space: dict = {"pow": power}
    exec(_function("disease", names, SHARED, [text for _, text in DISEASE.values()]), space)
    return space["disease"]


def kinetic_function() -> Callable:
    """Return ``f(y, p, effect)``, the 3 derivatives of the amounts as a tuple; `effect` is not used."""
    names = {s: f"y[{i}]" for i, s in enumerate(KINETIC)} | {s: f"p[{i}]" for i, s in enumerate(PARAMETERS)}
    space: dict = {}
    exec(_function("kinetic", names, {}, list(KINETIC.values())), space)
    return space["kinetic"]


def modes(population: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rates (1/day) and weights (mg/L) of the three exponentials after one dose, each (n, 3).

    The concentration after a single dose is ``sum(weights * exp(-rates * t))``. With ``k`` earlier doses at equal
    intervals the weights grow by ``(1 - exp(-rates*(k+1)*interval)) / (1 - exp(-rates*interval))``.
    """
    p = dict(zip(PARAMETERS, population.T, strict=True))
    out, back = (p["clearance"] + p["exchange"]) / p["v1"], p["exchange"] / p["v2"]
    across = out + back
    product = p["clearance"] / p["v1"] * back
    fast = (across + np.sqrt(across**2 - 4 * product)) / 2
    slow, ka = product / fast, p["ka"]
    scale = DOSE * ka / p["v1"]
    weights = (
        scale * (back - ka) / ((fast - ka) * (slow - ka)),
        scale * (back - fast) / ((ka - fast) * (slow - fast)),
        scale * (back - slow) / ((ka - slow) * (fast - slow)),
    )
    return np.stack([ka, fast, slow], axis=1), np.stack(weights, axis=1)


def endless_modes(population: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rates and weights as `modes` does, the weights those of an endless row of earlier doses.

    With ``k`` earlier doses the concentration is then
    ``sum(weights * (1 - exp(-rates*(k+1)*interval)) * exp(-rates*time_after_dose))``.
    """
    rates, weights = modes(population)
    return rates, weights / -np.expm1(-rates * INTERVAL)


def mode_parameters(population: np.ndarray) -> np.ndarray:
    """Return the six parameters `MODES`, rate and weight of `endless_modes` in turn, shape (n, 6)."""
    return np.stack(endless_modes(population), axis=2).reshape(len(population), 6)


def closed_concentration() -> str:
    """Return the concentration as an expression in `MODES`, ``k`` (doses before the last) and ``after``."""
    return " + ".join(
        f"weight_{i}*(1.0 - exp(-rate_{i}*{INTERVAL!r}*(k + 1.0)))*exp(-rate_{i}*after)" for i in (1, 2, 3)
    )


_NODES = {ast.Add: "plus", ast.Sub: "minus", ast.Mult: "times", ast.Div: "divide"}
_CALLS = {"pow": "power", "exp": "exp"}


def mathml(text: str) -> str:
    """Return an expression as MathML content; ``time`` is the time of the simulation."""

    def write(node: ast.expr) -> str:
        match node:
            case ast.Constant(value):
                return f"<cn>{value!r}</cn>"
            case ast.Name("time"):
                return '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time">t</csymbol>'
            case ast.Name(name):
                return f"<ci>{name}</ci>"
            case ast.UnaryOp(ast.USub(), operand):
                return f"<apply><minus/>{write(operand)}</apply>"
            case ast.BinOp(left, operator, right):
                return f"<apply><{_NODES[type(operator)]}/>{write(left)}{write(right)}</apply>"
            case ast.Compare(left, [ast.GtE()], [right]):
                return f"<apply><geq/>{write(left)}{write(right)}</apply>"
            case ast.Call(ast.Name(name), arguments):
                return f"<apply><{_CALLS[name]}/>{''.join(map(write, arguments))}</apply>"
        raise ValueError(f"no MathML for {ast.dump(node)}")

    return (
        f'<math xmlns="http://www.w3.org/1998/Math/MathML">{write(ast.parse(text, mode="eval").body)}</math>'
    )


def sbml(closed_form: bool = False) -> str:
    """Return the workload as SBML Level 3 Version 1, every quantity a parameter.

    An event fires whenever the time reaches the parameter ``next_dose`` and moves it on; without the closed form it
    adds the dose. The dose at time 0 is the initial value of the depot.

    Parameters
    ----------
    closed_form
        Give the concentration in closed form (parameters `MODES`) instead of three amounts: the event then only
        counts the doses and makes the solver stop where the concentration has a kink.
    """
    values = {name: median for name, (median, _) in INDIVIDUAL.items()} | CONSTANT
    moving = {name: start for name, (start, _) in DISEASE.items()} | {"next_dose": INTERVAL}
    rates = {name: text for name, (_, text) in DISEASE.items()}
    assigned, changed = dict(EFFECT), {"next_dose": f"next_dose + {INTERVAL!r}"}
    if closed_form:
        values |= dict.fromkeys(MODES, 1.0)
        assigned = {
            "after": f"time - next_dose + {INTERVAL!r}",
            "k": f"next_dose/{INTERVAL!r} - 1.0",
            "conc": closed_concentration(),
            "effect": EFFECT["effect"],
        }
    else:
        moving |= {"depot": DOSE, "central": 0.0, "deep": 0.0}
        rates = KINETIC | rates
        changed |= {"depot": f"depot + {DOSE!r}"}
    assigned |= SHARED
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">',
            '<model id="workload"><listOfParameters>',
            *(
                f'<parameter id="{name}" value="{value!r}" constant="true"/>'
                for name, value in values.items()
            ),
            *(
                f'<parameter id="{name}" value="{value!r}" constant="false"/>'
                for name, value in moving.items()
            ),
            *(f'<parameter id="{name}" constant="false"/>' for name in assigned),
            "</listOfParameters><listOfRules>",
            *(
                f'<assignmentRule variable="{n}">{mathml(text)}</assignmentRule>'
                for n, text in assigned.items()
            ),
            *(f'<rateRule variable="{name}">{mathml(text)}</rateRule>' for name, text in rates.items()),
            '</listOfRules><listOfEvents><event id="dose" useValuesFromTriggerTime="true">',
            '<trigger initialValue="true" persistent="true">',
            mathml("time >= next_dose"),
            "</trigger><listOfEventAssignments>",
            *(
                f'<eventAssignment variable="{n}">{mathml(text)}</eventAssignment>'
                for n, text in changed.items()
            ),
            "</listOfEventAssignments></event></listOfEvents>",
            "</model></sbml>",
            "",
        ]
    )
