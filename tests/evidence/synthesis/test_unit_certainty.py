"""The rules of certainty, one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rodnan.evidence.synthesis.certainty import judge
from rodnan.evidence.synthesis.endpoints import endpoint_of
from rodnan.evidence.synthesis.pairwise import pool
from rodnan.evidence.synthesis.rows import ContrastRow, StudyFacts
from rodnan.evidence.synthesis.small_study import Egger, egger_test

FVC = endpoint_of("fvc_pct_pred")
GOOD = StudyFacts("s", "S", "", True, "double", "SSc-ILD", 500, 0.05)


def row(y=5.0, se=0.5, facts=GOOD, **more):
    fields = {"week": 52, "basis": "read", "adjusted": False, "n": 500} | more
    return ContrastRow(
        facts, "a", "b", more.pop("scale", "MD"), fields["week"], y, se, "", fields["basis"],
        fields["adjusted"], fields["n"], more.get("events"), more.get("stopped", ()),
    )  # fmt: skip


def level(rows, interval=(4.0, 6.0), endpoint=FVC, **more):
    return judge(rows, [1.0] * len(rows), interval, endpoint, **more)


def steps(certainty):
    return {j.domain: j.steps for j in certainty.judgements if j.steps}


def test_a_large_blinded_precise_trial_is_high():
    found = level([row()])
    assert found.word == "high"
    assert steps(found) == {}
    assert len(found.judgements) == 5
    assert all(j.reason for j in found.judgements)


@pytest.mark.parametrize(
    ("facts", "taken"),
    [
        ({"blinding": "open"}, {"risk of bias": 1}),
        ({"lost_share": 0.4}, {"risk of bias": 1}),
        ({"lost_share": None}, {"risk of bias": 1}),
        ({"blinding": "single", "lost_share": 0.3}, {"risk of bias": 2}),
        ({"condition": "rheumatoid arthritis"}, {"indirectness": 1}),
        ({"condition": "early dcSSc"}, {}),
    ],
)
def test_facts_of_the_study(facts, taken):
    assert steps(level([row(facts=replace(GOOD, **facts))])) == taken


@pytest.mark.parametrize(
    ("interval", "n", "taken"),
    [
        ((4.0, 6.0), 500, 0),
        ((4.0, 6.0), 399, 1),
        ((-0.5, 6.0), 500, 1),
        ((-4.0, 6.0), 500, 2),
        ((-2.0, 2.0), 500, 0),
        ((-2.0, 2.0), 100, 1),
    ],
)
def test_imprecision(interval, n, taken):
    found = level([row(n=n)], interval)
    assert steps(found).get("imprecision", 0) == taken


def test_imprecision_of_counts_asks_for_events():
    few = row(-1.0, 0.3, scale="RR", events=(10, 200, 24, 200))
    many = row(-1.0, 0.1, scale="RR", events=(100, 900, 250, 900))
    assert "34 events" in level([few], (-1.6, -0.4)).reasons[0]
    assert steps(level([many], (-1.2, -0.8))) == {}


def test_observational_starts_low_and_is_not_rated_up():
    facts = replace(GOOD, randomised=False, blinding="open")
    assert level([row(facts=facts, adjusted=True)]).word == "low"
    raw = level([row(facts=facts)])
    assert raw.word == "very low"
    assert steps(raw) == {"risk of bias": 1}


def test_inconsistency():
    y, v = np.array([1.0, 9.0, 5.0]), np.array([0.3, 0.3, 0.3])
    pooled = pool(y, v)
    assert pooled.heterogeneity.i2 > 75
    assert steps(level([row()], pooled=pooled))["inconsistency"] == 2
    calm = pool([4.9, 5.0, 5.1], [0.3, 0.3, 0.3])
    assert "inconsistency" not in steps(level([row()], pooled=calm))
    assert steps(level([row()], incoherent_p=0.02)) == {"inconsistency": 1}


def test_indirect_and_far_from_the_time_asked_about():
    assert steps(level([row()], indirect=True)) == {"indirectness": 1}
    assert steps(level([row(week=104)], target_week=52)) == {"indirectness": 1}
    assert steps(level([row(week=104)], target_week=52, indirect=True)) == {"indirectness": 2}
    assert steps(level([row(week=104)])) == {}


def test_publication_bias_needs_ten_studies():
    few = Egger(1.0, 0.2, 5.0, 7, 0.001, 0.0, 9)
    many = Egger(1.0, 0.2, 5.0, 8, 0.001, 0.0, 10)
    assert "publication bias" not in steps(level([row()], egger=few))
    assert steps(level([row()], egger=many)) == {"publication bias": 1}


def test_it_cannot_fall_below_very_low():
    bad = replace(GOOD, blinding="open", lost_share=0.5, condition="other")
    assert level([row(facts=bad, n=20)], (-9.0, 9.0), indirect=True).level == 1


def test_caveats_name_unverified_numbers_and_stopped_drugs():
    found = level([row(basis="recalled", stopped=("a",)), row()])
    assert any("50%" in c and "not verified" in c for c in found.caveats)
    assert any("stopped" in c for c in found.caveats)


def test_egger_refuses_too_few_studies():
    from rodnan.errors import EvidenceError

    with pytest.raises(EvidenceError, match="RDN-E504"):
        egger_test([1.0, 2.0], [0.1, 0.2])
    with pytest.raises(EvidenceError, match="RDN-E504"):
        egger_test([1.0, 2.0, 3.0], [0.1, 0.1, 0.1])
