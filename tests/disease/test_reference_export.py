"""Exports: SBML integrated by libRoadRunner against our own solver, mrgsolve's text by its parts, files and hashes."""

import hashlib
import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from rodnan.cli.main import execute
from rodnan.disease.equations import INDIVIDUAL, symbolic_system
from rodnan.disease.export import FORMATS, NOTICE, export_model, typical_patient
from rodnan.disease.model import INPUTS, advance_patients, onset_state
from rodnan.disease.states import STATE_NAMES
from rodnan.engine.compile import reference_rhs
from rodnan.errors import ModelError

DAY, WEEKS = 400, np.arange(0, 183, 7)


@pytest.fixture(scope="module")
def reference(parameters):
    """Return weekly states of the untreated typical patient, float64[27, n_states]."""
    patient = typical_patient(parameters)
    own = np.array([[patient[name] for name in INDIVIDUAL]])
    start, _ = advance_patients(parameters, own, onset_state(own), {}, DAY)
    rhs = reference_rhs(symbolic_system(parameters.population_names))
    inputs = np.array([0.0] * (len(INPUTS) - 2) + [1.0, 1.0])
    solution = solve_ivp(
        lambda t, s: rhs(s, own[0], parameters.population_vector(), inputs),
        (0, WEEKS[-1]), start[0], method="DOP853", rtol=1e-10, atol=1e-12, t_eval=WEEKS,
    )  # fmt: skip
    return solution.y.T


def test_sbml_integrated_elsewhere_gives_our_course(parameters, reference):
    roadrunner = pytest.importorskip("roadrunner", reason="needs libroadrunner")
    text = export_model("sbml", parameters, typical_patient(parameters), days_since_onset=DAY)
    other = roadrunner.RoadRunner(text)
    other.integrator.relative_tolerance, other.integrator.absolute_tolerance = 1e-10, 1e-12
    got = np.asarray(other.simulate(0, int(WEEKS[-1]), len(WEEKS), list(STATE_NAMES)))
    assert np.abs(got - reference).max() < 1e-6 * max(1.0, np.abs(reference).max())
    np.testing.assert_allclose(got, reference, rtol=1e-6, atol=1e-9)


def test_sbml_defines_each_symbol_once_and_before_its_use(parameters):
    root = ElementTree.fromstring(export_model("sbml", parameters, typical_patient(parameters)))
    name = "{http://www.sbml.org/sbml/level3/version1/core}"
    ids = [p.get("id") for p in root.iter(f"{name}parameter")]
    assert len(ids) == len(set(ids))
    rates = [r.get("variable") for r in root.iter(f"{name}rateRule")]
    assert rates == list(STATE_NAMES)
    used = {(c.text or "").strip() for c in root.iter("{http://www.w3.org/1998/Math/MathML}ci")}
    assert used <= set(ids)


def test_mrgsolve_text_computes_the_same_derivatives(parameters):
    """The text's right-hand sides, read as arithmetic, agree with the reference function."""
    patient = typical_patient(parameters)
    text = export_model("mrgsolve", parameters, patient, days_since_onset=DAY)
    blocks = dict(re.findall(r"^\$(\w+)(.*?)(?=^\$|\Z)", text, re.M | re.S))
    assert list(blocks) == ["PROB", "PARAM", "CMT", "MAIN", "ODE"]
    assert NOTICE in blocks["PROB"]
    values = {n: float(v) for n, v in re.findall(r"^(\w+) = (\S+)$", blocks["PARAM"], re.M)}
    starts = {n: float(v) for n, v in re.findall(r"^(\w+)_0 = (\S+);$", blocks["MAIN"], re.M)}
    compartments = blocks["CMT"].split()
    assert list(starts) == compartments
    scope = values | starts | {"pow": pow, "sqrt": np.sqrt}
    for line in blocks["ODE"].strip().splitlines():
        target, _, body = line.removeprefix("double ").removesuffix(";").partition(" = ")
        chosen = re.fullmatch(r"\((.*)\) \? (.*) : (.*)", body)
        if chosen:
            body = f"({chosen[2]}) if ({chosen[1]}) else ({chosen[3]})"
        scope[target] = eval(body, {"__builtins__": {}}, scope)
    rhs = reference_rhs(symbolic_system(parameters.population_names))
    want = rhs(
        np.array(list(starts.values())),
        np.array([patient[name] for name in INDIVIDUAL]),
        parameters.population_vector(),
        np.array([0.0] * (len(INPUTS) - 2) + [1.0, 1.0]),
    )
    got = [scope[f"dxdt_{name}"] for name in compartments]
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("form", list(FORMATS))
def test_a_file_says_what_it_is_and_its_manifest_holds_its_hash(form, tmp_path, capsys):
    path = tmp_path / f"model{FORMATS[form]}"
    assert execute(["model", "export", "--format", form, "--to", str(path), "--day", "10"]) == 0
    printed = capsys.readouterr().out
    manifest = json.loads((tmp_path / f"{path.name}.manifest.json").read_text())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest["sha256"] == digest
    assert digest in printed
    assert "simulation model" in path.read_text(encoding="utf-8")
    assert manifest["settings"]["days_since_onset"] == 10


def test_unknown_formats_and_parameters_are_refused(parameters):
    patient = typical_patient(parameters)
    with pytest.raises(ModelError, match=r"RDN-M040.*did you mean 'sbml'"):
        export_model("smbl", parameters, patient)
    with pytest.raises(ModelError, match=r"RDN-M041.*did you mean 'g_s'"):
        export_model("sbml", parameters, {**patient, "g_S": 1.0})
    del patient["tauD"]
    with pytest.raises(ModelError, match=r"RDN-M041.*tauD"):
        export_model("sbml", parameters, patient)
