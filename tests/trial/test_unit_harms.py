"""Harms of virtual trials: hazards against their records, and a course that nothing else notices."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from rodnan.disease.parameters import load_parameters
from rodnan.disease.states import STATE_INDEX
from rodnan.engine.keys import uniforms
from rodnan.evidence import load_study, studies
from rodnan.population.covariates import ANTIBODIES
from rodnan.trial import conduct, conduct_arm, conduct_settings, design_from_study, enrol
from rodnan.trial.analysis import events_by
from rodnan.trial.conduct import REASONS
from rodnan.trial.harms import (
    COUNTED,
    HARMS,
    Harms,
    event_name,
    harm_hazards,
    lung_infection_hazard,
    renal_crisis_hazard,
)

MANY = 20_000


@pytest.fixture(scope="module")
def transplants():
    design = design_from_study(load_study("astis"))
    parameters = load_parameters()
    cohort = enrol(design, parameters, patients=300, pool_size=512, seed=11, force=True, workers=2)
    return design, cohort, parameters


def treat(parts, arm, **changes):
    design, cohort, parameters = parts
    given = {"study": design.study.id, "seed": 11, "weeks": 26, "workers": 2} | changes
    return conduct_arm(design.arm(arm), cohort, parameters, conduct_settings(), **given)


def people(n=MANY, **covariates):
    given = {
        "age": 50.0,
        "weight": 65.0,
        "anc": 4.5,
        "lymphocytes": 1.6,
        "antibody": 3.0,
        "dcssc": 1.0,
    } | covariates
    columns = {name: np.full(n, value) for name, value in given.items()}
    return SimpleNamespace(patients=np.arange(n), covariates=columns, duration=np.full(n, 2.0))


def followed(cohort, *, years=1.0, steroid=0.0, grafted=None, lymphocytes=1.0):
    """Follow people whose counts never change, at visits every four weeks; nobody leaves."""
    n, visits = len(cohort.patients), round(years * 365.25 / 28)
    harms = Harms(cohort, study="made", seed=5, visits=visits, grafted=grafted)
    states = np.ones((2, n, len(STATE_INDEX)))
    states[..., STATE_INDEX["L"]] = lymphocytes
    for visit in range(1, visits + 1):
        harms.at_visit(visit, 28 * visit, 28, states, np.full(n, steroid), np.ones(n, bool))
    return harms.first, visits * 28 / 365.25


def share(first, event):
    return float(np.isfinite(first[event]).mean())


def assert_share(found, expected):
    """Within four standard errors of 20,000 draws: a false alarm in 16,000 runs; the seed is fixed besides."""
    assert abs(found - expected) < 4.0 * math.sqrt(expected * (1.0 - expected) / MANY)


@pytest.mark.parametrize(
    ("antibody", "dcssc", "expected"),
    [("rnap3", 1, 0.281), ("rnap3", 0, 0.281), ("aca", 0, 0.003), ("other", 0, 0.027), ("ata", 0, 0.027),
     ("other", 1, 1.0 - (1.0 - 0.027) ** 5.728), ("aca", 1, 1.0 - (1.0 - 0.003) ** 5.728)],
)  # fmt: skip
def test_renal_crisis_in_twenty_years_is_what_was_published(antibody, dcssc, expected):
    years = np.linspace(0.0, 20.0, 4001)
    hazard = renal_crisis_hazard(years, ANTIBODIES.index(antibody), dcssc, 0.0)
    assert -np.expm1(-np.trapezoid(hazard, years)) == pytest.approx(expected, rel=0.005)


def test_renal_crises_come_early_on_average_as_published():
    years = np.linspace(0.0, 80.0, 40_001)
    hazard = renal_crisis_hazard(years, ANTIBODIES.index("aca"), 0, 0.0)
    mean = np.trapezoid(years * hazard, years) / np.trapezoid(hazard, years)
    assert mean == pytest.approx(3.2, rel=0.001)


def test_only_a_higher_dose_of_glucocorticoid_raises_the_hazard_of_renal_crisis():
    none, low, high = (float(renal_crisis_hazard(1.0, 0, 1, mg)) for mg in (0.0, 14.9, 15.0))
    assert low == none
    assert high / none == pytest.approx(4.37)


def test_followed_people_have_as_many_events_as_the_hazards_say():
    first, years = followed(people())
    lung = float(lung_infection_hazard(50.0, 0.0, 4.5, 1.6, 11.0))
    h = harm_hazards()
    assert_share(share(first, "pneumonia"), -math.expm1(-lung * years))
    assert_share(share(first, "serious infection"), -math.expm1(-lung / h["pneumonia_share"] * years))
    either = (lung / h["pneumonia_share"] + h["minor_infection_base"]) * years
    assert_share(share(first, "infection"), -math.expm1(-either))
    t = np.linspace(2.0, 2.0 + years, 2001)
    assert_share(
        share(first, "scleroderma renal crisis"),
        -math.expm1(-np.trapezoid(renal_crisis_hazard(t, 3, 1, 0.0), t)),
    )
    assert share(first, "treatment-related death") == 0.0


def test_every_pneumonia_is_a_serious_infection_and_each_of_those_an_infection():
    first, _ = followed(people())
    assert (first["serious infection"] <= first["pneumonia"]).all()
    assert (first["infection"] <= first["serious infection"]).all()


def test_age_glucocorticoid_and_few_lymphocytes_bring_infections():
    usual = share(followed(people())[0], "serious infection")
    for changed in (
        followed(people(age=70.0)),
        followed(people(), steroid=65.0),
        followed(people(), lymphocytes=0.2),
    ):
        assert share(changed[0], "serious infection") > 2.5 * usual


def test_a_tenth_dies_of_transplantation_within_a_hundred_days_of_it():
    grafted = np.where(np.arange(MANY) < MANY / 2, 10.0, np.inf)
    first, _ = followed(people(), grafted=grafted)
    died = np.isfinite(first["treatment-related death"])
    assert not died[MANY // 2 :].any()
    assert abs(died[: MANY // 2].mean() - 0.101) < 4.0 * math.sqrt(0.101 * 0.899 / (MANY / 2))
    assert first["treatment-related death"][died].max() <= 112.0


def test_who_dies_of_transplantation_is_dead_and_leaves(transplants):
    course = treat(transplants, "hsct")
    died = np.isfinite(course.first_event["treatment-related death"])
    assert 0.03 < died.mean() < 0.20  # about 10 % of 300; a share outside has a chance below 1e-4
    assert (course.reason[died] == 1 + REASONS.index("death")).all()
    assert (course.left_day[died] == course.first_event["treatment-related death"][died]).all()
    assert events_by(course, "death", 26)[died].all()
    assert not np.isfinite(treat(transplants, "cyc").first_event["treatment-related death"]).any()
    assert np.isinf(treat(transplants, "hsct", stay=True).left_day).all()


def test_harms_belong_to_those_still_in(transplants):
    course = treat(transplants, "cyc", weeks=52)
    for event in HARMS:
        happened = np.isfinite(course.first_event[event])
        assert (course.first_event[event][happened] <= course.left_day[happened]).all()
    assert events_by(course, "infection", 52).any()


def test_counting_harms_changes_nothing_else(transplants, monkeypatch):
    """The same arm with other random numbers for harms: readings, doses and who leaves stay, to the bit."""
    before = treat(transplants, "cyc")

    class Others(Harms):
        def __init__(self, cohort, *, study, seed, visits, grafted):
            super().__init__(cohort, study=study, seed=seed + 1, visits=visits, grafted=grafted)

    monkeypatch.setattr(conduct, "Harms", Others)
    after = treat(transplants, "cyc")
    assert not np.array_equal(before.first_event["infection"], after.first_event["infection"])
    for name, values in before.observed.items():
        np.testing.assert_array_equal(values, after.observed[name])
    for field in ("left_day", "reason", "dose_taken"):
        np.testing.assert_array_equal(getattr(before, field), getattr(after, field))
    np.testing.assert_array_equal(before.first_event["leukopenia"], after.first_event["leukopenia"])


def test_each_harm_has_random_numbers_of_its_own():
    drawn = [
        uniforms(5, "made", f"harms/{purpose}", np.arange(50), 3)
        for purpose in ("serious-infection", "minor-infection", "renal-crisis", "treatment-death")
    ]
    harms = Harms(people(50), study="made", seed=5, visits=2, grafted=None)
    kept = (harms._serious[:, :3], harms._minor, harms._renal, harms._death)
    for expected, found in zip(drawn, kept, strict=True):
        np.testing.assert_array_equal(expected, found)
    assert all(not np.array_equal(a, b) for i, a in enumerate(drawn) for b in drawn[i + 1 :])


def test_events_of_records_are_counted_under_one_name():
    named = {event_name(row.event) for study in map(load_study, studies()) for row in study.adverse_events}
    assert set(COUNTED) <= named
    assert event_name("death (any cause)") == "death"
    assert event_name("haematuria") == "haematuria"


def test_a_study_with_counts_alone_can_be_run():
    design = design_from_study(load_study("scot"))
    assert design.weeks == 52
    arms = {arm.id for arm in design.arms}
    assert {"hsct", "cyc"} <= arms


def test_duration_at_entry_is_that_of_the_enrolled(transplants):
    design, cohort, _ = transplants
    limits = {f.variable: (f.low, f.high) for f in design.entry.filters}["disease_duration"]
    assert limits[0] <= cohort.duration.min() <= cohort.duration.max() <= limits[1]
