"""The common benchmark workload is the same system in every language, and the harness cannot be fooled."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.linalg import expm

from shared_data import shared_path

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import compare  # noqa: E402
from workload import definition as w  # noqa: E402
from workload.mrgsolve_text import model_text  # noqa: E402
from workload.spelling import (  # noqa: E402
    MODES,
    disease_function,
    endless_modes,
    kinetic_function,
    mode_parameters,
    modes,
    sbml,
)

SBML = "{http://www.sbml.org/sbml/level3/version1/core}"
MATH = "{http://www.w3.org/1998/Math/MathML}"


@pytest.fixture(params=range(5))
def point(request):
    """Return a random state, a patient and a time after many doses."""
    rng = np.random.default_rng(request.param)
    y = np.concatenate([rng.uniform(50, 800, 3), rng.uniform(0.3, 2.0, 19)])
    return y, w.population(5)[request.param], rng.uniform(20.0, 30.0)


def in_python(y, p, conc):
    ic50 = p[w.PARAMETERS.index("ic50")]
    return np.array(kinetic_function()(y, p, 0.0) + disease_function()(y[3:], p, conc / (ic50 + conc)))


def concentration(p, time):
    """Add up every dose so far, each advanced by the exponential of the matrix of the kinetics."""
    value = dict(zip(w.PARAMETERS, p, strict=True))
    out, across = (
        value["clearance"] / value["v1"],
        (value["exchange"] / value["v1"], value["exchange"] / value["v2"]),
    )
    matrix = np.array(
        [[-value["ka"], 0, 0], [value["ka"], -out - across[0], across[1]], [0, across[0], -across[1]]]
    )
    given = np.arange(0.0, time, w.INTERVAL)
    return sum((expm(matrix * (time - t)) @ [w.DOSE, 0, 0])[1] for t in given) / value["v1"]


def test_the_definition_has_the_numbers_of_the_shared_one(point):
    path = shared_path("design/workload.py")
    spec = importlib.util.spec_from_file_location("shared_workload", path)
    shared = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shared)
    y, p, _ = point
    names = dict(zip(shared.STATES, y, strict=True)) | dict(zip(shared.IND, p, strict=True)) | shared.FIX
    for name, text in shared.AUX + shared.AUXD:
        names[name] = eval(text, {"pow": pow}, names)
    expected = [eval(text, {"pow": pow}, names) for text in [*shared.DPK.values(), *shared.DD.values()]]
    np.testing.assert_allclose(in_python(y, p, names["Cc"]), expected, rtol=1e-12)
    np.testing.assert_allclose(w.population(30), shared.population(30), rtol=1e-13)
    np.testing.assert_array_equal(w.initial_state(), shared.y0()[3:])
    assert (shared.DOSE, shared.TAU, shared.NDOSE, shared.TEND) == (w.DOSE, w.INTERVAL, w.DOSES, w.END)
    assert len(w.OUTPUT_TIMES) == shared.NOUT


def test_first_patients_do_not_depend_on_how_many_follow():
    np.testing.assert_array_equal(w.population(7), w.population(40)[:7])


def test_the_closed_form_is_the_sum_of_all_doses(point):
    _, p, time = point
    rates, weights = (part[0] for part in modes(p[None]))
    k = np.floor(time / w.INTERVAL)
    earlier = np.expm1(-rates * w.INTERVAL * (k + 1)) / np.expm1(-rates * w.INTERVAL)
    closed = np.sum(weights * earlier * np.exp(-rates * (time - k * w.INTERVAL)))
    assert closed == pytest.approx(concentration(p, time), rel=1e-9)


@pytest.mark.parametrize("closed_form", [False, True])
def test_mrgsolve_is_given_the_same_derivatives(point, closed_form):
    y, p, time = point
    text = model_text(closed_form)
    names = {"exp": np.exp, "floor": np.floor, "pow": pow, "SOLVERTIME": time}
    block = dict(part.split("\n", 1) for part in text.strip().split("\n\n"))
    for line in block["$PARAM"].splitlines():
        name, _, value = line.partition(" = ")
        names[name] = float(value)
    names |= dict(zip(w.PARAMETERS, p, strict=True))
    names |= dict(zip(MODES, mode_parameters(p[None])[0], strict=True)) if closed_form else {}
    names |= dict(zip((*w.KINETIC, *w.STATES), y, strict=True))
    compartments = block["$CMT"].split()
    for line in block["$ODE"].splitlines():
        assert line.endswith(";")
        exec(line.removeprefix("double ").rstrip(";"), names)
    conc = concentration(p, time) if closed_form else y[1] / names["v1"]
    got = np.array([names[f"dxdt_{name}"] for name in compartments])
    expected = in_python(y, p, conc)
    np.testing.assert_allclose(got[-19:], expected[-19:], rtol=1e-8)
    np.testing.assert_allclose(got[:-19], [0.0] if closed_form else expected[:3], rtol=1e-12)
    starts = dict(line.rstrip(";").split("_0 = ") for line in block["$MAIN"].splitlines())
    assert [float(starts[name]) for name in w.STATES] == list(w.initial_state())


def value_of(node, names):
    """Evaluate MathML."""
    tag = node.tag.removeprefix(MATH)
    if tag in ("math", "cn", "ci", "csymbol"):
        return {
            "math": lambda: value_of(node[0], names),
            "cn": lambda: float(node.text),
            "ci": lambda: names[node.text],
            "csymbol": lambda: names["time"],
        }[tag]()
    head, *rest = node
    values = [value_of(child, names) for child in rest]
    match head.tag.removeprefix(MATH), values:
        case "plus", [a, b]:
            return a + b
        case "minus", [a]:
            return -a
        case "minus", [a, b]:
            return a - b
        case "times", [a, b]:
            return a * b
        case "divide", [a, b]:
            return a / b
        case "power", [a, b]:
            return a**b
        case "exp", [a]:
            return np.exp(a)
        case "geq", [a, b]:
            return a >= b
    raise AssertionError(f"{head.tag} of {len(values)}")


@pytest.mark.parametrize("closed_form", [False, True])
def test_sbml_holds_the_same_derivatives(point, closed_form):
    y, p, time = point
    model = ElementTree.fromstring(sbml(closed_form))[0]
    names = {one.get("id"): float(one.get("value", "nan")) for one in model.iter(f"{SBML}parameter")}
    assert [names[name] for name in w.STATES] == list(w.initial_state())
    names |= dict(zip(w.PARAMETERS, p, strict=True)) | {"time": time}
    names |= dict(zip((*w.KINETIC, *w.STATES), y, strict=True))
    names["next_dose"] = w.INTERVAL * (np.floor(time / w.INTERVAL) + 1)
    names |= dict(zip(MODES, mode_parameters(p[None])[0], strict=True)) if closed_form else {}
    for rule in model.iter(f"{SBML}assignmentRule"):
        names[rule.get("variable")] = value_of(rule[0], names)
    got = {rule.get("variable"): value_of(rule[0], names) for rule in model.iter(f"{SBML}rateRule")}
    expected = in_python(y, p, concentration(p, time) if closed_form else y[1] / names["v1"])
    np.testing.assert_allclose([got[name] for name in w.STATES], expected[3:], rtol=1e-8)
    if not closed_form:
        np.testing.assert_allclose([got[name] for name in w.KINETIC], expected[:3], rtol=1e-12)


def test_the_event_of_sbml_gives_a_dose_and_moves_on():
    model = ElementTree.fromstring(sbml())[0]
    names = {one.get("id"): float(one.get("value", "nan")) for one in model.iter(f"{SBML}parameter")}
    assert (names["depot"], names["next_dose"]) == (w.DOSE, w.INTERVAL)
    trigger = next(model.iter(f"{SBML}trigger"))
    assert not value_of(trigger[0], names | {"time": 0.49})
    assert value_of(trigger[0], names | {"time": 0.5})
    changed = {one.get("variable"): value_of(one[0], names) for one in model.iter(f"{SBML}eventAssignment")}
    assert changed == {"depot": 2 * w.DOSE, "next_dose": 1.0}


def test_a_result_that_is_not_finite_or_has_another_shape_is_infinitely_wrong():
    exact = np.ones((2, 105, 19))
    off = exact.copy()
    off[1, 50, 3] = 1.002
    assert w.relative_error(off, exact) == pytest.approx(0.002)
    off[0, 0, 0] = np.nan
    assert w.relative_error(off, exact) == np.inf
    assert w.relative_error(exact[:1], exact) == np.inf


class FakeEntry(compare.Entry):
    """An engine whose answers are made up: error falls with the tolerance, one variant is faster."""

    fails = 0

    def each(self, do, whats):
        if do == "prepare":
            self.variant = whats[0]["variant"]
            return [{} for _ in whats]
        tight = 1.0 if self.variant == "plain" else 0.1
        seconds = 2.0 if self.variant == "plain" else 1.0
        return [
            {"seconds": seconds, "cpu": seconds, "failed": self.fails, "error": what["setting"] / tight}
            for what in whats
        ]


def entry():
    return FakeEntry(
        "scipy_lsoda", ("plain", "clever"), [None, None], {"title": "x", "engine": "scipy_lsoda"}
    )


def test_the_scan_keeps_the_loosest_passing_tolerance_of_the_fastest_variant():
    one = entry()
    compare.scan(one, 20)
    assert (one.row["variant"], one.row["setting"], one.row["first_rate"]) == ("clever", 3e-5, 20.0)
    passed = [got for got in one.row["scan"] if compare.passes(got)]
    assert [(got["variant"], got["setting"]) for got in passed] == [("plain", 3e-4), ("clever", 3e-5)]


def test_an_engine_that_reports_failed_runs_passes_at_no_tolerance():
    one = entry()
    one.fails = 1
    with pytest.raises(compare.EngineFailed):
        compare.scan(one, 20)


def test_a_round_that_fails_the_gate_is_no_result():
    one = entry()
    compare.scan(one, 20)
    one.fails = 1
    compare.time_rounds([one], rounds=2, seconds=1.0, least=4)
    rows = compare.summarise([one], [])
    assert "rate" not in rows[0]
    assert rows[0]["reason"] == "failed the gate in round 1"


def test_rates_are_those_of_the_slowest_process():
    one = entry()
    compare.scan(one, 20)
    one.each = lambda do, whats: [
        {"seconds": 1.0 + i, "cpu": 1.0, "failed": 0, "error": None} for i, _ in enumerate(whats)
    ]
    assert (one.run(40, 1e-3)["rate"], one.run(40, 1e-3)["per_core"]) == (20.0, 20.0)


@pytest.fixture(scope="module")
def compiled_sides():
    from workload.right_hand_sides import compiled

    return compiled()


def test_the_compiled_right_hand_sides_are_the_same(point, compiled_sides):
    y, p, time = point
    full, closed = compiled_sides
    np.testing.assert_allclose(full(time, y, p), in_python(y, p, y[1] / p[2]), rtol=1e-11)
    rates, weights = (part[0] for part in endless_modes(p[None]))
    expected = in_python(y, p, concentration(p, time))[3:]
    np.testing.assert_allclose(closed(time, y[3:], p, rates, weights), expected, rtol=1e-8)


def test_the_reference_agrees_with_another_solver_in_the_first_fortnight(monkeypatch, compiled_sides):
    from scipy.integrate import solve_ivp
    from workload import reference

    p = w.population(3)[2]
    monkeypatch.setattr(reference, "DOSES", 28)
    monkeypatch.setattr(reference, "OUTPUT_TIMES", w.OUTPUT_TIMES[:3])
    exact = reference.solve(p)
    rates, weights = (part[0] for part in endless_modes(p[None]))
    other = solve_ivp(
        compiled_sides[1], (0.0, 14.0), w.initial_state(), "LSODA", w.OUTPUT_TIMES[:3], rtol=1e-9, atol=1e-12,
        max_step=0.02, args=(p, rates, weights),
    ).y.T  # fmt: skip
    assert w.relative_error(other, exact) < 1e-6
