"""The graph of values: one of each, gathered by how often they change, and cotangents that agree with SymPy's slopes."""

import math

import pytest

from reference.small_system import small_system
from rodnan.engine.compile.adjoint_plan import graph_of
from rodnan.engine.compile.graph import CALL, DAY, NUMBER, PATIENT, STAGE, Graph

AT = {"x": 0.7, "v": -1.3, "n": 1.9, "k": 0.2, "w": 0.4, "gam": 0.37, "u": 0.6}


def evaluate(graph, i, leaves):
    """Return a value by plain recursion."""
    op, args, key, _ = graph[i]
    if op == "num":
        return key
    if op == "leaf":
        return leaves[key]
    a = [evaluate(graph, j, leaves) for j in args]
    if op == "lin":
        return a[0] + sum(c * x for c, x in zip(a[1::2], a[2::2], strict=True))
    holds = {"<": a[0] < a[1], ">": a[0] > a[1]}.get(op[-1]) if len(a) == 3 else None
    return {
        "mul": lambda: a[0] * a[1],
        "recip": lambda: 1 / a[0],
        "sqrt": lambda: math.sqrt(a[0]),
        "log": lambda: math.log(a[0]),
        "pow": lambda: a[0] ** a[1],
        "max": lambda: max(a),
        "min": lambda: min(a),
        "first": lambda: a[2] if holds else 0.0,
        "other": lambda: 0.0 if holds else a[2],
    }[op.rstrip("<>")]()


def test_equal_values_are_one():
    graph = Graph()
    x, y = graph.leaf("x", STAGE), graph.leaf("y", STAGE)
    assert graph.mul(x, y) == graph.mul(y, x)
    two = graph.number(2.0)
    assert graph.mul(two, x) == graph.add([(graph.number(1.0), x), (graph.number(1.0), x)])
    assert graph.is_number(graph.add([(two, x), (graph.number(-2.0), x)]), 0.0)


def test_what_changes_less_often_is_gathered_into_one_coefficient():
    graph = Graph()
    p, own, u = graph.leaf("p", CALL), graph.leaf("own", PATIENT), graph.leaf("u", DAY)
    x, y = graph.leaf("x", STAGE), graph.leaf("y", STAGE)
    coefficient, rest = graph.split(graph.mul(x, u, p, y, own, graph.number(3.0)))
    assert rest == graph.mul(x, y)
    assert graph[coefficient].level == DAY
    inner, input_ = graph.split(coefficient)
    assert (input_, graph[inner].level) == (u, PATIENT)
    total = graph.add([(p, x), (u, x), (graph.number(1.0), own)])
    assert graph[total].args[0] == own
    assert len(graph[total].args) == 3


@pytest.mark.parametrize("u", [0.6, 1.4, 2.5])
def test_values_and_cotangents_agree_with_symbolic_slopes(u):
    system = small_system()
    graph, names, slopes = graph_of(system)
    at = AT | {"u": u}
    bars = {f"bar{i}": 0.3 + i for i in range(3)}
    leaves = at | bars
    from sympy import Symbol

    numbers = {Symbol(n, nonnegative=True): v for n, v in at.items()}
    for name, slope in zip(system.states, slopes, strict=True):
        assert evaluate(graph, slope, leaves) == pytest.approx(
            float(system.rhs[name].subs(numbers)), rel=1e-14
        )
    loss = sum(b * system.rhs[name] for b, name in zip(bars.values(), system.states, strict=True))
    wanted = {names[n] for n in at if n != "u"}

    def active(i):
        return i in wanted or any(active(a) for a in graph[i].args)

    given = {s: graph.leaf(f"bar{i}", STAGE) for i, s in enumerate(slopes)}
    found = {}
    for level in (STAGE, DAY, PATIENT, CALL):
        ends, given = graph.pull(given, level, active)
        found |= ends
    assert all(graph[i].level == NUMBER for i in given)
    for name in at:
        if name == "u":
            continue
        symbol = Symbol(name, nonnegative=True)
        step = 1e-6
        above, below = (float(loss.subs(numbers | {symbol: at[name] + s * step})) for s in (1, -1))
        got = evaluate(graph, found[names[name]], leaves) if names[name] in found else 0.0
        assert got == pytest.approx((above - below) / (2 * step), rel=1e-8, abs=1e-9), name
