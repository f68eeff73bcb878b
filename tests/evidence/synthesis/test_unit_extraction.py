"""From records to numbers: what is taken, what is left, and the reason given for it."""

from __future__ import annotations

import pytest

from evidence.synthesis.made_studies import arm, change, difference, regimen, study
from rodnan.errors import EvidenceError
from rodnan.evidence.synthesis.extraction import extract, treatment_of

MMF, PLA = arm("mmf", "mycophenolate"), arm("pla", label="placebo")


def one(outcomes, arms=(MMF, PLA), **more):
    return extract([study("made", list(arms), outcomes, **more)], "fvc_pct_pred")


def reasons(found):
    return {u.row: u.reason for u in found.unused}


@pytest.mark.parametrize(
    ("row", "se"),
    [
        ({"se": 1.5}, 1.5),
        ({"ci95": [0.04, 3.96]}, 1.0),
        ({"p": 0.05}, 2.0 / 1.959964),
    ],
)
def test_a_reported_difference(row, se):
    (c,) = one([difference("mmf", "pla", mean=2.0, **row)]).contrasts
    assert (c.first, c.second, c.scale) == ("mycophenolate", "placebo", "MD")
    assert c.y == pytest.approx(2.0)
    assert c.se == pytest.approx(se, rel=1e-4)
    assert c.basis == "read"
    assert c.n == 100


def test_turning_a_row_turns_its_sign():
    (c,) = one([difference("pla", "mmf", mean=-2.0, se=1.0)]).contrasts
    assert c.turned("mycophenolate").y == pytest.approx(2.0)
    assert c.turned("placebo").y == pytest.approx(-2.0)
    assert c.turned("placebo").second == "mycophenolate"


def test_changes_of_two_arms_make_a_difference():
    (c,) = one([change("mmf", 3.0, se=1.2), change("pla", -1.0, sd=9.0, n=36)]).contrasts
    assert c.y == pytest.approx(4.0)
    assert c.se == pytest.approx((1.2**2 + 1.5**2) ** 0.5)
    assert "change of two arms" in c.how


def test_the_least_verified_basis_counts():
    (c,) = one([change("mmf", 3.0, se=1.0), change("pla", 1.0, se=1.0, basis="recalled")]).contrasts
    assert c.basis == "recalled"


def test_read_goes_before_recalled_unless_adjusted_is_preferred():
    rows = [
        difference("mmf", "pla", mean=2.5, se=1.1, adjusted=True, basis="recalled"),
        difference("mmf", "pla", mean=2.1, se=1.4, adjusted=False),
    ]
    made = study("made", [MMF, PLA], rows)
    assert extract([made], "fvc_pct_pred").contrasts[0].y == 2.1
    assert extract([made], "fvc_pct_pred", prefer="adjusted").contrasts[0].y == 2.5


def test_the_nearest_time_is_taken_and_ties_go_to_the_later():
    rows = [difference("mmf", "pla", mean=float(w), se=1.0, week=w) for w in (26, 40, 64, 104)]
    made = study("made", [MMF, PLA], rows)
    assert extract([made], "fvc_pct_pred").contrasts[0].week == 64
    assert extract([made], "fvc_pct_pred", week=30).contrasts[0].week == 26
    assert extract([made], "fvc_pct_pred", week=104).contrasts[0].week == 104
    assert sum("week 64 was taken" in u.reason for u in extract([made], "fvc_pct_pred").unused) == 3


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [
        ([difference("mmf", "pla", direction="higher", p_below=0.001)], "no size"),
        ([difference("mmf", "pla", mean=2.0)], "no standard error"),
        ([difference("mmf", "pla", mean=2.0, se=1.0, subgroup="dcssc")], "subgroup"),
        ([change("mmf", 3.0), change("pla", 1.0)], "no standard error, standard deviation"),
        (
            [
                {
                    "endpoint": "fvc_pct_pred",
                    "measure": "value",
                    "arm": "mmf",
                    "week": 52,
                    "mean": 70,
                    "sd": 9,
                    "n": 9,
                    "basis": "read",
                }
            ],
            "one arm",
        ),
        (
            [
                {
                    "endpoint": "fvc_pct_pred",
                    "measure": "pct_change",
                    "arm": "mmf",
                    "week": 52,
                    "mean": 7,
                    "basis": "read",
                }
            ],
            "scale",
        ),
        (
            [
                {
                    "endpoint": "fvc_pct_pred",
                    "measure": "change",
                    "arm": "all",
                    "week": 52,
                    "mean": 7,
                    "basis": "read",
                }
            ],
            "all arms",
        ),
    ],
)
def test_rows_that_cannot_be_used_have_a_reason(outcomes, reason):
    found = one(outcomes)
    assert found.contrasts == ()
    assert any(reason in r for r in reasons(found).values()), reasons(found)


def test_a_direction_is_shown_with_what_was_left():
    (left,) = one([difference("mmf", "pla", direction="higher", p_below=0.0001)]).unused
    assert "direction: higher" in left.row
    assert "p < 0.0001" in left.row


def test_published_pools_stand_beside():
    made = study(
        "pool",
        [arm("mmf", label="mycophenolate"), arm("cyc", label="cyclophosphamide")],
        [difference("cyc", "mmf", mean=-0.8, ci95=[-4.0, 2.4])],
        design={"type": "meta-analysis", "blinding": "none"},
    )
    found = extract([made], "fvc_pct_pred")
    assert found.contrasts == ()
    (p,) = found.published
    assert (p.first, p.second, p.estimate, p.low) == ("cyclophosphamide", "mycophenolate", -0.8, -4.0)


def test_single_arms_are_kept_apart():
    found = one(
        [change("mmf", 3.0, se=1.0)],
        arms=[MMF],
        design={"type": "cohort", "randomised": False, "blinding": "open"},
    )
    assert found.contrasts == ()
    (a,) = found.arms
    assert (a.treatment, a.change, a.se) == ("mycophenolate", 3.0, 1.0)


def test_final_values_count_only_after_randomisation():
    rows = [
        {
            "endpoint": "fvc_pct_pred",
            "measure": "value",
            "arm": a,
            "week": 52,
            "mean": m,
            "sd": 10,
            "n": 25,
            "basis": "read",
        }
        for a, m in (("mmf", 70), ("pla", 66))
    ]
    assert one(rows).contrasts[0].y == pytest.approx(4.0)
    observed = one(rows, design={"type": "cohort", "randomised": False, "blinding": "open"})
    assert observed.contrasts == ()
    assert all("not randomised" in r for r in reasons(observed).values())


def test_an_arm_is_named_by_what_it_has_had_by_then():
    late = arm("late", regimen("rituximab", 24, 28), label="placebo, then rituximab")
    made = study("made", [arm("now", regimen("rituximab", 0, 4)), late], [])
    assert treatment_of(made.arms[1], 24) == "placebo"
    assert treatment_of(made.arms[1], 48) == "rituximab"
    assert treatment_of(arm_record("a", "x", "y"), 52) == "x + y"
    assert treatment_of(arm_record("no"), 52) == "no treatment"
    assert treatment_of(arm_record("b", "placebo"), 52) == "placebo"
    assert treatment_of(arm_record("c", "placebo", "x"), 52) == "x"


def arm_record(name, *drugs):
    return study("made", [arm(name, *drugs)], []).arms[0]


def test_two_doses_of_one_drug_are_no_comparison_of_treatments():
    found = one(
        [difference("hi", "lo", mean=1.0, se=1.0)],
        arms=[arm("hi", "mycophenolate"), arm("lo", "mycophenolate")],
    )
    assert found.contrasts == ()
    assert "two doses" in found.unused[0].reason


def test_an_arm_that_changed_its_treatment_shows_no_course():
    late = arm("late", regimen("rituximab", 24, 28), label="placebo, then rituximab")
    found = one([change("late", -1.0, se=1.0, week=48)], arms=[late])
    assert found.arms == ()
    assert "changed its treatment" in found.unused[0].reason


def test_drugs_that_had_been_stopped_are_named():
    arms = [arm("mmf", regimen("mycophenolate", 0, 104)), arm("cyc", regimen("cyclophosphamide", 0, 52))]
    (c,) = one([difference("mmf", "cyc", mean=0.3, se=1.6, week=104)], arms=arms).contrasts
    assert c.stopped == ("cyclophosphamide",)
    short = [arm("rtx", regimen("rituximab", 0, 2)), PLA]
    (c,) = one([difference("rtx", "pla", mean=0.3, se=1.6)], arms=short).contrasts
    assert c.stopped == ()


def test_counts_of_adverse_events():
    made = study(
        "made",
        [arm("mmf", "mycophenolate", n=69), arm("cyc", "cyclophosphamide", n=73)],
        [],
        adverse_events=[
            {"event": "leukopenia", "arm": "mmf", "n": 4, "of": 69, "week": 104, "basis": "read"},
            {"event": "leukopenia", "arm": "cyc", "n": 30, "of": 73, "week": 104, "basis": "read"},
            {"event": "rash", "arm": "mmf", "n": 0, "of": 69, "week": 104, "basis": "read"},
            {"event": "rash", "arm": "cyc", "n": 0, "of": 73, "week": 104, "basis": "read"},
            {"event": "cough", "arm": "cyc", "pct": 12, "week": 104, "basis": "read"},
        ],
    )
    import numpy as np

    found = extract([made], "leukopenia")
    assert found.adverse_event
    (c,) = found.contrasts
    row = c.turned("mycophenolate")
    assert np.exp(row.y) == pytest.approx((4 / 69) / (30 / 73))
    assert row.events == (4, 69, 30, 73)
    assert c.turned("cyclophosphamide").events == (30, 73, 4, 69)
    assert "no event" in extract([made], "rash").unused[0].reason
    assert "no count" in extract([made], "cough").unused[0].reason
    assert extract([made], "rash", binary="RD").contrasts[0].y == 0


def test_hazard_ratios_are_logarithms():
    import numpy as np

    rows = [
        {
            "endpoint": "death_hr",
            "measure": "hazard_ratio",
            "arms": ["mmf", "pla"],
            "mean": 0.5,
            "ci95": [0.25, 1.0],
            "basis": "read",
        }
    ]
    (c,) = extract([study("made", [MMF, PLA], rows)], "death_hr").contrasts
    assert c.scale == "HR"
    assert c.y == pytest.approx(np.log(0.5))
    assert c.se == pytest.approx(np.log(4) / 2 / 1.959964, rel=1e-5)


def test_subgroup_arms_are_left():
    arms = [MMF, PLA, arm("mmf-late", subgroup_of="mmf", n=None)]
    found = one([change("mmf-late", 3.0, se=1.0)], arms=arms)
    assert found.arms == ()
    assert "subgroup" in found.unused[0].reason


def test_an_unknown_scale():
    with pytest.raises(EvidenceError, match="RDN-E509"):
        extract([], "x", binary="NNT")
