"""Simulate a data set: a value on every record.

Individuals are independent; the events of one are the business of `rodnan.pharmacology.nonmem.individual`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rodnan.errors import ModelError
from rodnan.pharmacology.events import Event, check_event
from rodnan.pharmacology.nonmem.dataset import EventTable
from rodnan.pharmacology.nonmem.individual import MAX_DOSES_IN_ALL, Individual, Moment, Shared, at_row
from rodnan.pharmacology.nonmem.model import Model
from rodnan.pharmacology.nonmem.propagate import LinearSystem, System, numeric_system

__all__ = ["Simulation", "simulate"]


@dataclass(frozen=True)
class Simulation:
    """Values on every record.

    Attributes
    ----------
    table
        The data set.
    amounts
        Amounts after each record's event, shape (records, compartments).
    outputs
        Name -> values, shape (records,).
    compartment
        Compartment of each record, the default filled in.
    notices
        What a reader should know: columns that nothing reads, deviations from NONMEM.
    observations
        Name -> individual predictions and observations, shape (records,); NaN where nothing is observed. Empty
        without residual error.
    """

    table: EventTable
    amounts: NDArray[np.float64]
    outputs: Mapping[str, NDArray[np.float64]]
    compartment: tuple[int, ...]
    notices: tuple[str, ...] = ()
    observations: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


def simulate(
    model: Model,
    table: EventTable,
    *,
    numeric: bool = False,
    accepted_by_nonmem: bool = False,
    rtol: float = 1e-10,
) -> Simulation:
    """Simulate a data set.

    Parameters
    ----------
    model
        A compiled model (`compile_model`, after `honour_columns` with the header of the data set).
    table
        The data set; times, amounts and volumes in units that agree with the model's parameters.
    numeric
        Integrate a linear model too, instead of propagating it exactly.
    accepted_by_nonmem
        See `check_event`.
    rtol
        Relative tolerance of the integration.

    Returns
    -------
    Simulation

    Raises
    ------
    DoseError
        An illegal record (`rodnan.pharmacology.events`), or a lag, bioavailability, duration or rate that
        cannot be used: ``RDN-D162`` RATE -1 without a modelled rate; ``RDN-D163`` RATE -2 without a modelled
        duration; ``RDN-D164`` a modelled rate not above zero; ``RDN-D165`` a modelled duration not above
        zero; ``RDN-D166`` a lag below zero; ``RDN-D167`` a bioavailability below zero; ``RDN-D169`` a lag with the
        steady state of a constant infusion; ``RDN-D174`` too many doses; ``RDN-D175`` too many infusions
        at once; ``RDN-D176`` no steady state; ``RDN-D133`` a value is missing where a dose needs it.
    ModelError
        ``RDN-M403`` a parameter or output that is not finite; ``RDN-M408`` equations that cannot be solved.
    EngineError
        ``RDN-N150`` an amount is not finite.
    """
    columns = [table.column(c, required=c not in _lazy_columns(model)) for c in model.columns]
    values = list(zip(*(c.tolist() for c in columns), strict=True)) if columns else [()] * len(table)
    endogenous = model.derivatives is not None
    for event in table.events:
        check_event(event, model.n, endogenous=endogenous, accepted_by_nonmem=accepted_by_nonmem)
    moments = _Moments(model, numeric, rtol)
    amounts = np.empty((len(table), model.n))
    shared = Shared(MAX_DOSES_IN_ALL)
    frames: list[list[float]] = []
    for rows in table.individuals:
        events = table.events[rows]
        moments.forget()
        held = [moments.of(e, v) for e, v in zip(events, values[rows], strict=True)]
        frames += [m.frame for m in held]
        with np.errstate(all="ignore"):  # what is not finite is found and refused record by record
            amounts[rows] = Individual(model, events, shared).run(held)
    outputs = _outputs(model, table, frames, amounts)
    compartment = tuple(e.cmt or model.spec.default_dose for e in table.events)
    notices = list(shared.notices)
    if unused := table.unused(model.columns):
        notices.insert(0, f"columns that nothing reads: {', '.join(unused)}")
    return Simulation(table, amounts, outputs, compartment, tuple(notices))


def _lazy_columns(model: Model) -> set[str]:
    """Columns that only doses read: they may be missing where no dose needs them."""
    spec = model.spec
    groups = (spec.lag, spec.bioavailability, spec.duration, spec.rate)
    direct = {str(text) for group in groups for text in group.values()}
    return (direct & set(model.columns)) - model.always_read


class _Moments:
    """Frames and systems of records; equal parameters share them."""

    def __init__(self, model: Model, numeric: bool, rtol: float) -> None:
        self.model, self.numeric, self.rtol = model, numeric, rtol
        self.linear: dict[bytes, LinearSystem] = {}
        self.forget()

    def forget(self) -> None:
        """Begin a new individual."""
        self.key: tuple | None = None
        self.last: Moment | None = None
        self.peaks = np.zeros(self.model.n)

    def of(self, event: Event, values: tuple[float, ...]) -> Moment:
        # NaN, a value that may be missing, is not equal to itself: such records do not share, which is right.
        key = (*values, event.time) if self.model.uses_time else values
        if self.last is not None and key == self.key:
            return self.last
        try:
            frame = self.model.frame(values, event.time)
            system = self._system(frame)
        except ModelError as e:
            raise at_row(e, event.row) from None
        self.key, self.last = key, Moment(frame, system)
        return self.last

    def _system(self, frame: list[float]) -> System:
        if self.numeric or not self.model.is_linear:
            return numeric_system(self.model, frame, self.peaks, self.rtol)
        matrix = self.model.rates(frame)
        key = matrix.tobytes()
        if key not in self.linear:
            if len(self.linear) >= 64:
                self.linear.clear()
            self.linear[key] = LinearSystem(matrix)
        return self.linear[key]


def _outputs(
    model: Model, table: EventTable, frames: Sequence[list[float]], amounts: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    outputs = {name: np.empty(len(table)) for name in model.outputs}
    first, n, time_slot = model.first_amount, model.n, model.slots["TIME"]
    for i, (event, shared) in enumerate(zip(table.events, frames, strict=True)):
        frame = list(shared)
        frame[first : first + n] = amounts[i].tolist()
        frame[time_slot] = event.time
        for name, value in model.outputs.items():
            try:
                outputs[name][i] = value(frame)
            except ModelError as e:
                raise at_row(e, event.row) from None
    return outputs
