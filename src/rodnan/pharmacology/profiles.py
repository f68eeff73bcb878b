"""Concentrations over time: after any doses, and at the steady state of a repeated regimen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rodnan.errors import DoseError, ModelError
from rodnan.pharmacology.exposure import LONGEST_STEP, absorbed_share
from rodnan.pharmacology.kernels import saturable_loss
from rodnan.pharmacology.linear import advance, propagators, steady_periodic
from rodnan.pharmacology.models import BINDING, DrugModel, PatientPK
from rodnan.pharmacology.pieces import DoseSlot, resolve_slots

__all__ = ["concentrations", "steady_state"]

Array = NDArray[np.float64]


def concentrations(
    model: DrugModel,
    patients: PatientPK,
    doses: Sequence[tuple[float, ArrayLike, str, float]],
    times: ArrayLike,
    *,
    output: str = "parent",
    state: ArrayLike | None = None,
) -> Array:
    """Return concentrations at given times.

    Parameters
    ----------
    model, patients
        The drug and the individual kinetics.
    doses
        ``(time, amount, route, duration)``: day, mg of shape () or (n,), route, length of an infusion (day).
    times
        When to read (day), ascending, not below zero. A dose at the same time is counted.
    output
        Which concentration: ``parent``, ``metabolite``, ``effect_<name>``, or ``total`` of a drug with
        binding.
    state
        Amounts at time 0; None for none.

    Returns
    -------
    ndarray, shape (n, len(times))
        Concentrations (mg/L).

    Raises
    ------
    DoseError, ModelError
        As in :func:`prepare` and :func:`daily_effects`.
    """
    times = np.asarray(times, dtype=np.float64)
    if times.ndim != 1 or not np.isfinite(times).all() or (np.diff(times) < 0.0).any() or (times < 0.0).any():
        raise ModelError("RDN-M119", "times must ascend from zero")
    n, m = patients.n, model.n_compartments
    free = "parent" if output == "total" else output
    rows = model.structure.output_rows(free, patients.parameters)
    events = _events(model, patients, doses)
    last = times[-1] if len(times) else 0.0
    stops = sorted({float(t) for t in times} | {t for t, _, _, _ in events if t <= last})
    amounts = np.zeros((n, m)) if state is None else np.array(state, dtype=np.float64)
    rates = np.zeros((n, m))
    mover = _Mover(model, patients)
    result = np.empty((n, len(times)))
    now, position, read = 0.0, 0, 0
    for stop in stops:
        amounts = mover.move(amounts, rates, stop - now)
        now = stop
        while position < len(events) and events[position][0] <= now:
            _, kind, compartment, value = events[position]
            (rates if kind == "rate" else amounts)[:, compartment] += value
            position += 1
        while read < len(times) and times[read] == now:
            result[:, read] = np.einsum("nm,nm->n", rows, amounts)
            read += 1
    result = np.maximum(result, 0.0)
    if output == "total":
        linear, saturable, kd = (patients.parameters[name][:, None] for name in BINDING)
        result = result * (1.0 + linear + saturable / (1.0 + result / kd))
    return result


Event = tuple[float, str, int, Array]


def _events(
    model: DrugModel, patients: PatientPK, doses: Sequence[tuple[float, ArrayLike, str, float]]
) -> list[Event]:
    """Doses as (time, bolus or change of rate, compartment, amount of each patient), in the order of time."""
    n = patients.n
    events: list[Event] = []
    for time, amount, route, duration in doses:
        given = np.broadcast_to(np.asarray(amount, dtype=np.float64), (n,))
        if not (np.isfinite(given) & (given >= 0.0)).all():
            raise DoseError("RDN-D104", "a dose must be a finite number not below zero", where=model.id)
        if not (0.0 <= time < np.inf and 0.0 <= duration < np.inf):
            reason = "a dose needs a time and a duration not below zero"
            raise DoseError("RDN-D101", reason, where=model.id, value=f"time {time}, duration {duration}")
        if duration > 0.0 and route != "iv":
            raise DoseError("RDN-D102", "only a dose into a vein can be an infusion", value=route)
        r = model.route(route)
        compartment = model.structure.entry(route)
        entered = given * absorbed_share(model, patients, route, given)
        if r.bioavailability is not None:
            entered = entered * patients.parameters[r.bioavailability]
        if duration > 0.0:
            events.append((float(time), "rate", compartment, entered / duration))
            events.append((float(time + duration), "rate", compartment, -entered / duration))
        elif r.lag is not None:
            # Each patient's dose enters at its own moment.
            for lag in np.unique(patients.parameters[r.lag]):
                its = np.where(patients.parameters[r.lag] == lag, entered, 0.0)
                events.append((float(time + lag), "bolus", compartment, its))
        else:
            events.append((float(time), "bolus", compartment, entered))
    return sorted(events, key=lambda event: event[0])


class _Mover:
    """Moves amounts on in time; keeps the last propagator, because steps of one length follow each other."""

    def __init__(self, model: DrugModel, patients: PatientPK) -> None:
        self.model, self.patients = model, patients
        self.length = -1.0
        self.pair: tuple[Array, Array] = (np.empty(0), np.empty(0))

    def move(self, amounts: Array, rates: Array, length: float) -> Array:
        if length <= 0.0:
            return amounts
        steps = 1 if not self.model.saturable else max(1, int(np.ceil(length / LONGEST_STEP)))
        for _ in range(steps):
            amounts = self._lose(amounts, length / steps)
            amounts = self._linear(amounts, rates, length / steps)
            amounts = self._lose(amounts, length / steps)
        return amounts

    def _linear(self, amounts: Array, rates: Array, step: float) -> Array:
        if abs(step - self.length) > 1e-12 * step:
            self.pair, self.length = propagators(self.patients.k, step), step
        e, phi = self.pair
        moved = np.einsum("nij,nj->ni", e, amounts)
        return moved + np.einsum("nij,nj->ni", phi, rates) if rates.any() else moved

    def _lose(self, amounts: Array, step: float) -> Array:
        if not self.model.saturable:
            return amounts
        central = self.model.structure.entry("iv")
        values = self.patients.parameters
        for p in range(self.patients.n):
            volume = values["V1"][p]
            c, rate = amounts[p, central] / volume, values["Vmax"][p] / volume
            amounts[p, central] = volume * saturable_loss(c, rate, values["Km"][p], 0.5 * step)
        return amounts


def steady_state(
    model: DrugModel,
    patients: PatientPK,
    amounts: ArrayLike,
    slots: Sequence[DoseSlot | float],
    *,
    route: str | None = None,
    every: float = 1.0,
) -> Array:
    """Return the state at the start of a day, before its doses, of a regimen repeated for ever.

    Parameters
    ----------
    model, patients
        The drug and the individual kinetics.
    amounts
        Dose of each slot (mg), shape (slots,) or (n, slots).
    slots, route
        As in :func:`prepare`.
    every
        Repeat the day's doses every so many days.

    Returns
    -------
    ndarray, shape (n, n_compartments)

    Raises
    ------
    ModelError
        ``RDN-M121`` elimination is saturable: simulate the doses instead; ``RDN-M118`` a lag that passes
        the end of the interval.
    """
    if model.saturable:
        raise ModelError("RDN-M121", "no closed steady state with saturable elimination", where=model.id)
    slots = resolve_slots(model, slots, route)
    n, m = patients.n, model.n_compartments
    given = np.broadcast_to(np.asarray(amounts, dtype=np.float64), (n, len(slots)))
    if not (np.isfinite(given) & (given >= 0.0)).all():
        raise DoseError("RDN-D104", "a dose must be a finite number not below zero", where=model.id)
    total = np.zeros((n, m))
    for j, slot in enumerate(slots):
        r = model.route(slot.route)
        entered = np.zeros((n, m))
        value = given[:, j] * absorbed_share(model, patients, slot.route, given[:, j])
        value = value * (patients.parameters[r.bioavailability] if r.bioavailability else 1.0)
        entered[:, model.structure.entry(slot.route)] = value
        lag = patients.parameters[r.lag] if r.lag else np.zeros(n)
        left = every - slot.time - lag
        if (left < 0.0).any():
            raise ModelError(
                "RDN-M118", "a lag time that passes the end of the dosing interval", where=model.id
            )
        if slot.duration > 0.0:
            at_dose = steady_periodic(
                patients.k, every, rates=entered / slot.duration, duration=slot.duration
            )
            at_end = advance(patients.k, at_dose, slot.duration, entered / slot.duration)
            total += advance(patients.k, at_end, left - slot.duration)
        else:
            total += advance(patients.k, steady_periodic(patients.k, every, bolus=entered), left)
    return total
