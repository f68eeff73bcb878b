"""Exposure: from doses taken to the mean effect of each day.

The disease feels the *mean of the effect*, not the effect of the mean concentration (for mycophenolic acid
twice daily the latter is 15 % too strong). Each day is cut at its dose times; inside a piece the amounts
follow the exact propagator (`rodnan.pharmacology.linear`) and the effect is integrated by Gauss-Legendre
quadrature on panels that cluster after the dose: with T the settling time of the dose (mean absorption
time, or 1/(loss rate) of the central compartment for a dose into a vein) the panels end at T/2, 3T/2, 5T,
15T and the end of the piece, with 8, 8, 8, 6 and 6 nodes. Everything that depends on the patient but not on
the day (propagators, rows that read the concentration at each node) is computed once by :func:`prepare`.

Patients are independent of each other, so results do not depend on the number of threads or on the batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from rodnan.errors import DoseError, ModelError
from rodnan.pharmacology.linear import advance, expm_into, steady_periodic
from rodnan.pharmacology.models import SERIES_FORMS, DrugModel, PatientPK

__all__ = [
    "DoseSlot",
    "Prepared",
    "concentrations",
    "daily_effects",
    "empty_state",
    "prepare",
    "steady_state",
]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

PANEL_ENDS = (0.5, 1.5, 5.0, 15.0)  # in settling times after a dose
PANEL_ORDERS = (8, 8, 8, 6, 6)
_N_NODES = sum(PANEL_ORDERS)
_GAUSS = [np.polynomial.legendre.leggauss(order) for order in PANEL_ORDERS]
_EMAX, _LINEAR, _MEAN, _DOSE = range(len(SERIES_FORMS))
_SMALLEST_BLOCK = 32


@dataclass(frozen=True)
class DoseSlot:
    """A time of day at which a dose may be taken.

    Attributes
    ----------
    time
        Fraction of the day, 0 <= time < 1. A day that starts with its first dose (time 0) costs least.
    route
        Route of the drug's record.
    duration
        Length of an infusion (day); it must end within the day. 0: all at once.
    """

    time: float
    route: str
    duration: float = 0.0


@dataclass(frozen=True)
class Prepared:
    """Everything about n patients and their dose times that does not change from day to day.

    Attributes
    ----------
    slots
        The dose times.
    entry
        Compartment that each slot's dose enters, shape (slots,).
    gain
        What one unit given becomes on entry (bioavailability before saturation), shape (n, slots).
    starts
        Piece of the day at whose start each slot's dose is given at once, -1 for infusions; shape (slots,).
    running
        1/duration in pieces during which a slot's infusion runs, else 0; shape (pieces, slots).
    group
        Propagator used by each piece, shape (pieces,).
    propagator
        Transposed propagators of the amounts and the infusion rate, shape (n, groups, m + 1, m + 1).
    nodes
        Rows that read each series' concentration at each quadrature node, shape (n, groups, S, m + 1, nodes).
    weights
        Quadrature weights (day), shape (n, groups, nodes).
    """

    slots: tuple[DoseSlot, ...]
    entry: Ints
    gain: Array
    starts: Ints
    running: Array
    group: Ints
    propagator: Array
    nodes: Array
    weights: Array

    def take(self, index: ArrayLike) -> Prepared:
        """Return the same for the patients at `index` (integers or booleans), in that order."""
        index = np.asarray(index)
        return Prepared(
            self.slots,
            self.entry,
            self.gain[index],
            self.starts,
            self.running,
            self.group,
            self.propagator[index],
            self.nodes[index],
            self.weights[index],
        )


def empty_state(model: DrugModel, n: int) -> Array:
    """Return the state of n patients who never took the drug, shape (n, n_compartments)."""
    return np.zeros((n, model.n_compartments))


def prepare(
    model: DrugModel,
    patients: PatientPK,
    slots: Sequence[DoseSlot | float],
    *,
    route: str | None = None,
    threads: int | None = None,
) -> Prepared:
    """Compute propagators and quadrature rows for patients and dose times.

    Parameters
    ----------
    model, patients
        The drug and the individual kinetics.
    slots
        Times of day, at least one: `DoseSlot`, or fractions of the day taken by `route`.
    route
        Route of times given as numbers; may be left out where the drug has one route only.
    threads
        Number of threads; None for all cores. It never changes a result.

    Raises
    ------
    DoseError
        ``RDN-D101`` a time outside [0, 1), a duration below zero, or an infusion that passes midnight;
        ``RDN-D102`` an infusion into anything but a vein; ``RDN-D103`` no dose time, or the route is not
        said.
    ModelError
        ``RDN-M104`` the drug has no such route; ``RDN-M118`` lag times that change the order of the doses.
    """
    slots = _slots(model, slots, route)
    n, m, s = patients.n, model.n_compartments, model.n_series
    entry = np.array([model.structure.entry(slot.route) for slot in slots], dtype=np.int64)
    gain = np.ones((n, len(slots)))
    lag = np.zeros((n, len(slots)))
    settling = np.empty((n, len(slots)))
    for j, slot in enumerate(slots):
        r = model.route(slot.route)
        if r.bioavailability is not None:
            gain[:, j] = patients.parameters[r.bioavailability]
        if r.lag is not None:
            lag[:, j] = patients.parameters[r.lag]
        settling[:, j] = _settling_time(model, patients, int(entry[j]))
    bounds, starts, running, begins = _pieces(slots, lag)
    lengths = np.diff(bounds, axis=1)
    after = np.full(lengths.shape, np.inf)  # settling time of the dose that opens the piece
    for piece, opened in enumerate(begins):
        if opened:
            after[:, piece] = settling[:, opened].min(axis=1)
    group, first = _groups(lengths, after)
    augmented = np.zeros((n, m + 1, m + 1))
    augmented[:, :m, :m] = patients.k
    augmented[:, model.structure.entry("iv"), m] = 1.0
    propagator = np.empty((n, len(first), m + 1, m + 1))
    nodes = np.zeros((n, len(first), s, m + 1, _N_NODES))
    weights = np.zeros((n, len(first), _N_NODES))
    times = np.zeros((n, len(first), _N_NODES))
    for g, piece in enumerate(first):
        times[:, g], weights[:, g] = _quadrature(lengths[:, piece], after[:, piece])
    spans = np.ascontiguousarray(lengths[:, first])
    rows = np.zeros((n, s, m + 1))
    rows[:, :, :m] = patients.rows
    _in_blocks(
        n,
        threads,
        lambda i, j: _prepare_block(
            augmented[i:j], rows[i:j], spans[i:j], times[i:j], weights[i:j], propagator[i:j], nodes[i:j]
        ),
    )
    return Prepared(slots, entry, gain, starts, running, group, propagator, nodes, weights)


def daily_effects(
    model: DrugModel,
    patients: PatientPK,
    state: ArrayLike,
    amounts: ArrayLike,
    times_of_day: Prepared | Sequence[DoseSlot | float],
    *,
    route: str | None = None,
    threads: int | None = None,
) -> tuple[Array, Array]:
    """Return the mean effect of each day and the state after the last one.

    Parameters
    ----------
    model, patients
        The drug and the individual kinetics.
    state
        Amounts at the start of the first day (mg), shape (n, n_compartments).
    amounts
        What was really taken (mg, or sessions), shape (n, days, slots); 0 for a dose missed, held or not due.
    times_of_day
        The dose times: what :func:`prepare` returned, or as it takes them.
    route, threads
        As in :func:`prepare`.

    Returns
    -------
    effects : ndarray, shape (n, days, n_series)
        Mean over the day of C^h/(EC50^h + C^h) (``emax``), of min(slope C, cap) (``linear``), of C
        (``mean``), or the amount given (``dose``).
    state : ndarray, shape (n, n_compartments)
        Amounts at the end of the last day.

    Raises
    ------
    DoseError
        ``RDN-D104`` an amount is negative or not finite.
    ModelError
        ``RDN-M119`` shapes that do not fit.
    """
    prepared = (
        times_of_day
        if isinstance(times_of_day, Prepared)
        else prepare(model, patients, times_of_day, route=route, threads=threads)
    )
    n, m = patients.n, model.n_compartments
    amounts = np.ascontiguousarray(amounts, dtype=np.float64)
    start = np.array(state, dtype=np.float64)
    if amounts.ndim != 3 or amounts.shape[0] != n or amounts.shape[2] != len(prepared.slots):
        raise ModelError("RDN-M119", "amounts must be (patients, days, dose times)", value=str(amounts.shape))
    if start.shape != (n, m) or len(prepared.gain) != n:
        raise ModelError("RDN-M119", "the state must be (patients, compartments)", value=str(start.shape))
    legal = np.isfinite(amounts) & (amounts >= 0.0)
    if not legal.all():
        bad = float(amounts[~legal][0])
        raise DoseError(
            "RDN-D104", "a dose must be a finite number not below zero", where=model.id, value=bad
        )
    taken = _absorbed(model, patients, prepared, amounts)
    effects = np.empty((n, amounts.shape[1], model.n_series))
    form = np.array([SERIES_FORMS.index(x.form) for x in model.series], dtype=np.int64)
    hill = np.array([x.hill for x in model.series])
    cap = np.array([x.cap for x in model.series])
    p = prepared
    _in_blocks(
        n,
        threads,
        lambda i, j: _daily_block(
            start[i:j], taken[i:j], amounts[i:j], p.entry, p.starts, p.running, p.group, p.propagator[i:j],
            p.nodes[i:j], p.weights[i:j], patients.half[i:j], form, hill, cap, effects[i:j],
        ),
    )  # fmt: skip
    return effects, start


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
        Which concentration: ``parent``, ``metabolite`` or ``effect_<name>``.
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
    rows = model.structure.output_rows(output, patients.parameters)
    amounts = np.zeros((n, m)) if state is None else np.array(state, dtype=np.float64)
    rates = np.zeros((n, m))
    # Doses at once as (time, kind, compartment, amount); an infusion is a rate switched on and off again.
    steps: list[tuple[float, str, int, Array]] = []
    lag_steps: list[tuple[Array, int, Array]] = []
    for time, amount, route, duration in doses:
        given = np.broadcast_to(np.asarray(amount, dtype=np.float64), (n,))
        if not (np.isfinite(given) & (given >= 0.0)).all():
            raise DoseError("RDN-D104", "a dose must be a finite number not below zero", where=model.id)
        if not (0.0 <= time < np.inf and 0.0 <= duration < np.inf):
            reason = "a dose needs a time and a duration not below zero"
            raise DoseError("RDN-D101", reason, where=model.id, value=f"time {time}, duration {duration}")
        r = model.route(route)
        compartment = model.structure.entry(route)
        entered = given * _saturation(model, patients, route, given)
        if r.bioavailability is not None:
            entered = entered * patients.parameters[r.bioavailability]
        if duration > 0.0:
            if route != "iv":
                raise DoseError("RDN-D102", "only a dose into a vein can be an infusion", value=route)
            steps.append((time, "rate", compartment, entered / duration))
            steps.append((time + duration, "rate", compartment, -entered / duration))
        elif r.lag is not None:
            lag_steps.append((time + patients.parameters[r.lag], compartment, entered))
        else:
            steps.append((time, "bolus", compartment, entered))
    steps.sort(key=lambda step: step[0])
    result = np.empty((n, len(times)))
    now = 0.0
    position = 0
    for i, at in enumerate(times):
        while position < len(steps) and steps[position][0] <= at:
            time, kind, compartment, value = steps[position]
            amounts = advance(patients.k, amounts, max(time - now, 0.0), rates)
            now = max(time, now)
            (amounts if kind == "bolus" else rates)[:, compartment] += value
            position += 1
        amounts = advance(patients.k, amounts, at - now, rates)
        now = float(at)
        result[:, i] = np.einsum("nm,nm->n", rows, amounts)
    # Doses with a lag enter at another time in every patient: superposed, each from its own moment.
    for entered_at, compartment, value in lag_steps:
        for i, at in enumerate(times):
            since = at - entered_at
            alone = np.zeros((n, m))
            alone[:, compartment] = np.where(since >= 0.0, value, 0.0)
            result[:, i] += np.einsum("nm,nm->n", rows, advance(patients.k, alone, np.maximum(since, 0.0)))
    return np.maximum(result, 0.0)


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
    """
    slots = _slots(model, slots, route)
    n, m = patients.n, model.n_compartments
    given = np.broadcast_to(np.asarray(amounts, dtype=np.float64), (n, len(slots)))
    if not (np.isfinite(given) & (given >= 0.0)).all():
        raise DoseError("RDN-D104", "a dose must be a finite number not below zero", where=model.id)
    total = np.zeros((n, m))
    for j, slot in enumerate(slots):
        r = model.route(slot.route)
        entered = np.zeros((n, m))
        value = given[:, j] * _saturation(model, patients, slot.route, given[:, j])
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


def _slots(model: DrugModel, slots: Sequence[DoseSlot | float], route: str | None) -> tuple[DoseSlot, ...]:
    result: list[DoseSlot] = []
    for slot in slots:
        if not isinstance(slot, DoseSlot):
            name = route or (next(iter(model.routes)) if len(model.routes) == 1 else None)
            if name is None:
                raise DoseError("RDN-D103", f"say by which route: {', '.join(model.routes)}", where=model.id)
            slot = DoseSlot(float(slot), name, model.route(name).infusion)
        model.route(slot.route)
        if not (0.0 <= slot.time < 1.0 and slot.duration >= 0.0 and slot.time + slot.duration <= 1.0 + 1e-12):
            raise DoseError(
                "RDN-D101",
                "a dose must start and an infusion end within its day",
                where=model.id,
                value=f"time {slot.time}, duration {slot.duration}",
            )
        if slot.duration > 0.0 and slot.route != "iv":
            raise DoseError("RDN-D102", "only a dose into a vein can be an infusion", value=slot.route)
        result.append(slot)
    if not result:
        raise DoseError("RDN-D103", "a plan needs at least one time of day", where=model.id)
    return tuple(result)


def _settling_time(model: DrugModel, patients: PatientPK, compartment: int) -> Array:
    """Mean time from entry to the central compartment, or there the time constant of the first decline."""
    central = model.structure.entry("iv")
    total = np.zeros(patients.n)
    if compartment == central:
        return -1.0 / patients.k[:, central, central]
    onward = {f.source: f.target for f in model.structure.flows if f.depletes}
    while compartment != central:
        total = total - 1.0 / patients.k[:, compartment, compartment]
        compartment = onward[compartment]
    return total


def _pieces(slots: tuple[DoseSlot, ...], lag: Array) -> tuple[Array, Ints, Array, list[list[int]]]:
    """Cut the day at its doses: bounds (n, pieces + 1), and what happens at the start of which piece."""
    cuts = sorted({0.0, 1.0} | {s.time for s in slots} | {min(s.time + s.duration, 1.0) for s in slots})
    delayed = [j for j in range(len(slots)) if (lag[:, j] > 0.0).any()]
    if not delayed:
        bounds = np.broadcast_to(np.array(cuts), (len(lag), len(cuts)))
        at = {time: i for i, time in enumerate(cuts)}
        starts = np.array([at[s.time] if s.duration == 0.0 else -1 for s in slots], dtype=np.int64)
    else:
        typical = [s.time + float(np.median(lag[:, j])) for j, s in enumerate(slots)]
        events = sorted(
            [(time, -1) for time in cuts] + [(typical[j], j) for j in delayed], key=lambda e: (e[0], e[1])
        )
        columns = [np.full(len(lag), time) if j < 0 else slots[j].time + lag[:, j] for time, j in events]
        bounds = np.stack(columns, axis=1)
        if (np.diff(bounds, axis=1) < 0.0).any() or events[-1][1] >= 0:
            raise ModelError(
                "RDN-M118", "lag times that pass the next dose or midnight: give the doses at other times"
            )
        index = {j: i for i, (_, j) in enumerate(events) if j >= 0}
        plain = {time: i for i, (time, j) in enumerate(events) if j < 0}
        starts = np.array(
            [-1 if s.duration > 0.0 else index.get(j, plain[s.time]) for j, s in enumerate(slots)],
            dtype=np.int64,
        )
    n_pieces = bounds.shape[1] - 1
    running = np.zeros((n_pieces, len(slots)))
    begins: list[list[int]] = [[] for _ in range(n_pieces)]
    middle = (bounds[0, :-1] + bounds[0, 1:]) / 2.0
    for j, slot in enumerate(slots):
        if slot.duration > 0.0:
            inside = (middle > slot.time) & (middle < slot.time + slot.duration)
            running[inside, j] = 1.0 / slot.duration
            begins[int(np.flatnonzero(inside)[0])].append(j)
            last = int(np.flatnonzero(inside)[-1]) + 1
            if last < n_pieces:
                begins[last].append(j)
        else:
            begins[int(starts[j])].append(j)
    return bounds, starts, running, begins


def _groups(lengths: Array, after: Array) -> tuple[Ints, list[int]]:
    """Pieces that are alike in every patient share their propagator."""
    group: list[int] = []
    first: list[int] = []
    for piece in range(lengths.shape[1]):
        for g, other in enumerate(first):
            same = np.allclose(lengths[:, piece], lengths[:, other], rtol=0.0, atol=1e-12)
            if same and np.array_equal(after[:, piece], after[:, other]):
                group.append(g)
                break
        else:
            group.append(len(first))
            first.append(piece)
    return np.array(group, dtype=np.int64), first


def _quadrature(length: Array, settling: Array) -> tuple[Array, Array]:
    """Nodes (day after the start) and weights of pieces, shapes (n, nodes); see the module's text."""
    ends = [np.zeros_like(length)]
    ends += [np.minimum(np.where(np.isfinite(settling), e * settling, length), length) for e in PANEL_ENDS]
    ends.append(length)
    times, weights = [], []
    for (x, w), a, b in zip(_GAUSS, ends, ends[1:], strict=False):
        half = ((b - a) / 2.0)[:, None]
        times.append(a[:, None] + half * (x + 1.0))
        weights.append(half * w)
    return np.concatenate(times, axis=1), np.concatenate(weights, axis=1)


def _saturation(model: DrugModel, patients: PatientPK, route: str, dose: Array) -> Array:
    """Share of a dose left by saturable absorption; `dose` (mg) of shape (n, ...)."""
    name = model.route(route).saturation
    if name is None or patients.bsa is None:
        return np.ones_like(dose)
    shape = (patients.n, *([1] * (dose.ndim - 1)))
    per_m2 = dose / patients.bsa.reshape(shape)
    most = patients.parameters[f"Fdrop_{name}"].reshape(shape)
    middle = patients.parameters[f"D50_{name}"].reshape(shape)
    return 1.0 - most * per_m2 / (middle + per_m2)


def _absorbed(model: DrugModel, patients: PatientPK, prepared: Prepared, amounts: Array) -> Array:
    taken = amounts * prepared.gain[:, None, :]
    for j, slot in enumerate(prepared.slots):
        if model.route(slot.route).saturation is not None:
            taken[:, :, j] *= _saturation(model, patients, slot.route, amounts[:, :, j])
    return taken


def _in_blocks(n: int, threads: int | None, work: Callable[[int, int], None]) -> None:
    """Do `work` on ranges of patients, on several threads (the compiled loops release the GIL)."""
    workers = min(threads or _cores(), max(1, n // _SMALLEST_BLOCK))
    if workers <= 1:
        work(0, n)
        return
    size = max(_SMALLEST_BLOCK, -(-n // (4 * workers)))
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work, i, min(i + size, n)) for i in range(0, n, size)]:
            done.result()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


@njit(cache=True, nogil=True)
def _prepare_block(augmented, rows, spans, times, weights, propagator, nodes):
    n, groups = spans.shape
    m1 = augmented.shape[1]
    n_series = rows.shape[1]
    e = np.empty((m1, m1))
    work = np.empty((5, m1, m1))
    for p in range(n):
        for g in range(groups):
            expm_into(augmented[p], spans[p, g], e, work)
            for i in range(m1):
                for j in range(m1):
                    propagator[p, g, j, i] = e[i, j]
            for node in range(times.shape[2]):
                if weights[p, g, node] == 0.0:
                    continue
                expm_into(augmented[p], times[p, g, node], e, work)
                for s in range(n_series):
                    for j in range(m1):
                        c = 0.0
                        for i in range(m1):
                            c += rows[p, s, i] * e[i, j]
                        nodes[p, g, s, j, node] = c


@njit(cache=True, nogil=True, error_model="numpy")
def _daily_block(
    state, taken, amounts, entry, starts, running, group, propagator, nodes, weights, half, form, hill, cap,
    effects
):  # fmt: skip
    n, days, n_slots = taken.shape
    m = state.shape[1]
    n_series = half.shape[1]
    n_nodes = weights.shape[2]
    a = np.empty(m + 1)
    b = np.empty(m + 1)
    c = np.empty(n_nodes)
    for p in range(n):
        for i in range(m):
            a[i] = state[p, i]
        for day in range(days):
            for s in range(n_series):
                effects[p, day, s] = 0.0
                if form[s] == 3:
                    for k in range(n_slots):
                        effects[p, day, s] += amounts[p, day, k]
            for piece in range(group.shape[0]):
                a[m] = 0.0
                for k in range(n_slots):
                    if starts[k] == piece:
                        a[entry[k]] += taken[p, day, k]
                    a[m] += taken[p, day, k] * running[piece, k]
                g = group[piece]
                for s in range(n_series):
                    if form[s] == 3:
                        continue
                    for node in range(n_nodes):
                        c[node] = 0.0
                    for i in range(m + 1):
                        x = a[i]
                        if x != 0.0:
                            for node in range(n_nodes):
                                c[node] += x * nodes[p, g, s, i, node]
                    total = 0.0
                    h = half[p, s]
                    if form[s] == 0:
                        if hill[s] == 1.0:
                            for node in range(n_nodes):
                                total += weights[p, g, node] * (c[node] / (h + c[node]))
                        else:
                            for node in range(n_nodes):
                                y = (c[node] / h) ** hill[s]
                                total += weights[p, g, node] * (y / (1.0 + y))
                    elif form[s] == 1:
                        for node in range(n_nodes):
                            total += weights[p, g, node] * min(h * c[node], cap[s])
                    else:
                        for node in range(n_nodes):
                            total += weights[p, g, node] * c[node]
                    effects[p, day, s] += total
                for i in range(m + 1):
                    b[i] = 0.0
                for j in range(m + 1):
                    x = a[j]
                    if x != 0.0:
                        for i in range(m + 1):
                            b[i] += x * propagator[p, g, j, i]
                for i in range(m):
                    a[i] = b[i]
        for i in range(m):
            state[p, i] = a[i]
