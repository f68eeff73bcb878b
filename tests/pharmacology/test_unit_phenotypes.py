"""TPMT, NUDT15 and CYP3A5 change what a dose becomes; who has none on record is taken as the common type."""

from __future__ import annotations

import numpy as np
import pytest

from rodnan.errors import EvidenceError, PopulationError
from rodnan.evidence.loading import parse_record
from rodnan.evidence.records.pkmodel import DrugModelRecord
from rodnan.pharmacology.exposure import daily_effects, empty_state
from rodnan.pharmacology.models import load_model, runtime_model
from rodnan.pharmacology.patients import TYPICAL_PATIENT, draw_patients
from rodnan.pharmacology.regimen import dose_plan
from rodnan.pharmacology.regimen_reading import parse_regimen

LEVELS = np.array([0.0, 1.0, 2.0])


def _mean_level(drug, doses, series, days=250, beside=(), **covariates):
    """Mean concentration of the last day that a series reads, mg/L."""
    model = load_model(drug)
    record = next(s for s in model.record.series if s.name == series)
    read = record.model_copy(update={"form": "mean", "half": None})
    model = runtime_model(model.record.model_copy(update={"series": (read,), "effects": ()}))
    given = dict(TYPICAL_PATIENT) | covariates
    patients = draw_patients(model, given, beside=beside)
    plan = dose_plan(model, parse_regimen(doses, drug), given, patients.n)
    state = empty_state(model, patients.n)
    effects, _ = daily_effects(model, patients, state, plan.amounts(0, days), plan.slots)
    return effects[:, -1, 0]


def test_thioguanine_follows_tpmt():
    levels = _mean_level("azathioprine", "100 mg daily", "tgn", tpmt=LEVELS)
    np.testing.assert_allclose(levels / levels[0], [1.0, 2.56, 10.0])
    unsaid = _mean_level("azathioprine", "100 mg daily", "tgn")
    np.testing.assert_array_equal(unsaid, levels[:1])


def test_nudt15_leaves_the_level_and_changes_what_it_does():
    levels = _mean_level("azathioprine", "100 mg daily", "tgn", nudt15=LEVELS)
    np.testing.assert_allclose(levels, levels[0])
    patients = draw_patients(load_model("azathioprine"), {**TYPICAL_PATIENT, "nudt15": LEVELS})
    np.testing.assert_allclose(patients.parameters["slope_marrow"] / 0.12, [1.0, 1.33, 10.0])
    np.testing.assert_allclose(patients.parameters["ec50_tgn"] / 0.54, [1.0, 0.75, 0.1])


def test_expressers_of_cyp3a5_have_less_tacrolimus():
    patients = draw_patients(load_model("tacrolimus"), {**TYPICAL_PATIENT, "cyp3a5": [0.0, 1.0]})
    cl, f = patients.parameters["CL"], patients.parameters["F_oral"]
    np.testing.assert_allclose([cl[1] / cl[0], f[1] / f[0]], [1.30, 0.82])
    blood = _mean_level("tacrolimus", "2 mg twice daily", "calcineurin", days=60, cyp3a5=np.array([0.0, 1.0]))
    assert blood[1] / blood[0] == pytest.approx(0.82 / 1.30, rel=0.02)  # binding to red cells is saturable


def test_prednisone_lowers_the_absorption_of_tacrolimus():
    alone = _mean_level("tacrolimus", "2 mg twice daily", "calcineurin", days=60)
    beside = _mean_level("tacrolimus", "2 mg twice daily", "calcineurin", days=60, beside=["prednisone"])
    assert beside[0] / alone[0] == pytest.approx(0.85, rel=0.02)


@pytest.mark.parametrize(
    ("drug", "name", "bad", "said"),
    [
        ("azathioprine", "tpmt", 3.0, r"0 \(normal\), 1 \(intermediate\), 2 \(absent\)"),
        ("azathioprine", "nudt15", 0.5, r"0 \(normal\), 1 \(intermediate\), 2 \(poor\)"),
        ("tacrolimus", "cyp3a5", 2.0, r"0 \(not expressed\), 1 \(expressed\)"),
        ("azathioprine", "tpmt", float("nan"), "intermediate"),
    ],
)
def test_a_level_that_does_not_exist_is_an_error(drug, name, bad, said):
    with pytest.raises(PopulationError, match=f"RDN-P102.*{said}"):
        draw_patients(load_model(drug), {**TYPICAL_PATIENT, name: bad})


def test_a_record_cannot_name_a_level_that_does_not_exist(drug_data):
    covariate = {"covariate": "tpmt", "form": "factor", "level": 5, "value": 2.0, "assume": 0}
    drug_data["parameters"][0]["covariates"] = [covariate | {"basis": "assumed", "note": "x"}]
    with pytest.raises(EvidenceError, match=r"tpmt has the levels 0 \(normal\)"):
        parse_record(DrugModelRecord, drug_data, "test")
