"""Units: names, exact sizes, refusals, dosing rules."""

from __future__ import annotations

import pytest

from rodnan.errors import UnitError
from rodnan.units import UNITS, convert, dimension, dosing_rule, parse_quantity, parse_unit, same_dimension


@pytest.mark.parametrize(
    ("value", "unit", "target", "expected"),
    [
        (1.5, "g", "mg", 1500.0),
        (1500.0, "mg", "g", 1.5),
        (10.0, "L/h", "L/day", 240.0),
        (240.0, "L/day", "L/h", 10.0),
        (3000.0, "cells/uL", "10^9/L", 3.0),
        (100.0, "mL/min", "L/day", 144.0),
        (45.0, "mg*h/L", "ug*h/mL", 45.0),
        (24.0, "mg*h/L", "mg*day/L", 1.0),
        (0.5, "1/h", "1/day", 12.0),
        (1.0, "month", "day", 30.4375),
        (1.0, "year", "month", 12.0),
        (2.0, "week", "day", 14.0),
        (14.0, "g/dL", "g/L", 140.0),
        (170.0, "cm", "m", 1.7),
        (1.0, "m^2", "cm2", 1e4),
        (5.0, "%", "fraction", 0.05),
        (200.0, "cGy", "Gy", 2.0),
    ],
)
def test_conversions_that_every_clinician_knows(value, unit, target, expected):
    assert convert(value, unit, target) == expected


def test_a_month_is_a_twelfth_of_a_julian_year():
    assert convert(1, "month", "week") == pytest.approx(4.348, abs=5e-4)


@pytest.mark.parametrize("written", ["µg/mL", "μg/mL", "mcg/ml", "ug / mL"])
def test_spellings_of_a_microgram(written):
    assert parse_unit(written).size == parse_unit("ug/mL").size


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("mgg", "mg"),
        ("L/hh", "h"),
        ("mg*huor/L", "hour"),
        ("MG", "mg"),
        ("weak", "week"),
        ("pctpred", "pct_pred"),
    ],
)
def test_unknown_unit_names_the_nearest(text, nearest):
    with pytest.raises(UnitError) as caught:
        parse_unit(text)
    assert caught.value.code == "RDN-U001"
    assert caught.value.nearest == nearest
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", " ", "mg/", "/h", "mg//L", "mg/(L*h)", "1e3 g", "2", "mg^", "10^", "kg m"]
)
def test_text_that_is_no_unit_is_refused(text):
    with pytest.raises(UnitError, match="RDN-U001"):
        parse_unit(text)


@pytest.mark.parametrize("text", ["*".join(["10^99"] * 5), "1/10^99/10^99", "mg^9*mg^9*mg^9*mg^9"])
def test_a_unit_that_no_number_can_be_computed_in_is_refused(text):
    with pytest.raises(UnitError, match="RDN-U001 not a unit: too"):
        convert(1.0, text, "1")


def test_every_pair_of_simple_units_converts_within_its_dimension_only():
    for unit in UNITS:
        for target in UNITS:
            if dimension(unit) == dimension(target):
                assert same_dimension(unit, target)
                assert convert(1.0, unit, target) > 0
            else:
                with pytest.raises(UnitError, match="RDN-U002"):
                    convert(1.0, unit, target)


def test_wrong_dimension_says_which():
    with pytest.raises(UnitError, match=r"RDN-U002 'mg' \(mass\) cannot be converted to 'mL' \(length\^3\)"):
        convert(1.0, "mg", "mL")


def test_same_unit_still_has_to_exist():
    with pytest.raises(UnitError, match="RDN-U001"):
        convert(1.0, "furlong", "furlong")


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1.5 g", 1.5, "g"),
        ("2mg/kg", 2.0, "mg/kg"),
        (" .5  1/h ", 0.5, "1/h"),
        ("-3 %", -3.0, "%"),
        ("1e-3 mg*h/L", 0.001, "mg*h/L"),
    ],
)
def test_quantity(text, value, unit):
    assert parse_quantity(text) == (value, unit)


def test_quantity_converts():
    assert parse_quantity("1.5 g").to("mg") == 1500.0


@pytest.mark.parametrize("text", ["", "g", "1.5", "1,5 g", "one g", "nan g", "inf g", "1e999 g"])
def test_text_that_is_no_quantity_is_refused(text):
    with pytest.raises(UnitError, match=r"RDN-U00[13]"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("mg", ("mg", None)),
        ("mg/kg", ("mg", "weight")),
        ("g/m2", ("g", "bsa")),
        ("mg / m^2", ("mg", "bsa")),
        ("umol", ("umol", None)),
        ("session", ("session", None)),
        ("Gy", ("Gy", None)),
        ("IU/kg", ("IU", "weight")),
    ],
)
def test_dosing_rules(text, rule):
    assert dosing_rule(text) == rule


@pytest.mark.parametrize("text", ["L", "mg/L", "mg/day", "mg/kg/day", "h", "%", "mg/", "mg/m", "kg^2"])
def test_what_no_dose_can_be_measured_in(text):
    with pytest.raises(UnitError, match=r"RDN-U00[14]"):
        dosing_rule(text)
