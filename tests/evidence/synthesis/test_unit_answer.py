"""Whole answers: from made records, and from the reference records beside the checkout."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from evidence.synthesis.made_studies import arm, change, difference, study
from rodnan.errors import EvidenceError
from rodnan.evidence import read_studies
from rodnan.evidence.synthesis import (
    answer_data,
    answer_text,
    forest_data,
    funnel_data,
    network_forest_data,
    network_graph,
    pool,
    synthesise,
)
from rodnan.evidence.synthesis.certainty import Certainty
from rodnan.evidence.synthesis.endpoints import endpoint_of
from rodnan.evidence.synthesis.words import sentence
from shared_data import shared_path

PLA = arm("pla", label="placebo")


def trial(name, first, second, mean, se, **more):
    arms = [arm("a", first), arm("b", second) if second != "placebo" else {**PLA, "id": "b"}]
    return study(name, arms, [difference("a", "b", mean=mean, se=se, **more)])


def made():
    """Three trials of x against placebo, two of y against placebo, one of x against y: a closed loop."""
    return [
        trial("x-1", "drug-x", "placebo", 3.0, 1.0),
        trial("x-2", "drug-x", "placebo", 2.0, 0.8),
        trial("x-3", "drug-x", "placebo", 4.5, 1.5, basis="recalled"),
        trial("y-1", "drug-y", "placebo", 1.0, 1.0),
        trial("y-2", "drug-y", "placebo", 0.2, 1.2),
        trial("xy", "drug-x", "drug-y", 2.2, 1.1),
        study(
            "course",
            [arm("x", "drug-x")],
            [change("x", 4.0, se=1.0)],
            design={"type": "cohort", "randomised": False},
        ),
    ]


def answer(**more):
    return synthesise(made(), **({"drug": "drug-x", "endpoint": "fvc_pct_pred"} | more))


def test_direct_comparisons_are_pooled_for_each_comparator():
    found = answer()
    placebo, other = found.comparisons
    assert (placebo.against, placebo.pooled.k, other.against, other.pooled.k) == ("placebo", 3, "drug-y", 1)
    expected = pool([3.0, 2.0, 4.5], [1.0, 0.64, 2.25])
    assert placebo.pooled.estimate == pytest.approx(expected.estimate)
    assert placebo.predicted[0] is not None
    assert placebo.bayes is not None
    assert len(placebo.without.without) == 3
    assert found.unverified == ("x-3",)


def test_asking_from_the_other_side_turns_the_answer():
    there = answer(drug="drug-x", against="drug-y")
    back = answer(drug="drug-y", against="drug-x")
    (a,), (b,) = there.comparisons, back.comparisons
    assert a.pooled.estimate == pytest.approx(-b.pooled.estimate)
    assert a.certainty.level == b.certainty.level
    e, f = there.network.estimates[0].relative, back.network.estimates[0].relative
    assert e.estimate == pytest.approx(-f.estimate)


def test_the_network_joins_direct_and_indirect_evidence():
    found = answer()
    net = found.network
    assert net.spread_known
    estimates = {e.relative.second: e for e in net.estimates}
    assert estimates["placebo"].direct_studies == 3
    assert estimates["drug-y"].relative.se < found.comparisons[1].pooled.se
    assert net.decomposition.between.df == 1
    assert {r.treatment for r in net.ranks} == {"drug-x", "drug-y", "placebo"}


def test_a_wholly_indirect_comparison_says_through_what():
    found = synthesise(made()[:5], drug="drug-x", endpoint="fvc_pct_pred", against="drug-y")
    assert found.comparisons == ()
    (e,) = found.network.estimates
    assert (e.direct_studies, e.via) == (0, ("placebo",))
    assert any("no trial compares" in r for r in e.certainty.reasons)
    assert any("No randomised comparison" in r for r in found.remarks)


def test_parts_that_do_not_connect_are_named():
    studies = [*made()[:2], trial("z", "drug-z", "drug-w", 1.0, 1.0)]
    found = synthesise(studies, drug="drug-x", endpoint="fvc_pct_pred")
    assert found.network is None
    alone = synthesise(studies, drug="drug-x", endpoint="fvc_pct_pred", against="drug-z")
    assert any("No chain of randomised trials" in r for r in alone.remarks)


def test_without_loop_or_repetition_the_spread_is_said_to_be_unknown():
    found = synthesise([made()[0], made()[3]], drug="drug-x", endpoint="fvc_pct_pred")
    assert not found.network.spread_known
    assert any("cannot be estimated" in r for r in found.remarks)


def test_randomised_and_other_comparisons_are_never_mixed():
    cohort = study(
        "cohort",
        [arm("a", "drug-x"), {**PLA, "id": "b"}],
        [difference("a", "b", mean=9.0, se=0.1, adjusted=True)],
        design={"type": "cohort", "randomised": False, "blinding": "open"},
    )
    found = synthesise([*made(), cohort], drug="drug-x", endpoint="fvc_pct_pred", against="placebo")
    randomised, observed = found.comparisons
    assert (randomised.randomised, observed.randomised) == (True, False)
    assert randomised.pooled.k == 3
    assert observed.certainty.start == 2
    assert "cohort" not in {r.facts.study for r in found.network.rows}


def test_a_multi_arm_trial_with_a_missing_pair_is_left_out_of_the_network():
    arms = [arm("a", "drug-x"), arm("b", "drug-y"), {**PLA, "id": "c"}]
    three = study(
        "three", arms, [difference("a", "b", mean=1.0, se=1.0), difference("a", "c", mean=2.0, se=1.0)]
    )
    found = synthesise([*made(), three], drug="drug-x", endpoint="fvc_pct_pred")
    assert "three" not in {r.facts.study for r in found.network.rows}
    assert any(u.study == "three" and "network" in u.row for u in found.unused)
    assert found.comparisons[0].pooled.k == 4


def test_sensitivity_to_what_is_preferred():
    rows = [
        difference("a", "b", mean=2.0, se=1.0),
        difference("a", "b", mean=3.0, se=1.0, adjusted=True, basis="recalled"),
    ]
    found = synthesise(
        [study("t", [arm("a", "drug-x"), {**PLA, "id": "b"}], rows)], drug="drug-x", endpoint="fvc_pct_pred"
    )
    (c,) = found.comparisons
    assert c.pooled.estimate == 2.0
    assert c.sensitivity.estimate == 3.0
    assert answer().comparisons[0].sensitivity is None


def test_other_names_and_other_cases_of_a_drug_are_understood():
    by_brand = answer(drug="Brandex", against=" Placebo ", aliases={"brandex": "drug-x"})
    assert (by_brand.drug, by_brand.against) == ("drug-x", "placebo")
    with pytest.raises(EvidenceError, match="did you mean 'drug-x'"):
        answer(drug="Brandx", aliases={"brandex": "drug-x"})
    assert answer(drug="DRUG-X").comparisons[0].pooled.estimate == answer().comparisons[0].pooled.estimate


@pytest.mark.parametrize(
    ("measure", "scale"),
    [("hazard_ratio", "HR"), ("odds_ratio", "OR"), ("risk_ratio", "RR"), ("incidence_rate_ratio", "IRR")],
)
def test_every_kind_of_ratio_has_its_own_scale(measure, scale):
    row = {
        "endpoint": "event",
        "measure": measure,
        "arms": ["a", "b"],
        "mean": 0.5,
        "ci95": [0.3, 0.8],
        "basis": "read",
    }
    found = synthesise(
        [study("t", [arm("a", "drug-x"), {**PLA, "id": "b"}], [row])], drug="drug-x", endpoint="event"
    )
    (c,) = found.comparisons
    assert c.scale == scale
    assert answer_data(found)["comparisons"][0]["random_effects"]["estimate"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("asked", "code", "near"),
    [
        ({"drug": "drug-q"}, "RDN-E511", "drug-"),
        ({"endpoint": "fvc_pct_pre"}, "RDN-E512", "fvc_pct_pred"),
        ({"endpoint": "fvc"}, "RDN-E512", "fvc_pct_pred"),
        ({"against": "placeboo"}, "RDN-E513", "placebo"),
        ({"against": "drug-x"}, "RDN-E513", "drug-y"),
        ({"binary": "NNT"}, "RDN-E509", ""),
    ],
)
def test_names_that_are_none(asked, code, near):
    with pytest.raises(EvidenceError) as error:
        answer(**asked)
    assert error.value.code == code
    assert near in (error.value.nearest or "")


def test_text_says_what_a_reader_needs():
    text = answer_text(answer())
    for part in (
        "unit: points of % predicted; better: higher",
        "REML, Hartung-Knapp",
        "prediction interval, t with k-1 df",
        "prediction interval, t with k-2 df",
        "I2 ",
        "Bayesian:",
        "certainty: ",
        "recalled (unverified)",
        "the order is not settled",
        "course, not effect",
        "does not say what is",
        "consistency: between designs Q",
    ):
        assert part in text, part
    assert "best" not in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_data_are_json_with_source_and_basis_beside_every_number():
    data = json.loads(json.dumps(answer_data(answer()), allow_nan=False))
    rows = data["comparisons"][0]["studies"]
    assert [r["verified"] for r in rows] == [True, True, False]
    assert all(r["citation"] and r["how"] and r["basis"] for r in rows)
    assert data["unverified"] == ["x-3"]
    assert data["network"]["ranks"][0]["rank_low"] >= 1


def test_ratios_leave_the_logarithm_behind():
    events = [
        {"event": "rash", "arm": "a", "n": 5, "of": 50, "week": 52, "basis": "read"},
        {"event": "rash", "arm": "b", "n": 10, "of": 50, "week": 52, "basis": "read"},
    ]
    trials = [
        study(f"t-{i}", [arm("a", "drug-x"), {**PLA, "id": "b"}], [], adverse_events=events) for i in (1, 2)
    ]
    found = synthesise(trials, drug="drug-x", endpoint="rash")
    data = answer_data(found)["comparisons"][0]
    assert data["random_effects"]["estimate"] == pytest.approx(0.5)
    assert "0.50" in answer_text(found)
    forest = forest_data(found.comparisons[0], found.endpoint)
    assert forest.log
    assert forest.no_effect == 1.0
    assert forest.left == "drug-x better"


def words(level):
    return Certainty(level, 4, (), ())


@pytest.mark.parametrize(
    ("level", "estimate", "low", "high", "said"),
    [
        (4, 5.0, 4.0, 6.0, "X is better than y by an important amount."),
        (3, 5.0, 4.0, 6.0, "X is probably better than y by an important amount."),
        (2, 5.0, 4.0, 6.0, "X may be better than y by an important amount."),
        (2, -5.0, -6.0, -4.0, "X may be worse than y by an important amount."),
        (4, 1.0, 0.5, 1.5, "X is better than y by less than what patients notice."),
        (3, 0.1, -1.0, 1.2, "X probably makes little or no difference compared with y."),
        (2, 2.0, -0.5, 4.5, "little or no difference compared with y; an important benefit is not excluded."),
        (2, 4.0, -0.5, 8.5, "but the interval holds no difference."),
        (1, 5.0, 4.0, 6.0, "It is very uncertain how x and y compare on this outcome."),
    ],
)
def test_sentences(level, estimate, low, high, said):
    assert sentence("x", "y", estimate, low, high, "MD", endpoint_of("fvc_pct_pred"), words(level)).endswith(
        said
    )


def test_sentences_follow_the_direction_of_the_outcome():
    skin = sentence("x", "y", -5.0, -6.0, -4.0, "MD", endpoint_of("mrss"), words(4))
    assert "better" in skin
    harm = sentence("x", "y", math.log(2), 0.3, 1.1, "RR", endpoint_of("rash", adverse_event=True), words(4))
    assert "worse" in harm
    unknown = sentence("x", "y", 2.0, 1.0, 3.0, "MD", endpoint_of("biomarker"), words(4))
    assert "higher values" in unknown


def test_plot_data():
    found = answer()
    forest = forest_data(found.comparisons[0], found.endpoint)
    assert [r.kind for r in forest.rows] == ["study"] * 3 + ["pooled", "prediction"]
    assert [r.verified for r in forest.rows[:3]] == [True, True, False]
    assert sum(r.weight for r in forest.rows[:3]) == pytest.approx(1)
    assert (forest.important, forest.right) == (3.0, "drug-x better")
    net = network_forest_data(found.network, "drug-x", found.endpoint)
    assert {r.label for r in net.rows} == {"against placebo", "against drug-y"}
    funnel = funnel_data(found.comparisons[0], found.endpoint)
    assert "too few" in funnel.note
    assert funnel.edge_low < funnel.centre < funnel.edge_high
    graph = network_graph(found.network, found.endpoint)
    assert {(e.first, e.second): e.studies for e in graph.edges} == {
        ("drug-x", "drug-y"): 1,
        ("drug-x", "placebo"): 3,
        ("drug-y", "placebo"): 2,
    }
    assert np.allclose([n.x**2 + n.y**2 for n in graph.nodes], 1)
    assert {n.name: n.patients for n in graph.nodes}["drug-x"] == 400


@pytest.fixture(scope="module")
def records():
    return read_studies(shared_path("evidence/trials"))


class TestReferenceRecords:
    """The reference records beside the checkout: numbers that can be checked by hand."""

    def test_mycophenolate_for_lung_function(self, records):
        found = synthesise(records, drug="mycophenolate", endpoint="fvc_pct_pred")
        (c,) = [c for c in found.comparisons if c.randomised]
        assert (c.against, [r.facts.study for r in c.rows]) == ("cyclophosphamide", ["sls-2"])
        # SLS II at 24 months: 3.3 (SE 1.1) against 3.0 (SE 1.2), both read
        assert c.pooled.estimate == pytest.approx(0.3)
        assert c.pooled.se == pytest.approx(math.hypot(1.1, 1.2))
        placebo = next(e for e in found.network.estimates if e.relative.second == "placebo")
        # through SLS I: 2.14 (SE 1.40) for cyclophosphamide against placebo
        assert placebo.relative.estimate == pytest.approx(0.3 + 2.14)
        assert placebo.relative.se == pytest.approx(math.sqrt(1.1**2 + 1.2**2 + 1.40**2))
        assert placebo.via == ("cyclophosphamide",)
        assert placebo.certainty.word == "very low"
        assert {p.study for p in found.published} == {"barnes-2018"}
        assert "desires" in found.unverified

    def test_every_drug_and_outcome_is_answered_or_refused_with_a_code(self, records):
        from rodnan.evidence.synthesis import known_drugs, known_endpoints

        drugs = known_drugs(records)
        for endpoint in (
            "fvc_pct_pred",
            "mrss",
            "dlco_pct_pred",
            "haq_di",
            "death",
            "pneumonia",
            "event_free_hr",
        ):
            assert endpoint in known_endpoints(records)
            for drug in drugs:
                found = synthesise(records, drug=drug, endpoint=endpoint)
                json.dumps(answer_data(found), allow_nan=False)
                assert found.notice in " ".join(answer_text(found).split())
