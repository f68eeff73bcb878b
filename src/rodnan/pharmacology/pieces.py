"""The day of a patient cut at the doses, and the quadrature nodes inside each piece.

With T the settling time of the dose that opens a piece (mean absorption time, or 1/(loss rate) of the
central compartment for a dose into a vein) the panels of the quadrature end at T/2, 3T/2, 5T, 15T and the
end of the piece, with 8, 8, 8, 6 and 6 Gauss-Legendre nodes: they cluster where the concentration changes
fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rodnan.errors import DoseError, ModelError
from rodnan.pharmacology.models import DrugModel, PatientPK

__all__ = ["N_NODES", "DoseSlot", "cut_day", "group_pieces", "quadrature", "resolve_slots", "settling_time"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

PANEL_ENDS = (0.5, 1.5, 5.0, 15.0)  # in settling times after a dose
PANEL_ORDERS = (8, 8, 8, 6, 6)
N_NODES = sum(PANEL_ORDERS)
_GAUSS = [np.polynomial.legendre.leggauss(order) for order in PANEL_ORDERS]


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


def resolve_slots(
    model: DrugModel, slots: Sequence[DoseSlot | float], route: str | None
) -> tuple[DoseSlot, ...]:
    """Return dose times as slots, each checked against the drug's routes (see `exposure.prepare`)."""
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


def settling_time(model: DrugModel, patients: PatientPK, compartment: int) -> Array:
    """Mean time from entry to the central compartment, or there the time constant of the first decline."""
    central = model.structure.entry("iv")
    total = np.zeros(patients.n)
    if compartment == central:
        loss = -patients.k[:, central, central]
        return np.divide(1.0, loss, out=np.ones_like(loss), where=loss > 0.0)
    onward = {f.source: f.target for f in model.structure.flows if f.depletes}
    while compartment != central:
        total = total - 1.0 / patients.k[:, compartment, compartment]
        compartment = onward[compartment]
    return total


def cut_day(slots: tuple[DoseSlot, ...], lag: Array) -> tuple[Array, Ints, Array, list[list[int]]]:
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
    ncut_day = bounds.shape[1] - 1
    running = np.zeros((ncut_day, len(slots)))
    begins: list[list[int]] = [[] for _ in range(ncut_day)]
    middle = (bounds[0, :-1] + bounds[0, 1:]) / 2.0
    for j, slot in enumerate(slots):
        if slot.duration > 0.0:
            inside = (middle > slot.time) & (middle < slot.time + slot.duration)
            running[inside, j] = 1.0 / slot.duration
            begins[int(np.flatnonzero(inside)[0])].append(j)
            last = int(np.flatnonzero(inside)[-1]) + 1
            if last < ncut_day:
                begins[last].append(j)
        else:
            begins[int(starts[j])].append(j)
    return bounds, starts, running, begins


def group_pieces(lengths: Array, after: Array) -> tuple[Ints, list[int]]:
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


def quadrature(length: Array, settling: Array) -> tuple[Array, Array]:
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
