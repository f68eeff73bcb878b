"""Helpers of a study: pooled baseline rows, standard errors, intervals, look-up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rodnan.errors import EvidenceError
from rodnan.evidence import BaselineRow, Outcome, load_study
from rodnan.evidence.records.baseline import pooled_row


def outcome(**fields) -> Outcome:
    return Outcome(**{"endpoint": "mrss", "measure": "change", "arm": "a", "basis": "read", **fields})


def test_pooled_rows_equal_the_pooled_patients():
    rng = np.random.default_rng(3)
    groups = [rng.normal(20, 5, 30), rng.normal(26, 3, 50), rng.normal(18, 8, 9)]
    rows = [
        BaselineRow(
            variable="mrss", arm=f"a{i}", mean=float(g.mean()), sd=float(g.std()), n=len(g), basis="read"
        )
        for i, g in enumerate(groups)
    ]
    together = np.concatenate(groups)
    row = pooled_row(rows, "mrss")
    assert row is not None
    assert row.mean == pytest.approx(together.mean(), rel=1e-12)
    assert row.sd == pytest.approx(together.std(), rel=1e-12)
    assert row.n == together.size
    assert row.derived
    assert row.arm == "all"


def test_pooling_takes_the_weaker_basis_and_invents_no_spread():
    rows = [
        BaselineRow(variable="age", arm="a", mean=50, sd=10, n=10, basis="read"),
        BaselineRow(variable="age", arm="b", mean=60, n=30, basis="recalled"),
    ]
    row = pooled_row(rows, "age")
    assert row is not None
    assert row.mean == pytest.approx(57.5)
    assert row.sd is None
    assert row.basis == "recalled"
    assert pooled_row([rows[0].model_copy(update={"n": None})], "age") is None


def test_baseline_prefers_the_arm_then_all_then_pools():
    study = load_study("sls-2")
    own = study.baseline("mrss", "cyc")
    assert own is not None
    assert own.mean == 14.0
    whole = study.baseline("fvc_pct_pred")
    assert whole is not None
    assert not whole.derived
    pooled = study.baseline("mrss")
    assert pooled is not None
    assert pooled.derived
    assert pooled.mean == pytest.approx((73 * 14.0 + 69 * 15.3) / 142)
    assert pooled.sd is not None
    assert pooled.sd > 10.4
    assert study.baseline("no-such-variable") is None


def test_overlapping_groups_are_not_pooled():
    press = load_study("press-cohort")
    rows = [r for r in press.population.baseline if r.variable == "fvc_pct_pred"]
    assert sum(r.n or 0 for r in rows) > (press.population.n or 0)
    assert press.baseline("fvc_pct_pred") is None


def test_an_arm_that_is_not_there_is_named():
    with pytest.raises(EvidenceError, match="RDN-E004") as caught:
        load_study("sls-2").arm("mff")
    assert caught.value.nearest == "mmf"


def test_standard_error_prefers_what_is_printed():
    assert outcome(mean=1, se=0.9, ci95=[0, 2], sd=5, n=4).standard_error == (0.9, False)
    from_interval = outcome(mean=1, ci95=[-0.96, 2.96], sd=5, n=4).standard_error
    assert from_interval is not None
    assert from_interval.derived
    assert from_interval.value == pytest.approx(1.0, rel=1e-4)
    assert outcome(mean=1, sd=5, n=25).standard_error == (1.0, True)
    assert outcome(mean=1).standard_error is None
    assert outcome(mean=1, sd=5).interval90 is None


def test_intervals_are_normal_and_those_of_ratios_logarithmic():
    low, high = outcome(mean=2.0, se=1.0).interval90 or (0, 0)
    assert (low, high) == pytest.approx((2 - 1.6448536, 2 + 1.6448536))
    ratio = outcome(measure="hazard_ratio", mean=0.5, ci95=[0.25, 1.0])
    assert ratio.standard_error is None
    low, high = ratio.interval90 or (0, 0)
    assert low * high == pytest.approx(0.25)
    assert 0.25 < low < 0.5 < high < 1.0
    error = ratio.log_standard_error
    assert error is not None
    assert error.value == pytest.approx(math.log(4) / 3.919928)


def test_outcomes_are_found_by_what_is_given():
    study = load_study("sls-1")
    found = study.outcomes_for(endpoint="fvc_pct_pred", measure="difference", week=52, arm="placebo")
    assert {o.mean for o in found} == {2.53, 2.14}
    assert study.outcomes_for(endpoint="nothing") == ()
    assert len(study.outcomes_for()) == len(study.outcomes)


def test_harms_in_per_cent():
    events = {(e.event, e.arm): e.percent for e in load_study("senscis").adverse_events}
    assert events["diarrhoea", "nintedanib"] == 75.7
