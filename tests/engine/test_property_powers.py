"""Powers by polynomials against the mathematical library."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rodnan.engine.compile.bits import power32, power64


@given(st.floats(1e-30, 1e30), st.floats(-4, 4))
def test_double_powers_to_a_few_units_in_the_last_place(base, exponent):
    units = 3 + abs(exponent * math.log(base))
    assert power64(base, exponent) == pytest.approx(base**exponent, rel=units * 2.3e-16)


@given(st.floats(1e-6, 1e6), st.floats(-2, 2))
def test_single_powers_to_a_few_units_in_the_last_place(base, exponent):
    b, e = np.float32(base), np.float32(exponent)
    units = 3 + abs(float(e) * math.log(float(b)))
    assert float(power32(b, e)) == pytest.approx(float(b) ** float(e), rel=units * 1.2e-7)


@pytest.mark.parametrize(("power", "real"), [(power64, np.float64), (power32, np.float32)])
def test_edges(power, real):
    assert math.isnan(power(real(-1.0), real(0.5)))
    assert power(real(0.0), real(0.5)) == 0.0
    assert power(real(0.0), real(-0.5)) == math.inf
    assert math.isnan(power(real(np.nan), real(0.5)))
    assert power(real(1.0), real(-0.17)) == 1.0
