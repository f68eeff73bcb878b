"""Mean courses of studies from one pool."""

import numpy as np
import pytest

from rodnan.disease.parameters import load_parameters
from rodnan.evidence import load_study
from rodnan.trial.design import design_from_study
from rodnan.trial.predict import predict_studies, with_potencies

SMALL = {"patients": 96, "pool": 384, "seed": 2}


@pytest.fixture(scope="module")
def designs():
    return [design_from_study(load_study(name)) for name in ("sls-2", "pope-2001")]


@pytest.fixture(scope="module")
def means(designs):
    return predict_studies(designs, load_parameters(), workers=2, **SMALL)


def test_a_study_is_the_same_alone_and_among_others(designs, means):
    alone, failed = predict_studies(designs[1:], load_parameters(), workers=1, **SMALL)
    assert failed == {}
    for arm, found in alone["pope-2001"].arms.items():
        np.testing.assert_array_equal(found.change["mrss"], means[0]["pope-2001"].arms[arm].change["mrss"])


def test_change_begins_at_zero_and_shares_only_rise(means):
    for study in means[0].values():
        for arm in study.arms.values():
            assert arm.change["mrss"][0] == arm.change_of_all["mrss"][0] == 0.0
            assert all((np.diff(share) >= 0).all() for share in arm.shares.values())


def test_a_stronger_drug_leaves_a_lower_score(designs):
    levels = []
    for potency in (0.05, 0.9):
        found, _ = predict_studies(
            designs[1:], load_parameters(), potencies={"methotrexate": potency}, **SMALL
        )
        arms = found["pope-2001"].arms
        levels.append([arms[a].at(arms[a].change_of_all, "mrss", 52) for a in ("mtx", "placebo")])
    assert levels[1][0] < levels[0][0] - 1.0
    assert levels[1][1] == levels[0][1]  # the untreated arm knows nothing of it


def test_potencies_reach_only_the_drugs_they_name(designs):
    changed = with_potencies(designs[0], {"mycophenolate": 0.11})
    assert changed.arm("mmf").models["mycophenolate"].potency.value == 0.11
    assert changed.arm("cyc").models == designs[0].arm("cyc").models
