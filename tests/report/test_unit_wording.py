"""Names and numbers as the report writes them."""

import pytest

from rodnan.report.wording import (
    arm_names,
    basis_words,
    event_name,
    interval,
    name_endpoint,
    number,
    regimen_words,
    typeset,
)


@pytest.mark.parametrize(
    ("value", "digits", "sign", "text"),
    [
        (2.44, 1, True, "+2.4"),
        (-2.45, 1, True, "-2.5"),
        (0.04, 1, True, "0.0"),
        (-0.04, 1, False, "0.0"),
        (1234.5, 0, False, "1234"),
        (None, 1, False, ""),
    ],
)
def test_numbers_have_fixed_decimals_and_zero_no_sign(value, digits, sign, text):
    assert number(value, digits, sign=sign) == text


def test_intervals_are_written_low_to_high():
    assert interval([-0.4, 4.2], sign=True) == "-0.4 to +4.2"
    assert interval(None) == ""


def test_print_gets_true_minus_and_dashes_but_hyphenated_words_stay():
    assert typeset("(-0.4 to +4.2)") == "(−0.4 to +4.2)"
    assert typeset("points, 0-51") == "points, 0–51"
    assert typeset("sls-2 and HAQ-DI") == "sls-2 and HAQ-DI"
    assert typeset("90 % interval") == "90\N{NO-BREAK SPACE}% interval"


def test_recalled_numbers_are_called_unverified():
    assert basis_words({"basis": "recalled", "adjusted": True}) == "adjusted, unverified"
    assert basis_words({"basis": "read", "derived": True}) == "computed, read"
    assert basis_words({}) == "basis not given"


def test_arm_names_are_short_and_never_the_same():
    arms = [
        {"id": "cyc", "label": "oral cyclophosphamide 12 months, then matching placebo"},
        {"id": "placebo", "label": "placebo"},
    ]
    assert arm_names(arms) == {"cyc": "oral cyclophosphamide", "placebo": "placebo"}
    twice = [{"id": "low", "label": "drug 5 mg"}, {"id": "high", "label": "drug 10 mg"}]
    assert arm_names(twice) == {"low": "low", "high": "high"}


def test_an_unknown_endpoint_keeps_its_identifier_and_unit():
    endpoint = name_endpoint("six_minute_walk", "metre")
    assert (endpoint.name, endpoint.unit) == ("six_minute_walk", "metre")


def test_events_become_phrases():
    assert event_name("any-serious-adverse-event") == "Any serious adverse event"
    assert event_name("premature stop (well-known)") == "Premature stop (well-known)"


def test_a_regimen_may_be_text_rules_or_nothing():
    rule = {
        "drug": "cyclophosphamide",
        "route": "oral",
        "dose": 2,
        "unit": "mg/kg",
        "interval": 1,
        "interval_unit": "day",
        "start_week": 0,
        "stop_week": 52,
        "titration": "from 1 mg/kg",
    }
    words = regimen_words([rule])
    assert words == "cyclophosphamide 2 mg/kg every 1 day (oral), weeks 0 to 52, from 1 mg/kg"
    assert regimen_words("1.5 g twice daily") == "1.5 g twice daily"
    assert regimen_words([]) == "no study drug"
