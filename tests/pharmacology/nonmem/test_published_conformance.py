"""All scenarios with NONMEM's printed output, to the last printed digit; and the rules they settle."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest

from rodnan.pharmacology.nonmem import (
    compile_model,
    honour_columns,
    read_dataset,
    read_scenario,
    run_scenario,
    simulate,
)
from shared_data import SHARED, shared_path

FOLDER = SHARED / "conformance" / "nonmem"
NAMES = sorted(p.parent.name for p in FOLDER.glob("*/case.json")) or ["(none)"]


@pytest.mark.parametrize("name", NAMES)
def test_scenario_agrees_with_nonmem_to_the_last_printed_digit(name):
    verdict = run_scenario(shared_path(f"conformance/nonmem/{name}"))
    assert verdict.error is None
    assert verdict.first is None
    assert verdict.agrees
    assert verdict.worst <= 5e-5


def test_the_judge_and_a_plain_comparison_say_the_same():
    """The judgement does not rest on the package's own reading of the printed values."""
    folder = shared_path("conformance/nonmem/nmtests-28-bolus1-ss1-addl_bolus1-ss2-addl")
    scenario = read_scenario(folder)
    model = compile_model(honour_columns(scenario.spec, ()))
    done = simulate(model, read_dataset(folder / "events.csv", model_columns=model.columns))
    with (folder / "expected.csv").open() as f:
        printed = [row["CP"] for row in csv.DictReader(f)]
    assert len(printed) == len(done.outputs["CP"]) > 100
    for value, text in zip(done.outputs["CP"].tolist(), printed, strict=True):
        assert float(f"{value:.4e}") == float(text)


@pytest.fixture
def scenario(tmp_path):
    """A small scenario of our own: one compartment, a bolus at steady state with a lag, printed to 5 digits."""
    case = {
        "compartments": ["central (1)"],
        "parameters": {"CL": 2, "V": 10},
        "rate_matrix": [["-CL/V"]],
        "lag_column": {"1": "LG"},
        "output": {"column": "CP", "expression": "A1/V"},
        "tolerance": {"printed_significant_digits": 5},
    }
    times, lag, k = [0.0, 1.0, 2.0, 5.0, 12.0], 2.0, 0.2
    events = ["ID,TIME,EVID,AMT,CMT,II,ADDL,SS,LG", "7,0,1,100,1,12,0,1,2"]
    events += [f"7,{t:g},0,0,1,0,0,0,2" for t in times[1:]]
    trough = 10.0 / (1.0 - math.exp(-12.0 * k))  # just after an arrival
    values = [trough * math.exp(-k * ((t - lag) % 12.0)) for t in times[:2]]
    values += [trough * math.exp(-k * (t - lag)) for t in times[2:]]
    expected = ["ID,TIME,CP"] + [f"7,{t:g},{v:.5g}" for t, v in zip(times, values, strict=True)]
    (tmp_path / "case.json").write_text(json.dumps(case))
    (tmp_path / "events.csv").write_text("\n".join(events) + "\n")
    (tmp_path / "expected.csv").write_text("\n".join(expected) + "\n")
    return tmp_path


def _change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_steady_state_with_lag_worked_by_hand_agrees(scenario):
    assert run_scenario(scenario).agrees


def test_one_unit_of_the_last_digit_is_a_disagreement(scenario):
    last = (scenario / "expected.csv").read_text().split()[-1]
    value = last.split(",")[-1]
    digit = f"{float(value) + 10.0 ** (math.floor(math.log10(float(value))) - 4):.5g}"
    _change(scenario / "expected.csv", last, last.replace(value, digit))
    verdict = run_scenario(scenario)
    assert (verdict.agrees, verdict.disagreeing, verdict.error) == (False, 1, None)
    assert "row 6, CP" in str(verdict.first)


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("case.json", "-CL/V", "-CL/W", "RDN-D122"),
        ("case.json", '"rate_matrix"', '"rate_matrices"', "RDN-M404"),
        ("case.json", "{", "[", "RDN-S152"),
        ("case.json", '"expression"', '"formula"', "RDN-S152"),
        ("events.csv", "7,0,1,100", "7,0,1,-1", "RDN-D142"),
        ("events.csv", "7,12,0,0,1,0,0,0,2\n", "", "RDN-S152"),
        ("expected.csv", "7,12,", "7,13,", "RDN-S152"),
        ("expected.csv", "7,12,", "8,12,", "RDN-S152"),
        ("expected.csv", "ID,TIME,CP", "ID,TIME,CPX", "RDN-D122"),
        ("expected.csv", "7,0,", "7,0,x", "RDN-S152"),
    ],
)
def test_a_scenario_that_cannot_be_run_is_an_error_and_no_agreement(scenario, file, old, new, code):
    _change(scenario / file, old, new)
    verdict = run_scenario(scenario)
    assert not verdict.agrees
    assert str(verdict.error).startswith(code)


def test_a_scenario_that_prints_nothing_does_not_agree(scenario):
    lines = (scenario / "expected.csv").read_text().split()
    (scenario / "expected.csv").write_text(
        "\n".join([lines[0], *(x.rpartition(",")[0] + ",." for x in lines[1:])])
    )
    verdict = run_scenario(scenario)
    assert (verdict.values, verdict.agrees) == (0, False)


@pytest.mark.parametrize(
    ("said", "compartments"),
    [
        (
            ["dA1/dt = -KA*A1", "dA2/dt = KA*A1 - CL/V*A2 (doses are added), A2(0)=BASE"],
            ["depot", "central (2)"],
        ),
        (
            ["dA1/dt = -KA*A1; dA2/dt = KA*A1 - CL*CONC, A_0(2)=BASE, where CONC = A2/V"],
            ["depot (1)", "central"],
        ),
        (["DADT(1) = -KA*A(1); DADT(2) = KA*A(1) - CL/V*A(2); A2(0) = BASE"], ["x", "y"]),
        (
            ["d/dt(depot) = -KA*depot", "d/dt(central) = max(KA*depot, 0) - CL/V*central, A2(0)=BASE"],
            ["depot", "central"],
        ),
    ],
)
def test_equations_in_sentences_are_understood(scenario, said, compartments):
    case = json.loads((scenario / "case.json").read_text())
    case |= {"rate_matrix": None, "compartments": compartments, "semantics": ["records in file order", *said]}
    case |= {"parameters": {"KA": 1, "CL": 2, "V": 10, "BASE": 3}, "lag_column": {}}
    case["output"]["expression"] = "A2"
    (scenario / "case.json").write_text(json.dumps(case))
    read = read_scenario(scenario)
    model = compile_model(read.spec)
    text = "ID,TIME,EVID,AMT,CMT\n1,0,1,100,1\n1,2,0,0,2\n1,9,0,0,2\n"
    (scenario / "one.csv").write_text(text)
    done = simulate(model, read_dataset(scenario / "one.csv"))
    ka, k, t = 1.0, 0.2, np.array([0.0, 2.0, 9.0])
    expected = 3.0 * np.exp(-k * t) + 100.0 * ka / (ka - k) * (np.exp(-k * t) - np.exp(-ka * t))
    assert done.outputs["CP"] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("change", "compartments"),
    [
        ({"advan": "ADVAN3", "trans": "TRANS4"}, 2),
        ({"advan": "ADVAN12", "trans": "TRANS4"}, 4),
        ({"model": "tmdd-qss", "parameters": {"Q": 1, "KA": 1}}, 4),
        ({"model": "TMDD full model"}, 3),
        ({"advan": "ADVAN2", "trans": "TRANS2", "model": "turnover-3"}, 3),
        ({"advan": "ADVAN1", "trans": "TRANS2", "model": "indirect response type 1"}, 2),
        ({"model": "michaelis-menten"}, 1),
    ],
)
def test_structures_named_in_a_scenario_are_found(scenario, change, compartments):
    case = (
        json.loads((scenario / "case.json").read_text()) | {"rate_matrix": None, "compartments": []} | change
    )
    (scenario / "case.json").write_text(json.dumps(case))
    assert len(read_scenario(scenario).spec.compartments) == compartments


def test_individual_parameters_by_id_and_by_column(scenario):
    case = json.loads((scenario / "case.json").read_text())
    case["individual_parameters"] = {"7": {"CL": 2}}
    case["parameters"] = {"V": 10}
    (scenario / "case.json").write_text(json.dumps(case))
    assert run_scenario(scenario).agrees
    case["individual_parameters"] = {"8": {"CL": 2}}
    (scenario / "case.json").write_text(json.dumps(case))
    assert str(run_scenario(scenario).error).startswith("RDN-S152")
    del case["individual_parameters"]
    case["parameters"] = {"CL": "column CL", "V": 10}
    (scenario / "case.json").write_text(json.dumps(case))
    rows = (scenario / "events.csv").read_text().split()
    (scenario / "events.csv").write_text("\n".join([rows[0] + ",CL", *(r + ",2" for r in rows[1:])]))
    assert run_scenario(scenario).agrees


# The rules that the scenarios settle, each broken on purpose: then scenarios must fail. Where they would not,
# agreement with them would say nothing about the rule.


def _disagreements(monkeypatch, change):
    change(monkeypatch)
    return sum(not run_scenario(shared_path(f"conformance/nonmem/{name}")).agrees for name in NAMES)


def _no_lag(m):
    m.setattr("rodnan.pharmacology.nonmem.individual._phase", lambda lag, ii: 0.0)


def _doses_after_records(m):
    import rodnan.pharmacology.nonmem.individual as loop

    later = loop.arrivals
    m.setattr(loop, "arrivals", lambda *a: ((t + 1e-7, s) for t, s in later(*a)))


def _resets_forget_nothing(m):
    m.setattr("rodnan.pharmacology.nonmem.event_loop.Individual._start", _keep)


def _keep(self, time, moment):
    if not len(self.x):
        self.x, self.inputs = self.model.start(moment.frame), np.zeros(self.model.n)
    self.now = time


def _next_value_becomes_last_value(m):
    import rodnan.pharmacology.nonmem.individual as loop

    run = loop.Individual.run
    m.setattr(loop.Individual, "run", lambda self, moments: run(self, [moments[0], *moments[:-1]]))


@pytest.mark.parametrize(
    ("change", "at_least"),
    [
        (_no_lag, 11),
        (_doses_after_records, 10),
        (_resets_forget_nothing, 5),
        (_next_value_becomes_last_value, 3),
    ],
)
def test_breaking_a_rule_breaks_scenarios(monkeypatch, change, at_least):
    shared_path("conformance/nonmem")
    assert _disagreements(monkeypatch, change) >= at_least
