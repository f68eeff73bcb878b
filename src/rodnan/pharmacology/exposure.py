"""Exposure: from doses taken to the mean effect of each day.

The disease feels the *mean of the effect*, not the effect of the mean concentration (for mycophenolic acid
twice daily the latter is 15 % too strong). Each day is cut at its dose times; inside a piece the amounts
follow the exact propagator (`rodnan.pharmacology.linear`) and the effect is integrated by quadrature that
clusters after the dose (`rodnan.pharmacology.pieces`). Everything that depends on the patient but not on
the day is computed once, by :func:`prepare`. Drugs with saturable elimination as well are stepped: see
`kernels.daily_saturable`.

Patients are independent of each other, so results do not depend on the number of threads or on the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rodnan.errors import DoseError, ModelError
from rodnan.pharmacology.kernels import daily_linear, daily_saturable, in_blocks, prepare_block
from rodnan.pharmacology.models import BINDING, SERIES_FORMS, DrugModel, PatientPK
from rodnan.pharmacology.pieces import (
    N_NODES,
    DoseSlot,
    cut_day,
    group_pieces,
    quadrature,
    resolve_slots,
    settling_time,
)

__all__ = ["Prepared", "absorbed_share", "daily_effects", "empty_state", "prepare"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LONGEST_STEP = 1.0 / 16.0  # day; saturable elimination only


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
    spans
        Length of each group's piece (day), or of one step of it; shape (n, groups).
    substeps
        Steps into which each piece is divided where elimination is saturable (the propagators are then
        those of one step), else 0; shape (pieces,).
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
    spans: Array
    substeps: Ints

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
            self.spans[index],
            self.substeps,
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

    Returns
    -------
    Prepared

    Raises
    ------
    DoseError
        ``RDN-D101`` a time outside [0, 1), a duration below zero, or an infusion that passes midnight;
        ``RDN-D102`` an infusion into anything but a vein; ``RDN-D103`` no dose time, or the route is not
        said.
    ModelError
        ``RDN-M104`` the drug has no such route; ``RDN-M118`` lag times that change the order of the doses.
    """
    slots = resolve_slots(model, slots, route)
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
        settling[:, j] = settling_time(model, patients, int(entry[j]))
    bounds, starts, running, begins = cut_day(slots, lag)
    lengths = np.diff(bounds, axis=1)
    after = np.full(lengths.shape, np.inf)  # settling time of the dose that opens the piece
    for piece, opened in enumerate(begins):
        if opened:
            after[:, piece] = settling[:, opened].min(axis=1)
    group, first = group_pieces(lengths, after)
    augmented = np.zeros((n, m + 1, m + 1))
    augmented[:, :m, :m] = patients.k
    augmented[:, model.structure.entry("iv"), m] = 1.0
    propagator = np.empty((n, len(first), m + 1, m + 1))
    nodes = np.zeros((n, len(first), s, m + 1, N_NODES))
    weights = np.zeros((n, len(first), N_NODES))
    times = np.zeros((n, len(first), N_NODES))
    for g, piece in enumerate(first):
        times[:, g], weights[:, g] = quadrature(lengths[:, piece], after[:, piece])
    substeps = np.zeros(len(group), dtype=np.int64)
    spans = np.ascontiguousarray(lengths[:, first])
    if model.saturable:
        substeps = 2 * np.maximum(1, np.ceil(lengths.max(axis=0) / (2.0 * LONGEST_STEP))).astype(np.int64)
        spans = spans / substeps[first]
        weights[:] = 0.0
    rows = np.zeros((n, s, m + 1))
    rows[:, :, :m] = patients.rows
    in_blocks(
        n,
        threads,
        lambda i, j: prepare_block(
            augmented[i:j], rows[i:j], spans[i:j], times[i:j], weights[i:j], propagator[i:j], nodes[i:j]
        ),
    )
    return Prepared(slots, entry, gain, starts, running, group, propagator, nodes, weights, spans, substeps)


def daily_effects(
    model: DrugModel,
    patients: PatientPK,
    state: ArrayLike,
    amounts: ArrayLike,
    times_of_day: Prepared | Sequence[DoseSlot | float],
    *,
    route: str | None = None,
    kept: ArrayLike | None = None,
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
    route
        As in :func:`prepare`.
    kept
        Share of what is in the central compartment that a procedure leaves at the start of each day, shape
        (n, days); see `interactions.kept_share`. None: nothing is removed.
    threads
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
    left = np.ones(amounts.shape[:2]) if kept is None else np.ascontiguousarray(kept, dtype=np.float64)
    if left.shape != amounts.shape[:2] or not ((left >= 0.0) & (left <= 1.0)).all():
        raise ModelError("RDN-M119", "a share kept lies in [0, 1], one for each day", value=str(left.shape))
    central = model.structure.entry("iv")
    taken = _absorbed(model, patients, prepared, amounts)
    effects = np.empty((n, amounts.shape[1], model.n_series))
    form = np.array([SERIES_FORMS.index(x.form) for x in model.series], dtype=np.int64)
    hill = np.array([x.hill for x in model.series])
    cap = np.array([x.cap for x in model.series])
    bound = _binding(model, patients)
    p = prepared

    def linear(i: int, j: int) -> None:
        daily_linear(
            start[i:j], taken[i:j], amounts[i:j], p.entry, p.starts, p.running, p.group, p.propagator[i:j],
            p.nodes[i:j], p.weights[i:j], patients.half[i:j], form, hill, cap, bound[i:j],
            left[i:j], central, effects[i:j],
        )  # fmt: skip

    def saturable(i: int, j: int) -> None:
        daily_saturable(
            start[i:j], taken[i:j], amounts[i:j], p.entry, p.starts, p.running, p.group, p.propagator[i:j],
            p.substeps, spans[i:j], patients.rows[i:j], patients.half[i:j], form, hill, cap, bound[i:j],
            losses[i:j], left[i:j], central, effects[i:j],
        )  # fmt: skip

    if model.saturable:
        values = patients.parameters
        losses = np.stack([values["Vmax"], values["Km"], values["V1"]], axis=1)
        spans = prepared.spans
    in_blocks(n, threads, saturable if model.saturable else linear)
    return effects, start


def absorbed_share(model: DrugModel, patients: PatientPK, route: str, dose: Array) -> Array:
    """Return the factor on the bioavailability that depends on the dose; `dose` (mg) of shape (n, ...)."""
    r = model.route(route)
    share = np.ones_like(dose)
    shape = (patients.n, *([1] * (dose.ndim - 1)))
    if r.saturation is not None and patients.bsa is not None:
        per_m2 = dose / patients.bsa.reshape(shape)
        most = patients.parameters[f"Fdrop_{r.saturation}"].reshape(shape)
        middle = patients.parameters[f"D50_{r.saturation}"].reshape(shape)
        share = 1.0 - most * per_m2 / (middle + per_m2)
    if r.dose_power is not None:
        reference, exponent = r.dose_power
        relative = np.where(dose > 0.0, dose, reference) / reference
        share = share * relative**exponent
    return share


def _binding(model: DrugModel, patients: PatientPK) -> Array:
    """Linear and saturable binding and Kd of each series, shape (n, S, 3); zeros where it is free."""
    bound = np.zeros((patients.n, model.n_series, 3))
    bound[:, :, 2] = 1.0
    for i, series in enumerate(model.series):
        if series.concentration == "total":
            bound[:, i] = np.stack([patients.parameters[name] for name in BINDING], axis=1)
    return bound


def _absorbed(model: DrugModel, patients: PatientPK, prepared: Prepared, amounts: Array) -> Array:
    taken = amounts * prepared.gain[:, None, :]
    for j, slot in enumerate(prepared.slots):
        r = model.route(slot.route)
        if r.saturation is not None or r.dose_power is not None:
            taken[:, :, j] *= absorbed_share(model, patients, slot.route, amounts[:, :, j])
    return taken
