"""Enrolment: filters on observed values, effective size, resampling, rules from records."""

import numpy as np
import pytest

from rodnan.disease.parameters import load_parameters
from rodnan.errors import PopulationError
from rodnan.evidence import load_study
from rodnan.population.candidates import Candidates, candidates, measure_pool, raters
from rodnan.population.enrol import Moment, Range, effective_size, resample, weigh
from rodnan.population.entries import entry_rules, study_entry
from rodnan.population.pool import draw_pool, simulate_pool


@pytest.fixture(scope="module")
def pool():
    return simulate_pool(load_parameters(), draw_pool(5, 512, years=6))


@pytest.fixture(scope="module")
def listed(pool):
    return candidates(pool, measure_pool(pool))


def test_filters_act_on_what_was_observed(pool, listed):
    entry = weigh(listed, [Range("fvc_pct_pred", 45, 85)], [], where="t", force=True)
    chosen = entry.candidates
    seen = chosen.values["fvc_pct_pred"]
    assert seen.min() >= 45
    assert seen.max() <= 85
    true = pool.fvc()[chosen.time, chosen.patient]
    assert (true > 85).any()  # truly above, seen below: they regress to their mean later
    assert seen.mean() < true.mean()


def test_effective_size_counts_patients_not_candidates():
    patient = np.array([0, 0, 0, 1])
    assert effective_size(patient, np.full(4, 0.25)) == pytest.approx(1 / (0.75**2 + 0.25**2))
    assert effective_size(np.arange(7), np.full(7, 1 / 7)) == pytest.approx(7)


def test_a_thin_cohort_is_refused_unless_forced(listed):
    rules = ([Range("mrss", 30, 51)], [Moment("age", 70.0, 3.0)])
    with pytest.raises(PopulationError, match=r"RDN-P003.*effective size.*force"):
        weigh(listed, *rules, where="t")
    assert weigh(listed, *rules, where="t", force=True).effective_size < 200


def test_nobody_and_unknown_variables_are_refused(listed):
    with pytest.raises(PopulationError, match="RDN-P002"):
        weigh(listed, [Range("age", 200, 300)], [], where="t")
    with pytest.raises(PopulationError, match=r"RDN-P001.*fvc_pct_pred"):
        weigh(listed, [Range("fvc_pct_perd", 45, 85)], [], where="t")


def test_weighted_baseline_meets_the_published_table(listed):
    entry = weigh(
        listed,
        [Range("dcssc", 1, 1)],
        [Moment("mrss", 20.0, 8.0), Moment("age", 52.0, 10.0)],
        where="t",
        force=True,
    )
    for row in entry.moments:
        assert row["mean"] == pytest.approx(row["published_mean"], abs=0.06 * row["published_sd"])
        assert row["sd"] == pytest.approx(row["published_sd"], rel=0.12)


def test_resampling_gives_each_its_share():
    weights = np.array([0.5, 0.3, 0.15, 0.05])
    for u in (0.01, 0.5, 0.99):
        counts = np.bincount(resample(weights, 40, u), minlength=4)
        assert (np.abs(counts - 40 * weights) < 1).all()


def test_moments_come_from_the_record_of_the_study():
    study = load_study("sls-2")
    assert {m.variable for m in study_entry(study)[0].moments} >= {
        "age",
        "female",
        "dcssc",
        "fvc_pct_pred",
        "mrss",
        "disease_duration",
    }
    rows = tuple(
        r.model_copy(update={"mean": 60.0}) if r.variable == "fvc_pct_pred" and r.arm == "all" else r
        for r in study.population.baseline
    )
    changed = study.model_copy(update={"population": study.population.model_copy(update={"baseline": rows})})
    by_name = {m.variable: m.mean for m in study_entry(changed)[0].moments}
    assert by_name["fvc_pct_pred"] == 60.0


def test_a_study_without_rules_names_the_nearest():
    with pytest.raises(PopulationError, match=r"RDN-P004.*sls-2"):
        entry_rules("sls-22")


def test_a_rater_stays_until_he_changes():
    offsets = np.arange(12.0).reshape(4, 3)
    changes = np.array([[True, True, True], [False, True, False], [False, False, True], [False, True, False]])
    np.testing.assert_array_equal(raters(offsets, changes), [[0, 1, 2], [0, 4, 2], [0, 4, 8], [0, 10, 8]])


def test_candidates_can_be_taken(listed):
    some = listed.take(np.array([3, 1]))
    assert isinstance(some, Candidates)
    assert some.patient[0] == listed.patient[3]
