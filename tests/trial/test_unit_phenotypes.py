"""Phenotypes of virtual patients reach the trial: the drugs they concern, and no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rodnan.disease.parameters import load_parameters
from rodnan.pharmacology import load_model, parse_treatment
from rodnan.population.phenotypes import PHENOTYPES
from rodnan.trial.conduct import conduct_arm
from rodnan.trial.design import ArmDesign
from rodnan.trial.settings import conduct_settings
from rodnan.trial.treating import arm_notes


def _course(cohort, words, **phenotypes):
    n = len(cohort.patients)
    covariates = {**cohort.covariates, **{k: np.full(n, v) for k, v in phenotypes.items()}}
    drugs = parse_treatment(words)
    arm = ArmDesign("own", "own", None, drugs, {d: load_model(d) for d in drugs}, words)
    given = {"study": "own", "seed": 5, "weeks": 24, "stay": True, "workers": 2}
    return conduct_arm(
        arm, replace(cohort, covariates=covariates), load_parameters(), conduct_settings(), **given
    )


def test_patients_of_a_trial_have_phenotypes(conducted):
    assert set(PHENOTYPES) <= set(conducted.cohort.covariates)


def test_slow_tpmt_gives_low_counts(conducted):
    events = {
        level: np.isfinite(_course(conducted.cohort, "azathioprine 2 mg/kg daily", tpmt=level)
                           .first_event["leukopenia"]).mean()
        for level in (0.0, 1.0, 2.0)
    }  # fmt: skip
    assert events[0.0] <= events[1.0] < events[2.0]
    assert events[2.0] > 0.6


def test_a_phenotype_moves_only_its_own_drugs(conducted):
    words = "mycophenolate 1 g twice daily"
    one = _course(conducted.cohort, words, tpmt=0.0, nudt15=0.0, cyp3a5=0.0)
    two = _course(conducted.cohort, words, tpmt=2.0, nudt15=2.0, cyp3a5=1.0)
    for name, values in one.observed.items():
        np.testing.assert_array_equal(values, two.observed[name])


def test_the_frequencies_are_told():
    drugs = parse_treatment("azathioprine 2 mg/kg daily; tacrolimus 2 mg twice daily")
    arm = ArmDesign("own", "own", None, drugs, {d: load_model(d) for d in drugs}, "")
    assert "own: azathioprine: TPMT and NUDT15 of each patient drawn at European frequencies" in arm_notes(
        arm
    )
    assert "own: tacrolimus: CYP3A5 of each patient drawn at European frequencies" in arm_notes(arm)
