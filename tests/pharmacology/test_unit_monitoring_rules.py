"""Rules in words: what is read, and the one error that each illegal rule has."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rodnan.errors import DoseError, RodnanError
from rodnan.pharmacology.models import load_model
from rodnan.pharmacology.monitoring_rules import MonitoringRule, check_rules
from rodnan.pharmacology.monitoring_words import read_rules, split_rules
from rodnan.pharmacology.regimen import dose_plan
from rodnan.pharmacology.regimen_reading import parse_regimen, parse_treatment, regimen_from_item

DOSES = "2 mg/kg daily for 52 weeks"


def _rules(words):
    return parse_regimen(f"{DOSES}; {words}", "azathioprine")[0].rules


def test_the_whole_of_a_protocol():
    words = (
        "hold if neutrophils < 1.0; reduce by 50% if neutrophils < 1.5; reduce to 75% if creatinine > 1.5 x baseline; "
        "resume if neutrophils > 1.5"
    )
    assert _rules(words) == (
        MonitoringRule("hold", "neutrophils", True, 1.0),
        MonitoringRule("reduce", "neutrophils", True, 1.5, share=0.5),
        MonitoringRule("reduce", "creatinine", False, 1.5, True, 0.75),
        MonitoringRule("resume", "neutrophils", False, 1.5, share=1.0),
    )
    assert [str(rule) for rule in _rules(words)] == [
        "hold if neutrophils < 1 10^9/L",
        "reduce to 50% if neutrophils < 1.5 10^9/L",
        "reduce to 75% if creatinine > 1.5 x baseline",
        "resume if neutrophils > 1.5 10^9/L",
    ]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("hold if ANC < 1,000/uL", ("hold", "neutrophils", True, 1.0, False, 0.0)),
        ("withhold if wbc below 2.5 x 10^9/L", ("hold", "white cells", True, 2.5, False, 0.0)),
        (
            "hold the dose when white cell count is under 2500 per mm3",
            ("hold", "white cells", True, 2.5, False, 0.0),
        ),
        ("halve if neutrophils < 1.2", ("reduce", "neutrophils", True, 1.2, False, 0.5)),
        ("reduce by 25% if neutrophils < 1.2", ("reduce", "neutrophils", True, 1.2, False, 0.75)),
        ("reduce to half of the planned dose if alc < 0.5", ("reduce", "lymphocytes", True, 0.5, False, 0.5)),
        ("stop if creatinine > 176.84 µmol/L", ("stop", "creatinine", False, 2.0, False, 0.0)),
        ("reduce to 50% if neutrophils < 0.5 x baseline", ("reduce", "neutrophils", True, 0.5, True, 0.5)),
    ],
)
def test_many_ways_to_say_it(words, rule):
    (found,) = _rules(words)
    assert found.limit == pytest.approx(rule[3])
    assert (found.action, found.quantity, found.below, found.relative, found.share) == (*rule[:3], *rule[4:])


def test_two_quantities_in_one_rule():
    words = (
        "hold if neutrophils < 1 or white cells < 2.5, resume at 75% if neutrophils > 1.5 and white cells > 3"
    )
    found = _rules(words)
    assert [(rule.action, rule.quantity, rule.share) for rule in found] == [
        ("hold", "neutrophils", 0.0),
        ("hold", "white cells", 0.0),
        ("resume", "neutrophils", 0.75),
        ("resume", "white cells", 0.75),
    ]


@pytest.mark.parametrize("joint", ["; ", ", ", ". ", " ", " and ", "; then "])
def test_any_joint_between_doses_and_rules(joint):
    phases = parse_regimen(f"50 mg daily for 2 weeks then 100 mg daily{joint}hold if wbc < 3", "azathioprine")
    assert [r.dose.amount for r in phases] == [50.0, 100.0]
    assert all(r.rules == (MonitoringRule("hold", "white cells", True, 3.0),) for r in phases)


@pytest.mark.parametrize(
    ("words", "code", "nearest"),
    [
        ("hold", "RDN-D180", None),
        ("hold if neutrophils 1.0", "RDN-D180", None),
        ("hold by 50% if neutrophils < 1", "RDN-D180", None),
        ("reduce if neutrophils < 1", "RDN-D180", None),
        ("reduce at 50% if neutrophils < 1", "RDN-D180", None),
        ("hold if neutrophils < 1 and white cells < 2", "RDN-D180", None),
        ("hold if wbc < 2; resume if wbc > 3 or neutrophils > 2", "RDN-D180", None),
        ("hodl if neutrophils < 1", "RDN-D181", "hold"),
        ("redcue by 50% if neutrophils < 1", "RDN-D181", "reduce"),
        ("hold if neutrofils < 1", "RDN-D182", "neutrophils"),
        ("hold if creatinin > 2 mg/dL", "RDN-D182", "creatinine"),
        ("hold if platelets < 100", "RDN-D182", None),
        ("hold if creatinine > 2", "RDN-D183", None),
        ("hold if creatinine > 2 mg/l", "RDN-D183", "mg/dl"),
        ("hold if neutrophils < 1 10^6/L", "RDN-D183", "10^9/l"),
        ("hold if neutrophils < 1.5 x baselin", "RDN-D183", "x baseline"),
        ("hold if neutrophils < 0", "RDN-D184", None),
        ("hold if neutrophils < -1", "RDN-D184", None),
        ("reduce by 100% if neutrophils < 1", "RDN-D184", None),
        ("reduce by 150% if neutrophils < 1", "RDN-D184", None),
        ("reduce to 0% if neutrophils < 1", "RDN-D184", None),
        ("hold if neutrophils < 1; resume at 120% if neutrophils > 2", "RDN-D184", None),
        ("resume if neutrophils > 1", "RDN-D185", None),
        ("hold if white cells < 2; resume if neutrophils > 1", "RDN-D185", None),
        ("hold if neutrophils < 1; resume if neutrophils > 0.8", "RDN-D185", None),
        ("hold if neutrophils < 1; resume if neutrophils < 1.5", "RDN-D185", None),
        ("hold if neutrophils < 1; resume if neutrophils > 2; resume if neutrophils > 3", "RDN-D185", None),
        ("hold if neutrophils < 1.5; reduce to 50% if neutrophils < 1", "RDN-D185", None),
        ("hold if neutrophils < 1; hold if neutrophils < 0.8", "RDN-D185", None),
        ("stop if neutrophils < 1; hold if neutrophils < 0.8", "RDN-D185", None),
        ("hold if neutrophils < 5; hold if neutrophils > 3", "RDN-D185", None),
        ("hold if creatinine > 0.8 x baseline", "RDN-D185", None),
        ("hold if neutrophils < 1; 3 mg/kg daily", "RDN-D186", None),
        ("hold if neutrophils < 1 then 3 mg/kg daily", "RDN-D186", None),
    ],
)
def test_every_illegal_rule_has_its_error(words, code, nearest):
    with pytest.raises(DoseError) as caught:
        _rules(words)
    assert caught.value.code == code, caught.value
    assert caught.value.nearest == nearest
    assert "azathioprine" in str(caught.value.where)


def test_a_rule_without_doses_and_too_many_words():
    with pytest.raises(DoseError, match="RDN-D186"):
        parse_regimen("hold if neutrophils < 1", "azathioprine")
    with pytest.raises(DoseError, match="RDN-D186"):
        parse_treatment("hold if wbc < 2; MMF 1 g bid")
    with pytest.raises(DoseError, match="RDN-D118"):
        parse_regimen(DOSES + "; hold if wbc < 2" * 200, "azathioprine")
    with pytest.raises(DoseError, match="RDN-D180"):
        read_rules("hold if wbc < 2; " * 200)


def test_illegal_rules_cannot_be_built():
    for changed in ({"action": "skip"}, {"quantity": "iron"}, {"limit": float("nan")}, {"share": 0.5}):
        with pytest.raises(DoseError, match=r"RDN-D18[124]"):
            MonitoringRule(
                **{"action": "hold", "quantity": "neutrophils", "below": True, "limit": 1.0} | changed
            )


def test_a_milder_stop_beside_a_hold_is_kept():
    rules = read_rules("stop if neutrophils < 0.5; hold if neutrophils < 1; resume if neutrophils > 1.5")
    assert [rule.action for rule in rules] == ["stop", "hold", "resume"]
    assert check_rules([*rules, *rules]) == rules


def test_rules_of_a_treatment_belong_to_the_line_before():
    found = parse_treatment(
        "cyclophosphamide 2 mg/kg oral daily for 26 weeks then MMF 1 g twice daily for 78 weeks; hold if wbc < 2.5; "
        "resume if wbc > 3; prednisone 10 mg daily plus hydroxychloroquine 400 mg daily, stop if creatinine > 2 mg/dL"
    )
    actions = {drug: [rule.action for rule in regimens[0].rules] for drug, regimens in found.items()}
    assert actions == {
        "cyclophosphamide": ["hold", "resume"],
        "mycophenolate": ["hold", "resume"],
        "prednisone": [],
        "hydroxychloroquine": ["stop"],
    }


def test_a_record_says_rules_and_the_plan_tells_them():
    item = {"drug": "azathioprine", "dose": 100, "unit": "mg", "interval": 1, "interval_unit": "day"}
    regimen = regimen_from_item(item | {"rules": "hold if neutrophils < 1.0"})
    plan = dose_plan(load_model("azathioprine"), regimen, {}, 1)
    assert plan.rules == (MonitoringRule("hold", "neutrophils", True, 1.0),)
    assert plan.notes == ("azathioprine: hold if neutrophils < 1 10^9/L (acted on at the visits of a trial)",)
    assert dose_plan(load_model("azathioprine"), regimen_from_item(item), {}, 1).rules == ()
    with pytest.raises(DoseError, match=r"RDN-D180.*sls\.yaml"):
        regimen_from_item(item | {"rules": "hold"}, where="sls.yaml: arms.aza")
    other = parse_regimen("50 mg daily; hold if neutrophils < 0.5", "azathioprine")
    with pytest.raises(DoseError, match="RDN-D185"):
        dose_plan(load_model("azathioprine"), [regimen, *other], {}, 1)


def test_words_without_rules_are_left_as_they_are():
    for words in ("750 mg/m2 IV monthly x 6", "start 1 mg/kg, +25 mg monthly, to 2 mg/kg daily"):
        assert split_rules(words) == (words, "")


_PIECES = [
    "hold", "reduce", "reduce by 50%", "reduce to 75%", "resume", "stop", "halve", "if", "when", "neutrophils",
    "white cells", "creatinine", "platelets", "wbc", "<", ">", "below", "1.0", "1.5", "2,500", "-3", "1e400", "/uL",
    "mg/dL", "x baseline", ";", ",", "and", "or", "then", "2 mg/kg daily", "1 g bid", "for 4 weeks", "%", ".",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=14), st.text(max_size=12))
@example(["2 mg/kg daily", ";", "hold", "if", "neutrophils", "<", "1.0"], "")
def test_property_words_give_rules_or_a_coded_error(pieces, extra):
    for text in (" ".join(pieces), " ".join(pieces) + extra):
        with contextlib.suppress(RodnanError):
            for regimen in parse_regimen(text, "azathioprine"):
                assert check_rules(regimen.rules) == regimen.rules
        with contextlib.suppress(RodnanError):
            parse_treatment(f"azathioprine {text}")


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["hold", "stop", "reduce"]),
    st.sampled_from(["neutrophils", "white cells", "lymphocytes", "creatinine"]),
    st.booleans(),
    st.integers(1, 400).map(lambda k: k / 100),
    st.integers(1, 99),
)
def test_property_a_rule_is_read_back_from_its_own_words(action, quantity, relative, limit, percent):
    below = limit < 1.0 if relative else quantity != "creatinine"
    share = percent / 100 if action == "reduce" else 0.0
    rule = MonitoringRule(action, quantity, below, limit, relative, share)
    (found,) = read_rules(str(rule))
    assert str(found) == str(rule)
    assert (found.action, found.quantity, found.below, found.relative) == (action, quantity, below, relative)
    assert (found.limit, found.share) == pytest.approx((limit, share))
