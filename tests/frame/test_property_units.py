"""Units beside pint, an independent library, over random compound units."""

from __future__ import annotations

from functools import cache

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rodnan.errors import UnitError
from rodnan.units import UNITS, convert, dimension, parse_unit

IN_PINT = {
    "m2": "m**2", "cm2": "cm**2", "mm2": "mm**2", "m3": "m**3", "cm3": "cm**3", "mm3": "mm**3",
    "week": "week", "month": "month", "year": "year", "h": "hour", "min": "minute", "s": "second",
    "cell": "dimensionless", "fraction": "dimensionless", "%": "percent",
}  # fmt: skip
OURS_ALONE = {"IU", "U", "Gy", "cGy", "mmHg", "session", "score", "pct_pred"}
SHARED = sorted(set(UNITS) - OURS_ALONE)

values = st.floats(1e-6, 1e6, allow_nan=False)
simple = st.sampled_from(SHARED)
compound = st.lists(st.tuples(st.sampled_from("*/"), simple), min_size=1, max_size=4).map(
    lambda parts: parts[0][1] + "".join(sign + name for sign, name in parts[1:])
)


@cache
def registry() -> pint.UnitRegistry:
    return pint.UnitRegistry()


def in_pint(text: str):
    """Return the unit `text` as pint sees it."""
    result = registry().Quantity(1.0)
    sign = "*"
    for part in text.replace("*", " * ").replace("/", " / ").split():
        if part in "*/":
            sign = part
            continue
        factor = registry().Quantity(1.0, IN_PINT.get(part, part))
        result = result * factor if sign == "*" else result / factor
    return result


@given(value=values, unit=compound, target=compound)
def test_conversions_agree_with_pint(value, unit, target):
    ours, theirs = dimension(unit) == dimension(target), in_pint(unit).is_compatible_with(in_pint(target))
    assert ours == theirs
    if ours:
        expected = (value * in_pint(unit) / in_pint(target)).to("dimensionless").magnitude
        assert convert(value, unit, target) == pytest.approx(expected, rel=1e-12)
    else:
        with pytest.raises(UnitError, match="RDN-U002"):
            convert(value, unit, target)


@pytest.mark.parametrize("unit", SHARED)
@pytest.mark.parametrize("target", SHARED)
def test_simple_units_agree_with_pint(unit, target):
    if in_pint(unit).is_compatible_with(in_pint(target)):
        expected = (in_pint(unit) / in_pint(target)).to("dimensionless").magnitude
        assert convert(1.0, unit, target) == pytest.approx(expected, rel=1e-12)
    else:
        assert dimension(unit) != dimension(target)


@given(value=values, unit=compound, other=simple)
def test_there_and_back_returns_the_number(value, unit, other):
    target = f"{unit}*{other}/{other}"
    assert convert(convert(value, unit, target), target, unit) == pytest.approx(value, rel=1e-15)


@given(values, simple, simple)
def test_conversion_is_linear_and_composes(value, first, second):
    if dimension(first) == dimension(second):
        assert convert(2 * value, first, second) == pytest.approx(
            2 * convert(value, first, second), rel=1e-15
        )
        assert convert(convert(value, first, second), second, first) == pytest.approx(value, rel=1e-14)


@given(st.text(max_size=12) | st.text("mgLh/*^10 %kday", max_size=8))
def test_any_text_is_a_unit_or_a_unit_error(text):
    refused = None
    try:
        size = parse_unit(text).size
    except UnitError as error:
        refused, size = error, 0
    assert (size > 0) != (refused is not None and refused.code == "RDN-U001")
    assert "\n" not in str(refused)
