"""The equations as models of other programs: SBML Level 3 and mrgsolve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from rodnan.engine.compile.statements import Statement, print_expression, statements
from rodnan.engine.compile.system import SymbolicSystem

__all__ = ["mrgsolve_text", "sbml_text"]

_MATH = "http://www.w3.org/1998/Math/MathML"


def sbml_text(
    system: SymbolicSystem, model_id: str, notes: str, start: Mapping[str, float], values: Mapping[str, float]
) -> str:
    """Return a system as SBML Level 3 Version 1 core.

    Parameters
    ----------
    system
        The equations; time is in days.
    model_id
        Id of the model.
    notes
        What the file is, for people.
    start
        State -> value at time zero.
    values
        Parameter or input -> value; inputs are parameters that a user may change by events.

    Returns
    -------
    str
        XML: a rate rule for each state, an assignment rule for each common term. Everything is a parameter, since
        nothing is an amount in a compartment.
    """
    made, results = statements(system)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">',
        f"<model id={quoteattr(model_id)}>",
        f'<notes><p xmlns="http://www.w3.org/1999/xhtml">{escape(notes)}</p></notes>',
        "<listOfParameters>",
    ]
    lines += [f'<parameter id="{n}" value="{float(start[n])!r}" constant="false"/>' for n in system.states]
    for name in system.individual + system.population + system.inputs:
        constant = "false" if name in system.inputs else "true"
        lines.append(f'<parameter id="{name}" value="{float(values[name])!r}" constant="{constant}"/>')
    lines += [f'<parameter id="{s.name}" constant="false"/>' for s in made]
    lines += ["</listOfParameters>", "<listOfRules>"]
    for s in made:
        lines.append(_rule("assignmentRule", s.name, _statement_mathml(s)))
    for name in system.states:
        lines.append(_rule("rateRule", name, _mathml(results[name])))
    lines += ["</listOfRules>", "</model>", "</sbml>"]
    return "\n".join(lines) + "\n"


def _rule(kind: str, variable: str, body: str) -> str:
    return f'<{kind} variable="{variable}"><math xmlns="{_MATH}">{body}</math></{kind}>'


def _statement_mathml(s: Statement) -> str:
    if s.kind == "plain":
        return _mathml(s.expression)
    a, b = (_mathml(x) for x in s.arguments)
    if s.kind == "power":
        return f"<apply><power/>{a}{b}</apply>"
    relation = "gt" if s.kind == "max" else "lt"
    test = f"<apply><{relation}/>{a}{b}</apply>"
    return f"<piecewise><piece>{a}{test}</piece><otherwise>{b}</otherwise></piecewise>"


def _mathml(e: Any) -> str:
    if e.is_Symbol:
        return f"<ci> {e} </ci>"
    if e.is_Integer or e.is_Float:
        number = repr(float(e))
        if "e" in number:
            mantissa, _, exponent = number.partition("e")
            return f'<cn type="e-notation"> {mantissa} <sep/> {int(exponent)} </cn>'
        return f"<cn> {number} </cn>"
    if e.is_Rational:
        return f"<apply><divide/><cn> {e.p}.0 </cn><cn> {e.q}.0 </cn></apply>"
    if e.is_Add or e.is_Mul:
        head = "plus" if e.is_Add else "times"
        return f"<apply><{head}/>{''.join(_mathml(a) for a in e.args)}</apply>"
    if e.is_Pow and e.exp == -1:
        return f"<apply><divide/><cn> 1.0 </cn>{_mathml(e.base)}</apply>"
    if e.is_Pow:
        return f"<apply><power/>{_mathml(e.base)}{_mathml(e.exp)}</apply>"
    raise TypeError(f"no printing rule for {type(e).__name__}: {e}")


def mrgsolve_text(
    system: SymbolicSystem, notes: str, start: Mapping[str, float], values: Mapping[str, float]
) -> str:
    """Return a system as the text of an mrgsolve model; arguments as in `sbml_text`.

    Returns
    -------
    str
        Blocks ``$PROB, $PARAM, $CMT, $MAIN, $ODE``. State S is the compartment ``S``, its start ``S_0``; inputs are
        parameters, so a data set may change them over time.
    """
    made, results = statements(system)
    # mrgsolve reserves some short names (such as F_<cmt>, T, R): everything of ours gets a prefix
    states = {name: f"s_{name}" for name in system.states}
    rest = {name: f"p_{name}" for name in system.individual + system.population}
    names = states | rest | {name: f"i_{name}" for name in system.inputs}

    def text(e: Any) -> str:
        return print_expression(e, rename=names, power=lambda a, b: f"pow({a}, {b})")

    lines = ["$PROB", notes, "", "$PARAM"]
    for name in system.individual + system.population + system.inputs:
        lines.append(f"{names[name]} = {float(values[name])!r}")
    lines += ["", "$CMT " + " ".join(states.values()), "", "$MAIN"]
    lines += [f"{states[name]}_0 = {float(start[name])!r};" for name in system.states]
    lines += ["", "$ODE"]
    for s in made:
        if s.kind == "plain":
            body = text(s.expression)
        else:
            a, b = (text(x) for x in s.arguments)
            relation = ">" if s.kind == "max" else "<"
            body = f"pow({a}, {b})" if s.kind == "power" else f"({a} {relation} {b}) ? {a} : {b}"
        lines.append(f"double {s.name} = {body};")
    lines += [f"dxdt_{states[name]} = {text(results[name])};" for name in system.states]
    return "\n".join(lines) + "\n"
