"""How the amounts move between events: exactly for a rate matrix, by LSODA otherwise.

Both systems answer the same two questions: where the amounts are after a time without events (`flow`), and
what the steady state of a repeated dose is (`steady`, `steady_constant`).

Steady state of a nonlinear system
----------------------------------
The state just before a dose is a fixed point of the map "one dosing interval". It is approached by giving
doses, then found by Newton's method on that map with a difference Jacobian; the result counts only if one
further interval returns to it within 1e-8 of the size that each compartment has on the way.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rodnan.errors import ModelError
from rodnan.pharmacology.linear import propagators, steady_constant, steady_periodic
from rodnan.pharmacology.nonmem.model import Model

__all__ = ["LinearSystem", "NumericSystem", "System", "numeric_system"]

Vector = NDArray[np.float64]
_CACHED_STEPS = 4096
_MAX_EVALUATIONS = 300_000


class _Lost(Exception):
    """The integration left the domain of the equations, or takes too long."""


class System(Protocol):
    """The equations over an interval without events, with the parameters that hold over it."""

    def flow(self, start: float, amounts: Vector, inputs: Vector, times: Sequence[float]) -> Vector:
        """Return the amounts at each time, shape (len(times), n), under constant `inputs`."""
        ...

    def steady(self, interval: float, bolus: Vector, inputs: Vector, duration: float) -> Vector:
        """Return the amounts just after the dose of a regimen repeated for ever."""
        ...

    def steady_constant(self, inputs: Vector) -> Vector:
        """Return the amounts under `inputs` for ever."""
        ...


class LinearSystem:
    """Linear kinetics with one rate matrix; steps of equal length share their exponential.

    Parameters
    ----------
    matrix
        K, shape (n, n), in 1/(time unit of the data set).
    """

    def __init__(self, matrix: Vector) -> None:
        self.matrix = matrix
        self._steps: dict[float, tuple[Vector, Vector]] = {}

    def flow(self, start: float, amounts: Vector, inputs: Vector, times: Sequence[float]) -> Vector:
        """Return the amounts at each time, shape (len(times), n), under constant `inputs`."""
        out = np.empty((len(times), len(amounts)))
        now, x, fed = start, amounts, bool(inputs.any())
        for i, time in enumerate(times):
            h = time - now
            if h > 0.0:
                e, phi = self._step(h)
                x = e @ x
                if fed:
                    x = x + phi @ inputs
                now = time
            out[i] = x
        return out

    def _step(self, h: float) -> tuple[Vector, Vector]:
        found = self._steps.get(h)
        if found is None:
            if len(self._steps) >= _CACHED_STEPS:
                self._steps.clear()
            found = self._steps[h] = propagators(self.matrix, h)
        return found

    def steady(self, interval: float, bolus: Vector, inputs: Vector, duration: float) -> Vector:
        """Return the amounts just after the dose of a regimen repeated for ever."""
        return steady_periodic(self.matrix, interval, bolus=bolus, rates=inputs, duration=duration)

    def steady_constant(self, inputs: Vector) -> Vector:
        """Return the amounts under `inputs` for ever."""
        return steady_constant(self.matrix, inputs)


class NumericSystem:
    """Any equations, integrated by LSODA to a relative tolerance of 1e-10.

    Parameters
    ----------
    slope
        ``slope(t, amounts) -> derivatives`` without the inputs; not finite outside its domain.
    autonomous
        Whether the slope does not depend on t; only then there is a steady state.
    start
        Amounts from which a steady state is sought.
    peaks
        Largest amount each compartment has had, shape (n,); updated here. Absolute tolerances follow it.
    rtol
        Relative tolerance.
    """

    def __init__(
        self,
        slope: Callable[[float, Vector], Sequence[float] | Vector],
        *,
        autonomous: bool,
        start: Vector,
        peaks: Vector,
        rtol: float = 1e-10,
    ) -> None:
        self.slope, self.autonomous, self.start, self.peaks, self.rtol = slope, autonomous, start, peaks, rtol

    def flow(self, start: float, amounts: Vector, inputs: Vector, times: Sequence[float]) -> Vector:
        """Return the amounts at each time, shape (len(times), n), under constant `inputs`."""
        from scipy.integrate import solve_ivp

        asked = np.asarray(times, dtype=np.float64)
        out = np.empty((len(asked), len(amounts)))
        later = asked > start
        out[~later] = amounts
        if not later.any():
            return out
        self._note(amounts)
        span = float(asked[-1]) - start  # the solver's clock begins at 0, whatever the time
        scale = max(float(self.peaks.max()), float(np.abs(inputs).max()) * span)
        slope = self.slope

        left = _MAX_EVALUATIONS

        def right(t: float, x: Vector) -> Vector:
            nonlocal left
            left -= 1
            value = np.asarray(slope(start + t, x)) + inputs
            if left < 0 or not math.isfinite(value.sum()):
                raise _Lost
            return value

        targets, place = np.unique(asked[later] - start, return_inverse=True)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                found = solve_ivp(
                    right,
                    (0.0, span),
                    amounts,
                    method="LSODA",
                    t_eval=targets,
                    rtol=self.rtol,
                    atol=np.maximum(1e-3 * self.rtol * self.peaks, 1e-16 * (scale or 1.0)),
                )
            except (_Lost, ValueError):
                found = None
        if found is None or not found.success or not np.isfinite(found.y).all():
            raise ModelError(
                "RDN-M408", "the equations cannot be solved further than this time", value=f"{start:g}"
            )
        self._note(np.abs(found.y).max(axis=1))
        out[later] = found.y.T[place]
        return out

    def _note(self, amounts: Vector) -> None:
        np.maximum(self.peaks, np.abs(amounts), out=self.peaks)

    def steady(self, interval: float, bolus: Vector, inputs: Vector, duration: float) -> Vector:
        """Return the amounts just after the dose of a regimen repeated for ever.

        Raises
        ------
        ModelError
            ``RDN-M409`` there is none, or none was found.
        """
        whole, rest = divmod(duration, interval) if inputs.any() else (0.0, 0.0)

        def one_interval(trough: Vector) -> tuple[Vector, Vector]:
            x, now = trough + bolus, 0.0
            largest = np.maximum(np.abs(trough), np.abs(x))
            if rest > 0.0:
                x = self.flow(0.0, x, (whole + 1.0) * inputs, [rest])[-1]
                largest = np.maximum(largest, np.abs(x))
                now = rest
            x = self.flow(now, x, whole * inputs, [interval])[-1]
            return x, np.maximum(largest, np.abs(x))

        given = float(bolus.sum() + inputs.sum() * duration)
        return self._fixed_point(one_interval, 8, given) + bolus

    def steady_constant(self, inputs: Vector) -> Vector:
        """Return the amounts under `inputs` for ever.

        Raises
        ------
        ModelError
            ``RDN-M409`` there is none, or none was found.
        """
        x = self.start
        with np.errstate(all="ignore"):
            speed = np.abs(np.asarray(self.slope(0.0, x)) + inputs).max()
        period = max(float(np.abs(x).max()), speed) / speed if speed > 0.0 else 1.0

        def one_period(state: Vector) -> tuple[Vector, Vector]:
            x = self.flow(0.0, state, inputs, [period])[-1]
            return x, np.maximum(np.abs(state), np.abs(x))

        return self._fixed_point(one_period, 40, float(inputs.sum()) * period)

    def _fixed_point(
        self, advance: Callable[[Vector], tuple[Vector, Vector]], rounds: int, given: float
    ) -> Vector:
        """Find the state that `advance` returns to.

        `advance` gives the next state and the sizes on the way; `given` is what one interval takes in: where
        saturable elimination cannot keep up, any state is soon large beside its growth, but not beside that.
        """
        if not self.autonomous:
            raise ModelError("RDN-M409", "equations that depend on time have no steady state")
        before, self.peaks = self.peaks, self.peaks.copy()
        try:
            x = self._search(advance, rounds, given)
        finally:
            self.peaks = before
        self._note(x)
        return x

    def _search(
        self, advance: Callable[[Vector], tuple[Vector, Vector]], rounds: int, given: float
    ) -> Vector:
        x = self.start.copy()
        for _ in range(rounds):
            x, _ = advance(x)
        for _ in range(25):
            image, size = advance(x)
            if (np.abs(image - x) <= 1e-10 * size).all():
                break
            step = _newton_step(advance, x, image, size)
            if step is None:
                x = image
                continue
            moved = x + step
            x = np.where((moved < 0.0) & (image >= 0.0), image, moved)
        image, _ = advance(x)
        again, size = advance(image)
        drift = np.abs(again - image)
        if not (drift <= 1e-8 * size).all() or (given > 0.0 and drift.sum() > 1e-4 * given):
            raise ModelError("RDN-M409", "no steady state: the amounts go on changing from dose to dose")
        return again


def _newton_step(
    advance: Callable[[Vector], tuple[Vector, Vector]], x: Vector, image: Vector, size: Vector
) -> Vector | None:
    """Newton's step towards ``advance(x) = x``, or None where there is none."""
    n = len(x)
    jacobian = np.empty((n, n))
    for j in range(n):
        nudge = 1e-4 * (size[j] or 1.0)
        moved = x.copy()
        moved[j] += nudge
        jacobian[:, j] = (advance(moved)[0] - image) / nudge
    try:
        step = np.asarray(np.linalg.solve(np.eye(n) - jacobian, image - x), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    return step if np.isfinite(step).all() else None


def numeric_system(model: Model, frame: Sequence[float], peaks: Vector, rtol: float = 1e-10) -> NumericSystem:
    """Return the numeric system of a model with the parameters of one record.

    Parameters
    ----------
    model
        Any model; a linear one is integrated too (its matrix is the slope), which tests use.
    frame
        The record's frame.
    peaks
        See :class:`NumericSystem`.
    rtol
        Relative tolerance.

    Returns
    -------
    NumericSystem
    """
    start = model.start(frame)
    if model.derivatives is None:
        matrix = model.rates(frame)
        return NumericSystem(
            lambda t, x: matrix @ x, autonomous=True, start=np.zeros_like(start), peaks=peaks, rtol=rtol
        )
    work = list(frame)
    first, n, derivatives = model.first_amount, model.n, model.derivatives

    def slope(t: float, x: Vector) -> list[float]:
        work[first : first + n] = x.tolist()
        work[first + n] = t
        try:
            return [d(work) for d in derivatives]
        except (ZeroDivisionError, OverflowError, ValueError):
            return [math.nan] * n

    return NumericSystem(slope, autonomous=not model.uses_running_time, start=start, peaks=peaks, rtol=rtol)
