"""Rules on doses at the visits of a trial: what is read, what is held, what is given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rodnan.disease.states import STATE_INDEX
from rodnan.errors import DoseError
from rodnan.evidence import read_study
from rodnan.evidence.loading import data_folder
from rodnan.pharmacology.monitoring_words import read_rules
from rodnan.trial.design import design_from_study
from rodnan.trial.holding import Laboratory, RuleState
from rodnan.trial.settings import conduct_settings
from rodnan.trial.treating import arm_notes

WORDS = (
    "stop if neutrophils < 0.3; hold if neutrophils < 1; reduce to 60% if neutrophils < 1.5; "
    "resume at 80% if neutrophils > 2; hold if creatinine > 1.5 x baseline; reduce by 70% if white cells < 2"
)


def _shares_by_hand(visits, baseline):
    """Follow one patient through his visits, by hand; each visit is a list of (neutrophils, white, creatinine)."""
    stopped = held = reduced = kidney = white = False
    ceiling, shares = 1.0, []
    for visit in visits:
        neutrophils = [r[0] for r in visit]
        last = visit[-1]
        stopped = stopped or min(neutrophils) < 0.3
        back = last[0] > 2
        for name, low in (("held", 1.0), ("reduced", 1.5)):
            was = held if name == "held" else reduced
            now = min(neutrophils) < low or (was and not back)
            if was and not now:
                ceiling = min(ceiling, 0.8)
            if name == "held":
                held = now
            else:
                reduced = now
        kidney = max(r[2] for r in visit) > 1.5 * baseline
        white = min(r[1] for r in visit) < 2
        due = [ceiling]
        if reduced:
            due.append(0.6)
        if white:
            due.append(0.3)
        if stopped or held or kidney:
            due.append(0.0)
        shares.append(min(due))
    return shares


_READING = st.tuples(
    st.sampled_from([0.2, 0.9, 1.2, 1.7, 2.5]), st.sampled_from([1.5, 2.5, 6.0]), st.sampled_from([0.9, 1.6])
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(_READING, min_size=1, max_size=2), min_size=1, max_size=8))
def test_reference_rules_act_as_by_hand(visits):
    def reading(values):
        two = np.array([values, (3.0, 6.0, 1.0)]).T  # the second patient is always well
        return dict(zip(("neutrophils", "white cells", "creatinine"), two, strict=True))

    state = RuleState(read_rules(WORDS), reading((3.0, 6.0, 1.0)))
    for visit, expected in zip(visits, _shares_by_hand(visits, 1.0), strict=True):
        state.look([reading(values) for values in visit])
        np.testing.assert_allclose(state.share(), [expected, 1.0])


def test_creatinine_is_that_of_the_clearance_over_filtration(conducted):
    cohort = conducted.cohort
    rules = read_rules("hold if creatinine > 1.5 x baseline")
    laboratory = Laboratory(
        cohort, np.zeros((48, 8)), conduct_settings(), study="t", seed=1, visits=1, rules=rules
    )
    whole = cohort.state.copy()
    whole[:, STATE_INDEX["GFR"]] = 1.0
    half = whole.copy()
    half[:, STATE_INDEX["GFR"]] = 0.5
    first, second = (laboratory.read(state, 1, 0)["creatinine"] for state in (whole, half))
    np.testing.assert_allclose(second, 2.0 * first)
    c = cohort.covariates
    clearance = (140 - c["age"]) * c["weight"] / (72 * first) * np.where(c["sex"] == 1, 1, 0.85) * 0.06
    spread = np.log(clearance / c["crcl"])
    assert abs(spread.mean()) < 5 * 0.06 / np.sqrt(48)  # false alarm: below 1e-6
    assert 0.03 < spread.std() < 0.09
    assert set(Laboratory(cohort, np.zeros((48, 8)), conduct_settings(), study="t", seed=1, visits=1, rules=())
               .read(whole, 0, 0)) == {"neutrophils", "white cells"}  # fmt: skip


def test_a_rule_that_is_never_met_leaves_the_whole_dose_and_one_always_met_none(conducted):
    plain = "mycophenolate 1 g twice daily"
    never = conducted(f"{plain}; hold if neutrophils < 0.0001", weeks=24)
    always = conducted(f"{plain}; hold if neutrophils < 1000", weeks=24)
    without = conducted(plain, weeks=24)
    first = without.days[1] / without.days[-1]
    np.testing.assert_allclose(always.dose_taken / never.dose_taken, first, rtol=0.25)
    assert (never.dose_taken >= without.dose_taken).all()  # the study's own rule does not hold it
    for name in without.observed:
        np.testing.assert_array_equal(always.observed[name][:2], without.observed[name][:2])


def test_a_reduced_dose_is_the_share_of_the_planned_one(conducted):
    plain = "mycophenolate 1 g twice daily"
    half = conducted(f"{plain}; reduce to 50% if neutrophils < 1000", weeks=24)
    none = conducted(f"{plain}; hold if neutrophils < 1000", weeks=24)
    whole = conducted(f"{plain}; hold if neutrophils < 0.0001", weeks=24)
    later = whole.dose_taken - none.dose_taken
    np.testing.assert_allclose(half.dose_taken, none.dose_taken + 0.5 * later)


def test_rules_of_one_drug_leave_the_other_alone(conducted):
    words = "mycophenolate 1 g twice daily; hold if neutrophils < 1000; prednisone 10 mg daily"
    both = conducted(words, weeks=24)
    alone = conducted("mycophenolate 1 g twice daily; hold if neutrophils < 1000", weeks=24)
    grams = both.dose_taken - alone.dose_taken
    assert (grams > 0.5 * 10 * 168 * 0.5).all()


def test_a_study_file_says_rules(tmp_path):
    text = (data_folder("studies") / "sls-1.yaml").read_text(encoding="utf-8")
    item = "{drug: cyclophosphamide,"
    assert text.count(item) == 1
    own = tmp_path / "own.yaml"

    def design(rules):
        own.write_text(text.replace(item, f"{item} rules: '{rules}',"), encoding="utf-8")
        return design_from_study(read_study(own))

    arm = design("hold if white cells < 2.5; resume at 75% if white cells > 3").arm("cyc")
    assert [rule.action for rule in arm.drugs["cyclophosphamide"][0].rules] == ["hold", "resume"]
    assert "hold if white cells < 2.5 10^9/L, resume at 75% if white cells > 3 10^9/L" in arm.regimen_text
    assert any("in place of the study's own rule" in note for note in arm_notes(arm))
    with pytest.raises(DoseError, match=r"RDN-D182.*sls-1: arms\.cyc.*did you mean 'white cells'"):
        design("hold if white cell < 2.5")
