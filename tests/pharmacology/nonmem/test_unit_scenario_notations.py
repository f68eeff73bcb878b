"""Scenarios may write the same equations in several ways; each has to give the same values.

The expected values come from SciPy's Radau method on right-hand sides written out here.
"""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from rodnan.pharmacology.nonmem.conformance import run_scenario

TIMES = (0.0, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0)
TURNOVER = {"KA": 1.2, "CL": 2.0, "V": 20.0, "KIN": 10.0, "KOUT": 0.3, "IMAX": 0.9, "IC50": 1.1}
TARGET = {"KA": 0.5, "CL": 0.3, "V": 3.0, "KSS": 0.4, "KINT": 0.2, "KSYN": 1.0, "KDEG": 0.7}

RESPONSE = ["-KA*A1", "KA*A1 - CL/V*A2", "KIN*(1 - IMAX*(A2/V)/(IC50 + A2/V)) - KOUT*A3"]
RESPONSE_BY_C = [*RESPONSE[:2], "KIN*(1 - IMAX*C/(IC50 + C)) - KOUT*A3"]
BOUND = ["-KA*A1", "KA*A1 - CL*C - V*KINT*RTOT*C/(KSS+C)", "KSYN - KDEG*A3 - (KINT-KDEG)*RTOT*C/(KSS+C)"]
FREE = "0.5*((CTOT-RTOT-KSS)+sqrt((CTOT-RTOT-KSS)^2+4*KSS*CTOT))"


def _sentences(equations):
    return [f"dA{i}/dt = {e}" for i, e in enumerate(equations, 1)]


def _in_nonmem(equations):
    return [f"DADT({i}) = " + re.sub(r"\bA(\d)", r"A(\1)", e) for i, e in enumerate(equations, 1)]


TURNOVER_NOTATIONS = {
    "a list": {"odes": RESPONSE, "initial": {"3": "KIN/KOUT"}},
    "a mapping": {
        "differential_equations": {f"dA{i}/dt": e for i, e in enumerate(RESPONSE, 1)},
        "initial_conditions": {"A3": "KIN/KOUT"},
    },
    "a list of starts": {"odes": RESPONSE, "initial": [0, 0, "KIN/KOUT"]},
    "NONMEM": {"des": _in_nonmem(RESPONSE), "initial": ["A_0(3)=KIN/KOUT"]},
    "one line": {"ode": "; ".join(_sentences(RESPONSE)), "initial": {"response": "KIN/KOUT"}},
    "one sentence": {"semantics": [", ".join([*_sentences(RESPONSE), "A3(0)=KIN/KOUT"])]},
    "sentences": {"semantics": [*_sentences(RESPONSE), "A3(0) = KIN/KOUT."]},
    "prose after it": {
        "semantics": [", ".join(_sentences(RESPONSE_BY_C)) + " with C = A2/V, A3(0)=KIN/KOUT"]
    },
    "a definition": {"odes": RESPONSE_BY_C, "derived": {"C": "A2/V"}, "initial": {"3": "KIN/KOUT"}},
    "names": {
        "equations": [
            "d/dt(depot) = -KA*depot",
            "d/dt(central) = KA*depot - CL/V*central",
            "C = central/V",
            "d/dt(response) = KIN*(1 - IMAX*C/(IC50 + C)) - KOUT*response",
        ],
        "initial": {"response": "KIN/KOUT"},
    },
    "its name": {"model": "turnover-1"},
}
TARGET_NOTATIONS = {
    "sentences": {
        "semantics": [
            "; ".join(_sentences(BOUND)),
            f"C = {FREE}, CTOT = A2/V, RTOT = A3",
            "A3(0)=KSYN/KDEG",
        ]
    },
    "one sentence, joined by and": {
        "semantics": [
            f"{' and '.join(_sentences(BOUND))}, where C = {FREE} with CTOT = A2/V and RTOT = A3; "
            "A3(0) = KSYN/KDEG."
        ]
    },
    "definitions in any order": {
        "derivatives": BOUND,
        "definitions": {"C": FREE, "RTOT": "A3", "CTOT": "A2/V"},
        "initial": {"A3": "KSYN/KDEG"},
    },
    "its name": {"model": "tmdd-qss", "output": {"column": "Y", "expression": "free(A2/V, A3, KSS)"}},
}


def _solve(right, start):
    found = solve_ivp(
        right, (0.0, TIMES[-1]), start, method="Radau", t_eval=TIMES[1:], rtol=1e-10, atol=1e-11
    )
    return np.vstack([found.y.T[:1], found.y.T])


def _response():
    p = TURNOVER

    def right(t, a):
        c = a[1] / p["V"]
        effect = 1.0 - p["IMAX"] * c / (p["IC50"] + c)
        return [
            -p["KA"] * a[0],
            p["KA"] * a[0] - p["CL"] * c,
            p["KIN"] * effect - p["KOUT"] * a[2],
        ]

    return _solve(right, [100.0, 0.0, p["KIN"] / p["KOUT"]])[:, 2]


def _free(a):
    p = TARGET
    b = a[1] / p["V"] - a[2] - p["KSS"]
    return 0.5 * (b + np.sqrt(b * b + 4.0 * p["KSS"] * a[1] / p["V"]))


def _target():
    p = TARGET

    def right(t, a):
        c = _free(a)
        bound = a[2] * c / (p["KSS"] + c)
        return [
            -p["KA"] * a[0],
            p["KA"] * a[0] - p["CL"] * c - p["V"] * p["KINT"] * bound,
            p["KSYN"] - p["KDEG"] * a[2] - (p["KINT"] - p["KDEG"]) * bound,
        ]

    return [_free(a) for a in _solve(right, [100.0, 0.0, p["KSYN"] / p["KDEG"]])]


def _verdict(folder, parameters, output, notation, values):
    case = {
        "advan": "ADVAN13",
        "trans": "TOL=9",
        "compartments": ["depot (1)", "central (2)", "response (3)"],
        "parameters": parameters,
        "rate_matrix": None,
        "output": {"column": "Y", "expression": output},
        "tolerance": {"printed_significant_digits": 5},
        "must_reproduce": True,
        **notation,
    }
    (folder / "case.json").write_text(json.dumps(case))
    rows = [f"1,{t},{int(i == 0)},{100 * (i == 0)},1,0,0,0,0" for i, t in enumerate(TIMES)]
    (folder / "events.csv").write_text("\n".join(["ID,TIME,EVID,AMT,CMT,RATE,II,ADDL,SS", *rows]) + "\n")
    rows = [f"1,{t},{value:.5g}" for t, value in zip(TIMES, values, strict=True)]
    (folder / "expected.csv").write_text("\n".join(["ID,TIME,Y", *rows]) + "\n")
    return run_scenario(folder)


@pytest.mark.parametrize("notation", TURNOVER_NOTATIONS.values(), ids=TURNOVER_NOTATIONS.keys())
def test_a_turnover_model_however_it_is_written(tmp_path, notation):
    verdict = _verdict(tmp_path, TURNOVER, "A3", notation, _response())
    assert verdict.error is None
    assert verdict.agrees, verdict.first


@pytest.mark.parametrize("notation", TARGET_NOTATIONS.values(), ids=TARGET_NOTATIONS.keys())
def test_target_mediated_disposition_however_it_is_written(tmp_path, notation):
    verdict = _verdict(tmp_path, TARGET, "C", notation, _target())
    assert verdict.error is None
    assert verdict.agrees, verdict.first


def test_a_wrong_value_is_seen(tmp_path):
    values = _response()
    values[4] *= 1.0002
    verdict = _verdict(tmp_path, TURNOVER, "A3", TURNOVER_NOTATIONS["a list"], values)
    assert verdict.disagreeing == 1
    assert not verdict.agrees


def test_a_name_that_nothing_defines_is_an_error(tmp_path):
    verdict = _verdict(tmp_path, TURNOVER, "A3", {"odes": RESPONSE_BY_C}, _response())
    assert verdict.error is not None
    assert verdict.error.startswith("RDN-")
