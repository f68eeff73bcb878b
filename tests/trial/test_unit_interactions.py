"""Drugs of one arm act on each other while both are taken, and only then; arms without a pair are untouched."""

from __future__ import annotations

import numpy as np
import pytest

from rodnan.pharmacology import daily_effects, empty_state, load_model, parse_regimen, parse_treatment
from rodnan.pharmacology.models import runtime_model
from rodnan.trial.design import ArmDesign
from rodnan.trial.feasibility import Background
from rodnan.trial.treating import arm_notes, treatments_of


def _apart(model):
    """Return the same drug without its interactions."""
    return runtime_model(model.record.model_copy(update={"interactions": ()}))


def _same(one, other):
    return all(one.observed[name].tobytes() == other.observed[name].tobytes() for name in one.observed)


def _arm(words, background=()):
    drugs = parse_treatment(words)
    return ArmDesign("own", "own", None, drugs, {d: load_model(d) for d in drugs}, words, tuple(background))


def test_ciclosporin_weakens_mycophenolate_in_a_trial(conducted):
    words = "mycophenolate 1.5 g twice daily; cyclosporine 2.5 mg/kg oral daily"
    beside, apart = conducted(words), conducted(words, changed=_apart)
    worse = (beside.observed["mrss"] - apart.observed["mrss"])[-1]
    assert worse.mean() > 0.0
    assert (worse >= -1.0).all()  # readings are whole points
    np.testing.assert_array_equal(beside.dose_taken, apart.dose_taken)


def test_a_partner_acts_from_the_visit_at_which_it_is_taken(conducted):
    words = "mycophenolate 1.5 g twice daily; cyclosporine 2.5 mg/kg oral daily from week 24"
    beside, apart = conducted(words), conducted(words, changed=_apart)
    until = beside.days <= 24 * 7
    for name in beside.observed:
        np.testing.assert_array_equal(beside.observed[name][until], apart.observed[name][until])
    assert (beside.observed["fvc_pct_pred"][~until] != apart.observed["fvc_pct_pred"][~until]).any()


def test_plasma_exchange_takes_an_antibody_away(conducted):
    words = "rituximab 1000 mg iv every 2 weeks x 2; plasma-exchange 1 session every 2 days x 5 from week 4"
    beside, apart = conducted(words, weeks=28), conducted(words, weeks=28, changed=_apart)
    np.testing.assert_array_equal(beside.observed["mrss"][:2], apart.observed["mrss"][:2])
    assert not _same(beside, apart)


def test_only_those_who_take_the_partner_are_changed(conducted):
    """Methotrexate in half of the patients: hydroxychloroquine has a larger volume in them alone."""
    model = load_model("methotrexate")
    half = Background("methotrexate", 0.5, parse_regimen("15 mg oral weekly", "methotrexate"), model)
    arm = _arm("hydroxychloroquine 400 mg oral daily", [half])
    drug, other = treatments_of(arm, conducted.cohort, "own", 5, 2)
    n = len(conducted.cohort.patients)
    assert drug.partners == ("methotrexate",)
    assert other.partners == ()
    takes = other.takers > 0
    assert 0 < takes.sum() < n
    dose, state = drug.plan.amounts(0, 7), empty_state(drug.model, n)
    mixed, after = drug.effects(state, dose, {"methotrexate": takes}, {}, 2)
    alone, left = drug.effects(state, dose, {}, {}, 2)
    np.testing.assert_array_equal(mixed[~takes], alone[~takes])
    np.testing.assert_array_equal(after[~takes], left[~takes])
    assert (mixed[takes] != alone[takes]).any(axis=(1, 2)).all()


def test_a_drug_without_a_partner_is_computed_as_it_always_was(conducted):
    drug, *_ = treatments_of(_arm("mycophenolate 1.5 g twice daily"), conducted.cohort, "own", 5, 2)
    n = len(conducted.cohort.patients)
    dose, state = drug.plan.amounts(0, 28), empty_state(drug.model, n)
    on = {"mycophenolate": np.ones(n, bool), "rituximab": np.ones(n, bool)}
    got = drug.effects(state, dose, on, {"plasma-exchange": np.zeros((n, 28))}, 2)
    plain = daily_effects(drug.model, drug.kinetics, state, dose, drug.prepared, threads=2)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(got, plain, strict=True))


@pytest.mark.parametrize(
    "words",
    [
        "mycophenolate 1.5 g twice daily",
        "cyclophosphamide 2 mg/kg oral daily for 24 weeks then azathioprine 2 mg/kg daily for 28 weeks",
        "rituximab 1000 mg iv every 2 weeks x 2; mycophenolate 1 g twice daily",
    ],
)
def test_arms_without_a_pair_keep_every_byte(conducted, words):
    assert _same(conducted(words, weeks=40, stay=False), conducted(words, 40, _apart, stay=False))


def test_what_the_records_say_of_a_pair_is_told_where_their_times_meet():
    notes = arm_notes(_arm("azathioprine 2 mg/kg daily; mycophenolate 1 g twice daily"))
    assert all(note.startswith("own: ") for note in notes)
    assert sum("not to be combined" in note for note in notes) == 2
    after = "cyclophosphamide 2 mg/kg oral daily for 24 weeks then azathioprine 2 mg/kg daily for 28 weeks"
    assert not any("accompany" in note for note in arm_notes(_arm(after)))
    beside = "cyclophosphamide 2 mg/kg oral daily for 24 weeks; azathioprine 2 mg/kg daily for 28 weeks"
    assert any("does not accompany" in note for note in arm_notes(_arm(beside)))
    later = "rituximab 1000 mg iv every 2 weeks x 2; plasma-exchange 1 session every 2 days x 5 from week 9"
    assert any("a session" in note for note in arm_notes(_arm(later)))
    earlier = "rituximab 1000 mg iv once from week 9; plasma-exchange 1 session every 2 days x 5"
    assert arm_notes(_arm(earlier)) == ()
    half = Background("mycophenolate", 0.5, (), load_model("mycophenolate"))
    assert any(
        "stops the recirculation" in n for n in arm_notes(_arm("cyclosporine 2.5 mg/kg daily", [half]))
    )


def test_the_notes_stand_in_the_result_and_its_text():
    from rodnan.report import text_tables
    from rodnan.trial import run

    result = run("le-2011", patients=40, pool=256, replicates=40, force=True, seed=3, workers=2)
    assert any(note.startswith("mmf: mycophenolate with methotrexate") for note in result["notes"])
    assert "Of the treatments: mmf: mycophenolate with methotrexate" in text_tables(result)
