"""Powers that a vectorising compiler can inline: logarithm and exponential by polynomials and the bits of a number.

A call of the mathematical library in a loop over lanes stops the compiler from using vector instructions. The logarithm
is that of fdlibm (Sun Microsystems, 1993: argument reduced to [sqrt(1/2), sqrt(2)], polynomial in ``(f / (2 + f))^2``),
the exponential a Taylor polynomial on [-ln 2 / 2, ln 2 / 2]; both are summed in pairs, which keeps chains of dependent
operations short. The relative error of ``b^e`` is about ``(2 + |e ln b|)`` units in the last place; results beyond 1e±300
(float64) or 1e±37 (float32) are not represented.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

__all__ = ["log64", "power32", "power64"]


def _reinterpreted(source: Any, target: Any, register: Any) -> Any:
    """Return a numba function that reads the bits of a `source` number as a `target` number."""

    def typed(typing, x):
        if x == source:
            return target(source), lambda context, builder, signature, values: builder.bitcast(
                values[0], register
            )
        return None

    return intrinsic(typed)


_bits64 = _reinterpreted(types.float64, types.int64, ir.IntType(64))
_real64 = _reinterpreted(types.int64, types.float64, ir.DoubleType())
_bits32 = _reinterpreted(types.float32, types.int32, ir.IntType(32))
_real32 = _reinterpreted(types.int32, types.float32, ir.FloatType())


_LOW64 = 0x3FE6A09E667F3BCD  # bits of sqrt(1/2)
_MAGIC64 = (
    6755399441055744.0  # 1.5 * 2^52: its last bits hold the nearest whole number of what is added to it
)
_MAGIC_BITS64 = 0x4338000000000000
_MANTISSA64 = 0x000FFFFFFFFFFFFF
_LN2_HIGH64, _LN2_LOW64 = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_LOG2E = 1.4426950408889634
_L1, _L2, _L3, _L4, _L5, _L6, _L7 = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)
_T2, _T3, _T4, _T5, _T6, _T7, _T8, _T9, _T10, _T11, _T12, _T13 = (
    1.0 / math.factorial(k) for k in range(2, 14)
)
_NORMAL64 = 2.2250738585072014e-308


@njit(error_model="numpy")
def _log64(x):
    """Return the logarithm of a normal positive number; of others, nothing that means anything."""
    bits = _bits64(x) - _LOW64
    whole = _real64((bits >> 52) + _MAGIC_BITS64) - _MAGIC64
    f = _real64((bits & _MANTISSA64) + _LOW64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    zz = z * z
    tail = z * ((_L1 + z * _L2) + zz * ((_L3 + z * _L4) + zz * ((_L5 + z * _L6) + zz * _L7)))
    half = 0.5 * f * f
    return whole * _LN2_HIGH64 - ((half - (s * (half + tail) + whole * _LN2_LOW64)) - f)


@njit(error_model="numpy")
def log64(x):
    """Return the natural logarithm of a float64; not a number for a negative one, minus infinity for zero."""
    log = _log64(x)
    edge = -np.inf if x == 0.0 else np.nan
    return log if x >= _NORMAL64 else edge


@njit(error_model="numpy")
def power64(base, exponent):
    """Return ``base ** exponent`` of two float64; not a number for a negative base, and for zero as in `math.pow`."""
    x = exponent * _log64(base)
    shifted = x * _LOG2E + _MAGIC64
    n = shifted - _MAGIC64
    r = (x - n * _LN2_HIGH64) - n * _LN2_LOW64
    rr = r * r
    r4 = rr * rr
    low = (_T2 + r * _T3) + rr * (_T4 + r * _T5)
    middle = (_T6 + r * _T7) + rr * (_T8 + r * _T9)
    high = (_T10 + r * _T11) + rr * (_T12 + r * _T13)
    e = 1.0 + (r + rr * (low + r4 * (middle + r4 * high)))
    result = _real64(_bits64(e) + (_bits64(shifted) << 52))
    below = 0.0 if exponent > 0.0 else np.inf
    edge = below if base == 0.0 else np.nan
    return result if base >= _NORMAL64 else edge


_LOW32 = np.int32(0x3F3504F3)
_MAGIC32 = np.float32(12582912.0)  # 1.5 * 2^23
_MAGIC_BITS32 = np.int32(0x4B400000)
_MANTISSA32 = np.int32(0x007FFFFF)
_SHIFT32 = np.int32(23)
_LN2_HIGH32, _LN2_LOW32 = np.float32(6.9313812256e-01), np.float32(9.0580006145e-06)
_LOG2E32 = np.float32(_LOG2E)
_M1, _M2, _M3, _M4 = (np.float32(v) for v in (0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841))
_U2, _U3, _U4, _U5, _U6, _U7 = (np.float32(1.0 / math.factorial(k)) for k in range(2, 8))
_ZERO32, _HALF32, _ONE32, _TWO32 = (np.float32(v) for v in (0.0, 0.5, 1.0, 2.0))
_NORMAL32 = np.float32(1.17549435e-38)
_INF32, _NAN32 = np.float32(np.inf), np.float32(np.nan)


@njit(error_model="numpy")
def power32(base, exponent):
    """Return ``base ** exponent`` of two float32, otherwise as `power64`."""
    bits = np.int32(_bits32(base) - _LOW32)
    whole = _real32(np.int32(np.int32(bits >> _SHIFT32) + _MAGIC_BITS32)) - _MAGIC32
    f = _real32(np.int32(np.int32(bits & _MANTISSA32) + _LOW32)) - _ONE32
    s = f / (_TWO32 + f)
    z = s * s
    tail = z * ((_M1 + z * _M2) + z * z * (_M3 + z * _M4))
    half = _HALF32 * f * f
    log = whole * _LN2_HIGH32 - ((half - (s * (half + tail) + whole * _LN2_LOW32)) - f)
    x = exponent * log
    shifted = x * _LOG2E32 + _MAGIC32
    n = shifted - _MAGIC32
    r = (x - n * _LN2_HIGH32) - n * _LN2_LOW32
    rr = r * r
    low = (_U2 + r * _U3) + rr * ((_U4 + r * _U5) + rr * (_U6 + r * _U7))
    e = _ONE32 + (r + rr * low)
    result = _real32(np.int32(_bits32(e) + np.int32(_bits32(shifted) << _SHIFT32)))
    below = _ZERO32 if exponent > _ZERO32 else _INF32
    edge = below if base == _ZERO32 else _NAN32
    return result if base >= _NORMAL32 else edge
