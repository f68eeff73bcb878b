"""Courses of populations: each patient's own, under what was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from rodnan.disease.parameters import load_parameters
from rodnan.errors import DoseError, EngineError, EvidenceError, PopulationError
from rodnan.population.courses import READOUTS, CoursesPlan, follow
from rodnan.population.pool import draw_pool, simulate_pool

PLAN = CoursesPlan(patients=600, weeks=9, every=2, duration_high=2.0)


def test_a_course_does_not_depend_on_the_company():
    whole, some = follow(PLAN, 0, 600), follow(PLAN, 500, 40, threads=1)
    assert whole.weeks.tolist() == [0, 2, 4, 6, 8]
    for name in READOUTS:
        np.testing.assert_array_equal(whole.readouts[name][:, 500:540], some.readouts[name])
    for name, values in whole.covariates.items():
        np.testing.assert_array_equal(values[500:540], some.covariates[name])


def test_patients_are_those_of_the_pool_of_trials():
    pool = simulate_pool(load_parameters(), draw_pool(PLAN.seed, 50, years=9.0))
    at_onset = PLAN.model_copy(update={"weeks": 60, "every": 60, "duration_high": 0.0})
    found = follow(at_onset, 0, 50)
    for k in range(50):
        day = round(pool.other["t_lead"][k] / 10) * 10
        if day % 30 == 0:
            assert found.readouts["mrss"][0, k] == pytest.approx(pool.mrss()[day // 30, k], abs=1e-12)
    assert (found.covariates["age"] == pool.draws.covariates["age"]).all()


def test_treatment_changes_the_course_and_not_the_start():
    treated = PLAN.model_copy(
        update={
            "treatment": "cyclophosphamide 2 mg/kg oral daily for 26 weeks; prednisone 10 mg daily",
            "weeks": 26,
        }
    )
    free = PLAN.model_copy(update={"weeks": 26})
    with_drug, without = follow(treated, 0, 64), follow(free, 0, 64)
    for name in READOUTS:
        np.testing.assert_array_equal(with_drug.readouts[name][0], without.readouts[name][0])
    assert with_drug.readouts["white_cells"][-1].mean() < without.readouts["white_cells"][-1].mean()


def test_plasma_exchange_takes_a_drug_out_of_the_blood():
    words = "rituximab 375 mg/m2 weekly x 4"
    alone = PLAN.model_copy(update={"treatment": words, "weeks": 26, "every": 26})
    beside = alone.model_copy(update={"treatment": f"{words}; plasma-exchange 1 session every 2 days x 10"})
    gone, there = follow(beside, 0, 32), follow(alone, 0, 32)
    assert (gone.readouts["mrss"][-1] != there.readouts["mrss"][-1]).any()


def test_a_partner_acts_only_while_it_is_taken():
    words = "mycophenolate 1.5 g twice daily"
    alone = PLAN.model_copy(update={"treatment": words, "weeks": 16, "every": 8})
    beside = alone.model_copy(
        update={"treatment": f"{words}; cyclosporine 2.5 mg/kg oral daily from week 8 for 8 weeks"}
    )
    one, two = follow(alone, 0, 32), follow(beside, 0, 32)
    np.testing.assert_array_equal(one.readouts["mrss"][:2], two.readouts["mrss"][:2])
    assert (one.readouts["mrss"][2] != two.readouts["mrss"][2]).any()


def test_what_is_known_of_a_treatment_is_told():
    plan = PLAN.model_copy(update={"treatment": "azathioprine 2 mg/kg daily; mycophenolate 1 g twice daily"})
    assert any("not to be combined" in note for note in plan.notes())
    assert any("TPMT" in note and "European" in note for note in plan.notes())
    assert PLAN.notes() == ()


def test_durations_are_uniform_in_the_range():
    plan = CoursesPlan(patients=600, weeks=1, duration_low=1.0, duration_high=3.0)
    duration = follow(plan, 0, 600).covariates["disease_duration"]
    assert duration.min() > 1.0
    assert duration.max() < 3.0
    assert abs(duration.mean() - 2.0) < 5 * 2 / np.sqrt(12 * 600)  # false alarm 6e-7


def test_float32_stays_near():
    exact, fast = follow(PLAN, 0, 64), follow(PLAN.model_copy(update={"precision": "float32"}), 0, 64)
    for name in ("mrss", "fvc_pct_pred", "neutrophils"):
        np.testing.assert_allclose(fast.readouts[name], exact.readouts[name], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"patients": 0}, PopulationError, "RDN-P006 .*patients"),
        ({"every": 10}, PopulationError, "RDN-P006 .*every"),
        ({"weeks": 5000}, PopulationError, "RDN-P006 .*weeks"),
        ({"duration_low": 3.0}, PopulationError, "RDN-P006 .*duration"),
        ({"duration_high": float("nan")}, PopulationError, "RDN-P006 .*duration"),
        ({"seed": -1}, PopulationError, "RDN-P006 .*seed"),
        (
            {"treatment": "azathioprine 2 mg/kg daily; hold if neutrophils < 1.0"},
            PopulationError,
            r"RDN-P007 .*visits of a trial.*azathioprine.*hold if neutrophils < 1",
        ),
        ({"treatment": "mycofenolate 1 g bid"}, (DoseError, EvidenceError), "mycophenolate"),
        ({"treatment": "mycophenolate 1 parsec bid"}, Exception, "RDN-"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(change, error, told):
    with pytest.raises(error, match=told):
        PLAN.model_copy(update=change).check()


def test_a_gpu_that_is_not_there_is_said():
    from rodnan.engine.device import gpu_reason

    if gpu_reason() is None:
        pytest.skip("a GPU is there")
    with pytest.raises(EngineError, match="RDN-N013"):
        follow(PLAN.model_copy(update={"device": "gpu"}), 0, 4)
