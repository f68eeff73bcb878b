"""Linear kinetics, propagated exactly.

With first-order flows and a constant input rate r (mg/day per compartment) the amounts obey ``dA/dt = K A +
r``, so ``A(t + h) = expm(K h) A(t) + phi(h) r`` with ``phi(h) = integral_0^h expm(K s) ds``. Both come from
one exponential of the augmented matrix ``[[K, I], [0, 0]]``; no step-size error remains.

Numerical method of the exponential
-----------------------------------
Compartmental matrices have no negative element outside the diagonal. With q the largest loss rate, ``K + q
I`` has no negative element at all, and ``expm(K h) = exp(-q h) expm((K + q I) h)``: scaling by 2^-s until
the norm is at most 1/2, a Taylor polynomial of degree 16 (remainder below 0.5^17/17! = 2e-20 of the leading
term), and s squarings are sums of products of non-negative numbers. Nothing cancels, so even the smallest
elements keep their leading digits; the error grows as about ``2^s`` units in the last place (1e-13 for a
rate of 400/day over a day). Matrices of any other sign are computed by the same polynomial without the
shift.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from rodnan.errors import ModelError

__all__ = [
    "advance",
    "compiled",
    "expm",
    "expm_into",
    "propagators",
    "steady_constant",
    "steady_periodic",
]

_DEGREE = 16
_INVERSE_FACTORIALS = np.array([1.0 / math.factorial(i) for i in range(_DEGREE + 1)])


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile with numba, without the interpreter's lock and kept on disk where there is a place to keep it.

    Parameters
    ----------
    **options
        Further options of ``numba.njit``.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, nogil=True, **options)(function)
        except (
            RuntimeError
        ):  # neither the package nor the user's folder can be written: compile at each start
            return njit(nogil=True, **options)(function)

    return decorate


@compiled()
def _matmul(a, b, out):
    n = a.shape[0]
    for i in range(n):
        for j in range(n):
            out[i, j] = 0.0
        for m in range(n):
            x = a[i, m]
            if x != 0.0:
                for j in range(n):
                    out[i, j] += x * b[m, j]


@compiled()
def expm_into(k, h, out, work):
    """Write ``expm(k * h)`` into `out`; to be called from compiled code.

    Parameters
    ----------
    k
        Matrix, shape (n, n).
    h
        Time, multiplied into `k`.
    out
        Result, shape (n, n); must not overlap `k`.
    work
        Scratch, shape (5, n, n).
    """
    n = k.shape[0]
    shift = 0.0
    metzler = True
    for i in range(n):
        for j in range(n):
            if i != j and k[i, j] * h < 0.0:
                metzler = False
        if -k[i, i] * h > shift:
            shift = -k[i, i] * h
    if not metzler:
        shift = 0.0
    b = work[0]
    norm = 0.0
    for j in range(n):
        column = 0.0
        for i in range(n):
            b[i, j] = k[i, j] * h
            if i == j:
                b[i, j] += shift
            column += abs(b[i, j])
        norm = max(norm, column)
    squarings = 0
    while norm > 0.5 and squarings < 1100:
        norm *= 0.5
        squarings += 1
    scale = 0.5**squarings
    for i in range(n):
        for j in range(n):
            b[i, j] *= scale
    b2, b3, b4, t = work[1], work[2], work[3], work[4]
    _matmul(b, b, b2)
    _matmul(b2, b, b3)
    _matmul(b2, b2, b4)
    # Paterson-Stockmeyer: four blocks of four terms, Horner in b4; the term of degree 16 opens the recursion.
    for i in range(n):
        for j in range(n):
            t[i, j] = _INVERSE_FACTORIALS[16] * b4[i, j]
    for block in range(3, -1, -1):
        c = 4 * block
        for i in range(n):
            for j in range(n):
                t[i, j] += (
                    _INVERSE_FACTORIALS[c + 1] * b[i, j]
                    + _INVERSE_FACTORIALS[c + 2] * b2[i, j]
                    + _INVERSE_FACTORIALS[c + 3] * b3[i, j]
                )
            t[i, i] += _INVERSE_FACTORIALS[c]
        if block > 0:
            _matmul(t, b4, out)
            for i in range(n):
                for j in range(n):
                    t[i, j] = out[i, j]
    decay = math.exp(-shift * scale)
    for i in range(n):
        for j in range(n):
            t[i, j] *= decay
    for _ in range(squarings):
        _matmul(t, t, out)
        for i in range(n):
            for j in range(n):
                t[i, j] = out[i, j]
    for i in range(n):
        for j in range(n):
            out[i, j] = t[i, j]


@compiled()
def _expm_batch(k, h, out):
    n = k.shape[1]
    work = np.empty((5, n, n))
    for p in range(k.shape[0]):
        expm_into(k[p], h[p], out[p], work)


def expm(k: ArrayLike, h: ArrayLike = 1.0) -> NDArray[np.float64]:
    """Return the matrix exponential ``expm(k * h)`` of a batch of matrices.

    Parameters
    ----------
    k
        Matrices, shape (..., n, n).
    h
        Time (day), shape broadcastable to the leading axes of `k`.

    Returns
    -------
    ndarray, shape (..., n, n)

    Raises
    ------
    ModelError
        ``RDN-M110`` the array is not square; ``RDN-M111`` an element is not finite.
    """
    k = np.asarray(k, dtype=np.float64)
    h = np.asarray(h, dtype=np.float64)
    if k.ndim < 2 or k.shape[-1] != k.shape[-2]:
        raise ModelError("RDN-M110", "a matrix exponential needs square matrices", value=k.shape)
    if not (np.isfinite(k).all() and np.isfinite(h).all()):
        raise ModelError("RDN-M111", "a rate or a time is not a finite number")
    batch = np.broadcast_shapes(k.shape[:-2], h.shape)
    n = k.shape[-1]
    flat = np.ascontiguousarray(np.broadcast_to(k, (*batch, n, n))).reshape(-1, n, n)
    times = np.ascontiguousarray(np.broadcast_to(h, batch)).reshape(-1)
    out = np.empty_like(flat)
    _expm_batch(flat, times, out)
    return out.reshape(*batch, n, n)


def propagators(k: ArrayLike, h: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``expm(K h)`` and ``phi(h) = integral_0^h expm(K s) ds`` for each patient.

    Parameters
    ----------
    k
        Rate matrices (1/day), shape (..., n, n).
    h
        Interval (day), at least zero, shape broadcastable to the leading axes of `k`.

    Returns
    -------
    tuple of ndarray
        Both of shape (..., n, n): ``A(t + h) = first @ A(t) + second @ r`` for a constant input r (mg/day).
    """
    k = np.asarray(k, dtype=np.float64)
    n = k.shape[-1]
    augmented = np.zeros((*k.shape[:-2], 2 * n, 2 * n))
    augmented[..., :n, :n] = k
    augmented[..., :n, n:] = np.eye(n)
    e = expm(augmented, h)
    return e[..., :n, :n], e[..., :n, n:]


def advance(
    k: ArrayLike, amounts: ArrayLike, h: ArrayLike, rates: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return the amounts after `h` days under a constant input.

    Parameters
    ----------
    k
        Rate matrices (1/day), shape (..., n, n).
    amounts
        Amounts now (mg), shape (..., n).
    h
        Interval (day), at least zero.
    rates
        Constant input (mg/day), shape (..., n); None for none.

    Returns
    -------
    ndarray, shape (..., n)
    """
    amounts = np.asarray(amounts, dtype=np.float64)
    if rates is None:
        return np.einsum("...ij,...j->...i", expm(k, h), amounts)
    e, phi = propagators(k, h)
    return np.einsum("...ij,...j->...i", e, amounts) + np.einsum(
        "...ij,...j->...i", phi, np.asarray(rates, dtype=np.float64)
    )


def steady_constant(k: ArrayLike, rates: ArrayLike) -> NDArray[np.float64]:
    """Return the steady amounts under an input that never ends: ``-K^-1 r`` (mg), shape (..., n).

    Raises
    ------
    ModelError
        ``RDN-M112`` something given is never eliminated, so there is no steady state.
    """
    return _solve(-np.asarray(k, dtype=np.float64), np.asarray(rates, dtype=np.float64))


def steady_periodic(
    k: ArrayLike,
    interval: float,
    *,
    bolus: ArrayLike | None = None,
    rates: ArrayLike | None = None,
    duration: float = 0.0,
) -> NDArray[np.float64]:
    """Return the amounts just *after* the dose of a regimen repeated for ever.

    Parameters
    ----------
    k
        Rate matrices (1/day), shape (..., n, n).
    interval
        Dosing interval (day), above zero.
    bolus
        Amounts given at once at the start of each interval (mg), shape (..., n).
    rates, duration
        An infusion (mg/day, shape (..., n)) that starts with each interval and lasts `duration` days. It
        may last longer than the interval: the infusions then overlap and their rates add.

    Returns
    -------
    ndarray, shape (..., n)
        Amounts at the start of an interval, the bolus included and the infusion about to run.

    Raises
    ------
    ModelError
        ``RDN-M112`` something given is never eliminated; ``RDN-M113`` an interval not above zero, or a
        duration below zero.
    """
    if not (interval > 0.0 and math.isfinite(interval) and duration >= 0.0 and math.isfinite(duration)):
        raise ModelError(
            "RDN-M113",
            "a steady state needs an interval above zero and a duration not below it",
            value=interval,
        )
    k = np.asarray(k, dtype=np.float64)
    n = k.shape[-1]
    e = expm(k, interval)
    gained = np.zeros(k.shape[:-1])  # amounts left, at the end of one interval, of what that interval took in
    if bolus is not None:
        gained = gained + np.einsum("...ij,...j->...i", e, np.asarray(bolus, dtype=np.float64))
    if rates is not None and duration > 0.0:
        rates = np.asarray(rates, dtype=np.float64)
        whole, rest = divmod(duration, interval)
        if whole:
            _, phi = propagators(k, interval)
            gained = gained + whole * np.einsum("...ij,...j->...i", phi, rates)
        if rest > 0.0:
            _, phi = propagators(k, rest)
            taken = np.einsum("...ij,...j->...i", phi, rates)
            gained = gained + np.einsum("...ij,...j->...i", expm(k, interval - rest), taken)
    trough = _solve(np.eye(n) - e, gained)
    return trough if bolus is None else trough + np.asarray(bolus, dtype=np.float64)


def _solve(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve for a steady state; compartments that nothing reaches stay empty."""
    right = np.broadcast_to(right, np.broadcast_shapes(right.shape, matrix.shape[:-1]))
    matrix = np.broadcast_to(matrix, (*right.shape[:-1], *matrix.shape[-2:]))
    used = right > 0.0
    for _ in range(matrix.shape[-1]):  # everything reachable from a compartment that receives a dose
        used = used | (np.einsum("...ij,...j->...i", np.abs(matrix), used.astype(float)) > 0.0)
    eye = np.eye(matrix.shape[-1])
    reduced = np.where(used[..., :, None] & used[..., None, :], matrix, eye)
    try:
        solved: NDArray[np.float64] = np.asarray(
            np.linalg.solve(reduced, right[..., None])[..., 0], dtype=np.float64
        )
    except np.linalg.LinAlgError:
        solved = np.full(right.shape, np.nan)
    if not np.isfinite(solved).all() or (solved < -1e-9 * np.abs(solved).max(initial=0.0)).any():
        raise ModelError("RDN-M112", "no steady state: something given is never eliminated")
    return solved
