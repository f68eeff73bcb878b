"""From records to models to patients: what is refused, and with which words."""

from __future__ import annotations

import math

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rodnan.errors import EvidenceError, ModelError, PopulationError, RodnanError, UnitError
from rodnan.evidence.loading import parse_record
from rodnan.evidence.records.pkmodel import DrugModelRecord
from rodnan.pharmacology.exposure import daily_effects, empty_state
from rodnan.pharmacology.models import load_model, model_ids, read_model, runtime_model
from rodnan.pharmacology.patients import draw_patients

READ = {"basis": "read", "source": "here"}


@pytest.mark.parametrize("drug", model_ids())
def test_unit_every_model_loads_and_runs(drug):
    """Each record of the package: typical patients, variable patients, a day of doses by every route."""
    model = load_model(drug)
    covariates = {
        "sex": 0.0, "age": 50.0, "weight": 65.0, "height": 163.0, "bsa": 1.7, "crcl": 6.0, "albumin": 40.0,
    }  # fmt: skip
    z = np.random.default_rng(0).normal(size=(40, model.n_eta))
    patients = draw_patients(model, covariates, z)
    assert patients.n == 40
    typical = draw_patients(model, covariates)
    for eta in model.etas:
        if eta.name == "potency":
            continue
        spread = np.log(patients.parameters[eta.name] / typical.parameters[eta.name])
        assert 0.5 * eta.sd * (0.3 if eta.scale == "logit" else 1.0) < spread.std() < 1.6 * eta.sd
    for route in model.routes:
        effects, state = daily_effects(
            model, patients, empty_state(model, 40), np.full((40, 3, 1), 100.0), [0.0], route=route
        )
        assert np.isfinite(effects).all()
        assert np.isfinite(state).all()
        assert (state >= 0.0).all()


def test_unit_units_are_converted_once():
    model = load_model("mycophenolate")
    assert model.typical["CL"] == pytest.approx(13.15 * 24)
    assert model.typical["MTT_oral"] == pytest.approx(0.45 / 24)
    assert model.typical["ka_oral"] == pytest.approx(2.98 * 24)
    assert model.n_compartments == 9
    assert [e.name for e in model.etas] == ["CL", "V1", "MTT_oral", "ec50_impdh", "potency"]
    assert model.etas[0].sd == pytest.approx(math.sqrt(math.log(1 + 0.3223**2)))


def test_unit_covariates_as_written():
    model = load_model("mycophenolate")
    patients = draw_patients(model, {"crcl": [6.2, 3.1], "albumin": [36.0, 45.0]})
    expected = 13.15 * 24 * np.array([1.0, 0.5**0.78 * 1.25**-0.88])
    np.testing.assert_allclose(patients.parameters["CL"], expected, rtol=1e-12)
    assert model.needed_covariates == ("crcl", "albumin")


def test_unit_covariate_forms(drug_data):
    drug_data["parameters"][0]["covariates"] = [
        {"covariate": "sex", "form": "factor", "level": 1, "value": 1.3} | READ,
        {"covariate": "age", "form": "linear", "value": -0.01, "centre": 50, "unit": "year"} | READ,
        {"covariate": "crcl", "form": "power", "value": 0.5, "centre": 100, "unit": "mL/min"} | READ,
    ]
    model = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    patients = draw_patients(model, {"sex": [0.0, 1.0], "age": [50.0, 70.0], "crcl": [6.0, 24.0]})
    np.testing.assert_allclose(patients.parameters["CL"], [120.0, 120.0 * 1.3 * 0.8 * 2.0], rtol=1e-12)
    with pytest.raises(PopulationError, match=r"RDN-P102.*CL"):
        draw_patients(model, {"sex": 0.0, "age": 160.0, "crcl": 6.0})


def test_unit_missing_and_illegal_covariates():
    model = load_model("mycophenolate")
    with pytest.raises(PopulationError, match=r"RDN-P101.*albumin.*did you mean 'albumn'"):
        draw_patients(model, {"crcl": 6.0, "albumn": 40.0})
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(PopulationError, match=r"RDN-P102.*albumin"):
            draw_patients(model, {"crcl": [6.0, 6.0], "albumin": [40.0, bad]})
    with pytest.raises(ModelError, match="RDN-M116"):
        draw_patients(model, {"crcl": 6.0, "albumin": 40.0}, np.zeros((3, 2)))
    with pytest.raises(ModelError, match="RDN-M116"):
        draw_patients(model, {"crcl": [6.0, 5.0], "albumin": 40.0}, np.zeros((3, model.n_eta)))
    with pytest.raises(ModelError, match="RDN-M117"):
        draw_patients(model, {"crcl": 6.0, "albumin": 40.0}, potency=1.2)


def test_statistical_spread_between_patients(drug_data):
    """20,000 draws: log-sd, correlation and logit spread within 4 standard errors (false alarms 1e-3)."""
    drug_data["correlations"] = [{"between": ["CL", "V1"], "value": 0.6} | READ]
    model = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    n = 20_000
    patients = draw_patients(model, {}, np.random.default_rng(11).normal(size=(n, model.n_eta)))
    cl, v1 = np.log(patients.parameters["CL"]), np.log(patients.parameters["V1"])
    sd = math.sqrt(math.log(1.09))
    assert cl.std() == pytest.approx(sd, abs=4 * sd / math.sqrt(2 * n))
    assert cl.mean() == pytest.approx(math.log(120.0), abs=4 * sd / math.sqrt(n))
    assert np.corrcoef(cl, v1)[0, 1] == pytest.approx(0.6, abs=4 * (1 - 0.36) / math.sqrt(n))
    logit = np.log(patients.potency / (1 - patients.potency))
    assert logit.std() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(2 * n))
    bound = patients.parameters["F_oral"]
    assert ((bound > 0) & (bound < 1)).all()
    higher = draw_patients(model, {}, np.zeros((2, model.n_eta)), potency=[0.2, 0.9])
    np.testing.assert_allclose(higher.potency, [0.2, 0.9])


def test_unit_occasions(drug_data):
    drug_data["parameters"][0]["iov_cv_pct"] = 20
    model = runtime_model(parse_record(DrugModelRecord, drug_data, "test"))
    z = np.zeros((2, model.n_eta))
    moved = draw_patients(model, {}, z, z_occasion=[[1.0], [-1.0]])
    expected = 120.0 * np.exp(np.array([1, -1]) * math.sqrt(math.log(1.04)))
    np.testing.assert_allclose(moved.parameters["CL"], expected)
    np.testing.assert_allclose(draw_patients(model, {}, z).parameters["CL"], 120.0)


def test_unit_take_selects_patients():
    model = load_model("mycophenolate")
    patients = draw_patients(model, {"crcl": [3.0, 6.0, 9.0], "albumin": 36.0})
    some = patients.take([2, 0])
    assert some.n == 2
    np.testing.assert_array_equal(some.k, patients.k[[2, 0]])
    np.testing.assert_array_equal(patients.take(np.array([True, False, True])).rows, patients.rows[[0, 2]])


REFUSALS = {
    "a unit of the wrong dimension": (lambda d: d["parameters"][0].update(unit="L"), UnitError, "CL"),
    "an unknown unit": (lambda d: d["parameters"][0].update(unit="L/hr_"), UnitError, "CL"),
    "a field that does not exist": (
        lambda d: d["parameters"][0].update(valu=3), EvidenceError, "did you mean 'value'"),
    "a negative value": (lambda d: d["parameters"][0].update(value=-3), EvidenceError, "parameters"),
    "NaN": (lambda d: d["parameters"][0].update(value=float("nan")), EvidenceError, "parameters"),
    "a parameter nobody knows": (
        lambda d: d["parameters"][0].update(name="Clearance"), EvidenceError, "Clearance"),
    "a parameter given twice": (
        lambda d: d["parameters"].append(d["parameters"][0]), EvidenceError, "twice"),
    "a parameter too few": (lambda d: d["parameters"].pop(2), ModelError, "RDN-M101"),
    "no source": (lambda d: d["parameters"][0].pop("source"), EvidenceError, "needs its source"),
    "a source nobody declared": (
        lambda d: d["parameters"][0].update(source="hear"), EvidenceError, "did you mean 'here'"),
    "an assumption without a reason": (
        lambda d: (d["parameters"][0].update(basis="assumed"), d["parameters"][0].pop("source")),
        EvidenceError, "note"),
    "a channel that does not exist": (
        lambda d: d["effects"][0].update(channel="pTT"), ModelError, "did you mean 'pT'"),
    "a fraction above one": (lambda d: d["effects"][0].update(size=1.5), ModelError, "above one"),
    "a kill without a rate": (lambda d: d["effects"][2].update(unit="1"), ModelError, "1/day"),
    "an effect of no series": (
        lambda d: d["effects"][0].update(series="aa"), EvidenceError, "did you mean 'a'"),
    "a series of no concentration": (
        lambda d: d["series"][0].update(concentration="metabolite"), ModelError, "RDN-M103"),
    "a series without its EC50": (lambda d: d["series"][0].pop("half"), EvidenceError, "EC50"),
    "a route without absorption": (lambda d: d["routes"].update(im={}), EvidenceError, "routes.im"),
    "correlations that contradict": (
        lambda d: d.update(correlations=[
            {"between": ["CL", "V1"], "value": 0.9} | READ,
            {"between": ["CL", "ec50_a"], "value": 0.9} | READ,
            {"between": ["V1", "ec50_a"], "value": -0.9} | READ,
        ]), ModelError, "contradict"),
    "a correlation of what does not vary": (
        lambda d: d.update(correlations=[{"between": ["CL", "Q"], "value": 0.9} | READ]),
        ModelError, "RDN-M115"),
    "a potency that is missing": (lambda d: d.pop("potency"), EvidenceError, "potency"),
    "a fraction above one on the logit scale": (
        lambda d: d["parameters"][7].update(value=120, unit="%"), ModelError, "RDN-M122"),
    "four compartments": (lambda d: d["structure"].update(compartments=4), EvidenceError, "compartments"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_unit_records_refused(drug_data, name):
    change, error, words = REFUSALS[name]
    change(drug_data)
    with pytest.raises(error, match=words.replace("[", r"\[")) as caught:
        runtime_model(parse_record(DrugModelRecord, drug_data, "test.yaml"))
    assert "\n" not in str(caught.value)
    assert "test" in str(caught.value)


def test_unit_a_drug_of_ones_own(drug_data, tmp_path):
    """A new therapy is a file outside the package."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(drug_data), encoding="utf-8")
    assert read_model(path).id == "testdrug"
    with pytest.raises(EvidenceError, match="RDN-E002"):
        read_model(tmp_path / "none.yaml")
    path.write_text("a: [1", encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"RDN-E002.*line"):
        read_model(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvidenceError, match="RDN-E002"):
        read_model(path)
    with pytest.raises(EvidenceError, match=r"RDN-E202.*did you mean 'mycophenolate'"):
        load_model("mycofenolate")


@given(
    data=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda children: (
            st.lists(children, max_size=3)
            | st.dictionaries(
                st.sampled_from(["id", "parameters", "structure", "series", "routes"]), children
            )
        ),
        max_leaves=12,
    )
)
def test_property_any_record_is_read_or_refused(data):
    with pytest.raises(RodnanError):
        parse_record(DrugModelRecord, data, "fuzz.yaml")
