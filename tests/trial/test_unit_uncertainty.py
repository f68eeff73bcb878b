"""Uncertainty of parameters in a trial's result: named apart, joined to the intervals, absent when not asked for."""

import json

import numpy as np
import pytest

from rodnan.disease.parameters import load_parameters
from rodnan.errors import TrialError
from rodnan.evidence import load_study
from rodnan.trial import run
from rodnan.trial.design import design_from_study
from rodnan.trial.uncertainty import ParameterDraw, parameter_spread

SMALL = {"patients": 60, "replicates": 40, "pool": 256, "force": True}


@pytest.fixture(scope="module")
def draws():
    parameters = load_parameters()
    return [
        ParameterDraw(
            parameters.with_values({"kC_l": 0.003 * f, "Zstar_l": 40.0 * f}, f"draw {f}"),
            {"mycophenolate": p},
        )
        for f, p in ((0.7, 0.2), (0.9, 0.4), (1.1, 0.6), (1.3, 0.8))
    ]


@pytest.fixture(scope="module")
def pair(draws):
    return run("sls-2", **SMALL), run("sls-2", draws=draws, **SMALL)


def test_parameters_have_a_name_of_their_own_and_widen_the_intervals(pair):
    plain, with_draws = pair
    assert (plain["parameter_draws"], with_draws["parameter_draws"]) == (0, 4)
    width = np.zeros(2)
    for a, b in zip(plain["outcomes"], with_draws["outcomes"], strict=True):
        assert "parameters" not in a["simulated"]["uncertainty"]
        assert b["simulated"]["uncertainty"]["parameters"] > 0
        assert b["simulated"]["mean"] == a["simulated"]["mean"]
        for name in ("between_patients", "trial_luck", "trial_setting"):
            assert b["simulated"]["uncertainty"][name] == a["simulated"]["uncertainty"][name]
        width += [np.ptp(x["simulated"]["interval90"]) for x in (a, b)]
    assert width[1] > width[0]
    json.dumps(with_draws, allow_nan=False)


def test_draws_move_arms_around_their_own_average(draws):
    design = design_from_study(load_study("sls-2"))
    spread = parameter_spread(design, draws, seed=1, patients=60, pool=256)
    arms = [a.id for a in design.arms]
    moved = spread.change(arms[0], "fvc_pct_pred", 6)
    assert moved.mean() == pytest.approx(0.0, abs=1e-12)
    assert moved.std() > 0
    other = spread.change(arms[1], "fvc_pct_pred", 6)
    np.testing.assert_allclose(
        spread.contrast(arms[0], arms[1], "fvc_pct_pred", 6), moved - other, atol=1e-12
    )


def test_too_few_draws_are_refused(draws):
    with pytest.raises(TrialError, match=r"RDN-T090.*4 draws"):
        parameter_spread(design_from_study(load_study("sls-2")), draws[:2], seed=1, patients=60, pool=256)
